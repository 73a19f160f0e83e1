package stack

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

const gateway = "gateway"

// services have a database and a gRPC port each; the gateway has neither.
var services = []string{"identity", "sessions", "teams", "notifications", "payments"}

// system is what the processes must know of each other.
type system struct {
	settings  Settings
	secrets   *secrets
	httpAddr  string            // of the gateway
	publicURL string            // the API's origin as callers see it
	grpc      map[string]string // service → host:port
	ops       map[string]string // process → host:port
	databases map[string]string // service → URL
	natsURL   string
	smtpURL   string
}

const (
	// encryptionKeyID names the one key of a dev stack's ring.
	encryptionKeyID = "dev"
	smtpSender      = "Vestibule <no-reply@vestibule.localhost>"
	// loopbackNetworks are where webhooks and mails of projects may go, and
	// their OpenID providers be, besides the public Internet: what a developer
	// runs on this machine.
	loopbackNetworks = "127.0.0.0/8,::1/128"
	// Edge limits that nobody meets who tries things out on one machine, or
	// measures it: requests a minute of one client.
	gatewayRatePerMinute          = 600_000
	gatewayExpensiveRatePerMinute = 60_000 // those that hash or send
	// The same for mails of one project.
	emailsPerHour       = 3_600_000
	emailBurstPerMinute = 60_000
)

// environ is the environment of one process: its own settings under its own
// prefix and nothing of the others'. A variable that the caller has set wins,
// so that IDENTITY_LOG_LEVEL=debug make run does what it says.
func (s system) environ(name string) []string {
	vars := s.common()
	if name == gateway {
		s.addGateway(vars)
	} else {
		s.addService(vars, name)
	}
	if name == "identity" {
		vars["OAUTH_ALLOW_NETWORKS"] = loopbackNetworks
	}
	if name == "notifications" {
		vars["SMTP_URL"] = s.smtpURL
		vars["SMTP_SENDER"] = smtpSender
		vars["WEBHOOK_ALLOW_NETWORKS"] = loopbackNetworks
		vars["SMTP_ALLOW_NETWORKS"] = loopbackNetworks
		vars["EMAIL_CAPACITY_PER_HOUR"] = strconv.Itoa(emailsPerHour)
		vars["EMAIL_BURST_PER_MINUTE"] = strconv.Itoa(emailBurstPerMinute)
	}

	vars["OPS_ADDR"] = s.ops[name]
	prefix := strings.ToUpper(name) + "_"
	var environ []string
	for key, value := range vars {
		if _, chosen := os.LookupEnv(prefix + key); value != "" && !chosen {
			environ = append(environ, prefix+key+"="+value)
		}
	}
	environ = append(environ, inherited(prefix)...)
	slices.Sort(environ)
	return environ
}

// common is for all six.
func (s system) common() map[string]string {
	vars := map[string]string{
		"NATS_URL":    s.natsURL,
		"SERVICE_KEY": base64Text(s.secrets.ServiceKey),
		"PUBLIC_URL":  s.publicURL,
		"LOG_LEVEL":   s.settings.LogLevel,
	}
	for _, upstream := range services {
		vars[strings.ToUpper(upstream)+"_ADDR"] = s.grpc[upstream]
	}
	return vars
}

func (s system) addService(vars map[string]string, name string) {
	own := s.secrets.Services[name]
	vars["GRPC_ADDR"] = s.grpc[name]
	vars["POSTGRES_URL"] = s.databases[name]
	vars["PRINCIPAL_PUBLIC_KEYS"] = base64Text(s.secrets.principalPublicKey())
	vars["CREDENTIAL_PUBLIC_KEYS"] = base64Text(s.secrets.credentialPublicKey())
	vars["ENCRYPTION_KEYS"] = encryptionKeyID + ":" + base64Text(own.EncryptionKey)
	vars["CODE_KEY"] = base64Text(own.CodeKey)
	if s.settings.MaxConns > 0 {
		vars["POSTGRES_MAX_CONNS"] = strconv.Itoa(s.settings.MaxConns)
	}
	if s.settings.ChaosDelivery {
		vars["CHAOS_DELIVERY"] = "true"
	}
}

func (s system) addGateway(vars map[string]string) {
	vars["HTTP_ADDR"] = s.httpAddr
	vars["PRINCIPAL_KEY"] = base64Text(s.secrets.PrincipalKey)
	vars["PROXY"] = "loopback" // tools can play any client
	vars["RATE_PER_MINUTE"] = strconv.Itoa(gatewayRatePerMinute)
	vars["EXPENSIVE_RATE_PER_MINUTE"] = strconv.Itoa(gatewayExpensiveRatePerMinute)
}

// seedEnviron is the environment of "identity seed".
func (s system) seedEnviron(file string) []string {
	return append(s.environ("identity"), "IDENTITY_SEED_FILE="+file, "IDENTITY_SEED_DEV=true")
}

// inherited is what processes get of the caller's environment: what the
// operating system, the Go runtime and telemetry read, and their own prefix.
func inherited(prefix string) []string {
	names := []string{
		"PATH", "HOME", "USER", "TMPDIR", "TZ", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR",
	}
	prefixes := []string{prefix, "OTEL_"}
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return !slices.Contains(names, name) &&
			!slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	})
}
