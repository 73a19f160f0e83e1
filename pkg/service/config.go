package service

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"vestibule.dev/pkg/environ"
	"vestibule.dev/pkg/mtls"
	"vestibule.dev/pkg/secret"
)

// Config is what all services are told by their environment. The variables
// carry the service's name as prefix, as in TEAMS_GRPC_ADDR; <NAME>_FILE names a
// file that holds the value instead.
type Config struct {
	// GRPCAddr is where the service listens.
	GRPCAddr string `env:"GRPC_ADDR" envDefault:"127.0.0.1:9000"`
	// PublicURL is the API's origin as callers know it.
	PublicURL string `env:"PUBLIC_URL" envDefault:"http://127.0.0.1:8102"`

	PostgresURL      secret.Secret `env:"POSTGRES_URL,required"`
	PostgresMaxConns int           `env:"POSTGRES_MAX_CONNS" envDefault:"8"`
	// PostgresAcquireTimeout bounds the wait for one of the connections; whoever
	// waits longer is told to come back.
	PostgresAcquireTimeout time.Duration `env:"POSTGRES_ACQUIRE_TIMEOUT" envDefault:"500ms"`

	NATSURL      string `env:"NATS_URL" envDefault:"nats://127.0.0.1:4222"`
	NATSReplicas int    `env:"NATS_REPLICAS" envDefault:"1"`

	// PrincipalPublicKeys verify the gateway's principals: base64, or PEM.
	PrincipalPublicKeys string `env:"PRINCIPAL_PUBLIC_KEYS,required"`
	// ServiceKey signs and verifies calls between services: one key, or several
	// separated by commas, of which the first signs. With certificates it is not
	// used.
	ServiceKey secret.Secret `env:"SERVICE_KEY"`
	// TLS secures the connections between processes.
	TLS mtls.Config
	// CredentialPublicKeys verify the service credentials of the operator's
	// own backends: base64, or PEM. Without them no credential is accepted.
	CredentialPublicKeys string `env:"CREDENTIAL_PUBLIC_KEYS"`
	// CredentialsRevoked are ids of credentials that are refused.
	CredentialsRevoked []string `env:"CREDENTIALS_REVOKED"`
	// BackendRatePerMinute bounds the calls of each of those backends; 0 does
	// not.
	BackendRatePerMinute int `env:"BACKEND_RATE_PER_MINUTE" envDefault:"60000"`
	// EncryptionKeys seal what must be read back: kid:base64, newest first.
	EncryptionKeys secret.Secret `env:"ENCRYPTION_KEYS,required"`
	// CodeKey is the base64 HMAC key of one-time codes, or several separated by
	// commas, of which the first makes codes and each finds them.
	CodeKey secret.Secret `env:"CODE_KEY,required"`

	IdentityAddr      string `env:"IDENTITY_ADDR"`
	SessionsAddr      string `env:"SESSIONS_ADDR"`
	TeamsAddr         string `env:"TEAMS_ADDR"`
	NotificationsAddr string `env:"NOTIFICATIONS_ADDR"`
	PaymentsAddr      string `env:"PAYMENTS_ADDR"`

	// MemoryLimit is the soft limit of the whole process in bytes; towards it
	// memory is given back sooner; what password hashing needs comes on top.
	// GOMEMLIMIT wins.
	MemoryLimit int64 `env:"MEMORY_LIMIT" envDefault:"67108864"`
	// InFlightLimit bounds the requests worked on at a time.
	InFlightLimit int `env:"IN_FLIGHT_LIMIT" envDefault:"256"`
	// ShutdownGrace is the time between reporting not ready and draining.
	ShutdownGrace time.Duration `env:"SHUTDOWN_GRACE" envDefault:"0s"`
	LogLevel      slog.Level    `env:"LOG_LEVEL" envDefault:"info"`
	LogText       bool          `env:"LOG_TEXT" envDefault:"false"`
	// OTLPEndpoint is where traces and metrics are sent, such as
	// http://collector:4317; empty means nowhere.
	OTLPEndpoint string `env:"OTLP_ENDPOINT"`
	// OpsAddr is where /metrics, /livez, /readyz and profiles are served;
	// empty means nowhere.
	OpsAddr string `env:"OPS_ADDR"`
	// ChaosDelivery delivers every event several times and out of order, for
	// tests.
	ChaosDelivery bool `env:"CHAOS_DELIVERY" envDefault:"false"`
}

// upstreams maps the name of a context to its address.
func (c *Config) upstreams() map[string]string {
	return map[string]string{
		"identity":      c.IdentityAddr,
		"sessions":      c.SessionsAddr,
		"teams":         c.TeamsAddr,
		"notifications": c.NotificationsAddr,
		"payments":      c.PaymentsAddr,
	}
}

// codeKeys decodes the keys of one-time codes.
func (c *Config) codeKeys() ([][]byte, error) {
	var keys [][]byte
	for text := range strings.SplitSeq(c.CodeKey.Reveal(), ",") {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil || len(key) < 32 {
			return nil, errors.New("CODE_KEY must be the base64 of at least 32 bytes, or several of those separated by commas")
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Load fills a struct with env tags from the variables of one service.
func Load(service string, into any) error { return environ.Load(os.Environ(), service, into) }

func prefix(service string) string { return environ.Prefix(service) }
