package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func variables(change ...string) []string {
	vars := []string{
		"GATEWAY_IDENTITY_ADDR=127.0.0.1:1", "GATEWAY_SESSIONS_ADDR=127.0.0.1:2", "GATEWAY_TEAMS_ADDR=127.0.0.1:3",
		"GATEWAY_NOTIFICATIONS_ADDR=127.0.0.1:4", "GATEWAY_PAYMENTS_ADDR=127.0.0.1:5",
		"GATEWAY_PRINCIPAL_KEY=key", "GATEWAY_SERVICE_KEY=" + strings.Repeat("k", 32),
	}
	return append(vars, change...)
}

func TestLoad_secretFile_isRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(append(variables()[:5], "GATEWAY_SERVICE_KEY="+strings.Repeat("k", 32), "GATEWAY_PRINCIPAL_KEY_FILE="+file, "OTHER_FILE=/nowhere"))
	if err != nil || string(c.PrincipalKey) != "from file" {
		t.Errorf("%q, %v", string(c.PrincipalKey), err)
	}
}

func TestLoad_badSetting_isNamed(t *testing.T) {
	if _, err := Load(variables()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ setting, name string }{
		{"GATEWAY_PUBLIC_URL=https://api.example.com/", "PUBLIC_URL"},
		{"GATEWAY_PUBLIC_URL=api.example.com", "PUBLIC_URL"},
		{"GATEWAY_SERVICE_KEY=short", "SERVICE_KEY"},
		{"GATEWAY_RATE_PER_MINUTE=0", "RATE_PER_MINUTE"},
		{"GATEWAY_MAX_IN_FLIGHT=x", "MaxInFlight"},
		{"GATEWAY_PROXY_NETWORKS=nonsense", "ProxyNetworks"},
	} {
		_, err := Load(variables(tt.setting))
		if err == nil || !strings.Contains(err.Error(), tt.name) {
			t.Errorf("%s: %v", tt.setting, err)
		}
	}
}
