package stack

import (
	"slices"
	"strings"
	"testing"

	"vestibule.dev/deploy/local/devfile"
)

func testSystem() system {
	s := &secrets{}
	s.fill()
	sys := system{
		secrets: s, httpAddr: "127.0.0.1:8102", publicURL: "http://127.0.0.1:8102",
		grpc: map[string]string{}, databases: map[string]string{},
		natsURL: "nats://127.0.0.1:4222", smtpURL: "smtp://127.0.0.1:25",
	}
	for _, name := range services {
		sys.grpc[name], sys.databases[name] = name+":1", "postgres://"+name
	}
	return sys
}

func value(environ []string, name string) string {
	for _, variable := range environ {
		if got, ok := strings.CutPrefix(variable, name+"="); ok {
			return got
		}
	}
	return ""
}

func TestEnviron_service_knowsItsOwnSecretsAlone(t *testing.T) {
	sys := testSystem()
	for _, name := range services {
		text := strings.Join(sys.environ(name), "\n")
		for _, other := range services {
			own := sys.secrets.Services[other]
			for _, secret := range []string{base64Text(own.EncryptionKey), base64Text(own.CodeKey), sys.databases[other]} {
				if got := strings.Contains(text, secret); got != (name == other) {
					t.Errorf("%s is told a secret of %s: %v", name, other, got)
				}
			}
		}
		if strings.Contains(text, base64Text(sys.secrets.PrincipalKey)) {
			t.Errorf("%s could sign principals", name)
		}
	}
	gatewayText := strings.Join(sys.environ(gateway), "\n")
	if strings.Contains(gatewayText, "postgres://") || strings.Contains(gatewayText, "CODE_KEY") {
		t.Errorf("the gateway is told of a database:\n%s", gatewayText)
	}
}

func TestEnviron_settings_reachTheProcesses(t *testing.T) {
	sys := testSystem()
	sys.settings = Settings{MaxConns: 1, ChaosDelivery: true, LogLevel: "debug"}
	for name, want := range map[string]map[string]string{
		"identity": {
			"IDENTITY_GRPC_ADDR": "identity:1", "IDENTITY_SESSIONS_ADDR": "sessions:1", "IDENTITY_POSTGRES_MAX_CONNS": "1",
			"IDENTITY_CHAOS_DELIVERY": "true", "IDENTITY_LOG_LEVEL": "debug", "IDENTITY_SMTP_URL": "",
		},
		"notifications": {"NOTIFICATIONS_SMTP_URL": "smtp://127.0.0.1:25", "NOTIFICATIONS_SMTP_SENDER": smtpSender, "NOTIFICATIONS_WEBHOOK_ALLOW_NETWORKS": loopbackNetworks},
		"gateway": {
			"GATEWAY_HTTP_ADDR": "127.0.0.1:8102", "GATEWAY_PAYMENTS_ADDR": "payments:1", "GATEWAY_PROXY": "loopback",
			"GATEWAY_POSTGRES_MAX_CONNS": "",
		},
	} {
		environ := sys.environ(name)
		for variable, want := range want {
			if got := value(environ, variable); got != want {
				t.Errorf("%s=%q, want %q", variable, got, want)
			}
		}
	}
}

func TestEnviron_callersVariable_wins(t *testing.T) {
	t.Setenv("TEAMS_LOG_LEVEL", "debug")
	t.Setenv("IDENTITY_LOG_LEVEL", "warn")
	t.Setenv("VESTIBULE_INTERNAL_SECRET_SERVER_KEY", "ssk_x")
	sys := testSystem()
	sys.settings.LogLevel = "info"
	environ := sys.environ("teams")
	if got := value(environ, "TEAMS_LOG_LEVEL"); got != "debug" {
		t.Errorf("TEAMS_LOG_LEVEL=%s", got)
	}
	if slices.ContainsFunc(environ, func(v string) bool {
		return strings.HasPrefix(v, "IDENTITY_") || strings.HasPrefix(v, "VESTIBULE_")
	}) {
		t.Errorf("variables of others: %v", environ)
	}
}

func TestSecrets_secondLoad_isTheSame(t *testing.T) {
	dir := t.TempDir()
	first, err := loadSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := loadSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	if first.PostgresPassword != second.PostgresPassword || string(first.PrincipalKey) != string(second.PrincipalKey) ||
		*first.Projects[projectDev] != *second.Projects[projectDev] ||
		string(first.Services["teams"].CodeKey) != string(second.Services["teams"].CodeKey) {
		t.Error("the second load gave other secrets")
	}
}

func TestSecrets_missingPart_isAdded(t *testing.T) {
	dir := t.TempDir()
	old := &secrets{Projects: map[string]*devfile.Project{projectDev: {ID: "kept"}}}
	if err := devfile.WriteJSON(dir+"/secrets.json", old); err != nil {
		t.Fatal(err)
	}
	got, err := loadSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got.Projects[projectDev].ID != "kept" || got.Projects[projectDev].SecretServerKey == "" || got.Services["payments"] == nil {
		t.Errorf("got %+v", got)
	}
}
