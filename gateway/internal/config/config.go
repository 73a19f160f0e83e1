// Package config promises that the gateway starts with settings that make
// sense together, or says which do not.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"vestibule.dev/pkg/environ"
	"vestibule.dev/pkg/mtls"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
)

var prefix = environ.Prefix("gateway")

// Config is the environment of the gateway. Every variable begins with
// GATEWAY_; a secret may also be the content of the file that <NAME>_FILE
// names.
type Config struct {
	// HTTPAddr is the host:port to listen on.
	HTTPAddr string `env:"HTTP_ADDR" envDefault:"127.0.0.1:8102"`
	// PublicURL is the origin under which callers reach the API, without a
	// trailing slash. It is part of the issuer of access tokens.
	PublicURL string `env:"PUBLIC_URL" envDefault:"http://127.0.0.1:8102"`

	// Upstreams: gRPC targets, or host:port lists separated by commas.
	IdentityAddr      string `env:"IDENTITY_ADDR,required"`
	SessionsAddr      string `env:"SESSIONS_ADDR,required"`
	TeamsAddr         string `env:"TEAMS_ADDR,required"`
	NotificationsAddr string `env:"NOTIFICATIONS_ADDR,required"`
	PaymentsAddr      string `env:"PAYMENTS_ADDR,required"`
	// NATSURL is where word of changed projects comes from and the edge's own
	// facts go to. Without it such changes are noticed within seconds.
	NATSURL string `env:"NATS_URL"`

	// RefuseRevokedFor is how long access tokens are refused whose session has
	// ended: the lifetime of access tokens, or more. With 0 they live until they
	// expire, as the API contract has it. It needs NATS.
	RefuseRevokedFor time.Duration `env:"REFUSE_REVOKED_FOR" envDefault:"0s"`

	// PrincipalKey is the Ed25519 key that signs principals: PKCS #8 PEM or
	// the base64 of its seed.
	PrincipalKey secret.Secret `env:"PRINCIPAL_KEY,required"`
	// ServiceKey names this process to the services: at least 32 bytes, or
	// several such keys separated by commas, of which the first signs. With
	// certificates it is not used.
	ServiceKey secret.Secret `env:"SERVICE_KEY"`
	// TLS secures the connections to the services.
	TLS mtls.Config

	// Proxy is what stands in front: none, cloudflare, vercel, cloudrun, a list
	// of trusted networks, or loopback, which believes every connection from
	// this machine and is for development (protocol §16).
	Proxy string `env:"PROXY" envDefault:"none"`
	// ProxyNetworks are where connections of a named proxy come from.
	ProxyNetworks []netip.Prefix `env:"PROXY_NETWORKS"`

	// Requests a minute: per client address, per client address for those that
	// cost a password hash or a message, and per project.
	RatePerMinute          int `env:"RATE_PER_MINUTE" envDefault:"3000"`
	ExpensiveRatePerMinute int `env:"EXPENSIVE_RATE_PER_MINUTE" envDefault:"120"`
	ProjectRatePerMinute   int `env:"PROJECT_RATE_PER_MINUTE" envDefault:"300000"`
	// MaxInFlight bounds the requests served at a time.
	MaxInFlight int `env:"MAX_IN_FLIGHT" envDefault:"2048"`
	// BodyMemory bounds the memory of bodies from 16 KiB to 1 MiB; longer ones are
	// read one at a time.
	BodyMemory int64 `env:"BODY_MEMORY" envDefault:"16777216"`
	// MemoryLimit is the soft limit of the whole process in bytes; towards it
	// memory is given back sooner; what thousands of open connections hold comes
	// on top. GOMEMLIMIT wins.
	MemoryLimit int64 `env:"MEMORY_LIMIT" envDefault:"83886080"`
	// StripeJSURL is where the checkout page loads Stripe's script from; anything
	// but Stripe's own is for tests.
	StripeJSURL string `env:"STRIPE_JS_URL" envDefault:"https://js.stripe.com/v3/"`
	// ShutdownGrace is the time between reporting not ready and draining.
	ShutdownGrace time.Duration `env:"SHUTDOWN_GRACE" envDefault:"0s"`

	LogLevel slog.Level `env:"LOG_LEVEL" envDefault:"INFO"`
	LogText  bool       `env:"LOG_TEXT" envDefault:"false"`
	// OTLPEndpoint is where traces and metrics go; empty means nowhere.
	OTLPEndpoint string `env:"OTLP_ENDPOINT"`
	// OpsAddr is where /metrics, /livez, /readyz and profiles are served;
	// empty means nowhere.
	OpsAddr string `env:"OPS_ADDR"`
}

// Load reads the environment, given like os.Environ.
func Load(variables []string) (Config, error) {
	var c Config
	if err := environ.Load(variables, "gateway", &c); err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

// Validate reports everything that is wrong.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, name, problem string) {
		if !ok {
			errs = append(errs, fmt.Errorf("config: %s%s %s", prefix, name, problem))
		}
	}
	u, err := url.Parse(c.PublicURL)
	check(err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && u.Path == "" && u.RawQuery == "",
		"PUBLIC_URL", "must be an origin such as https://api.example.com")
	script, err := url.Parse(c.StripeJSURL)
	check(err == nil && script.Host != "" && (script.Scheme == "http" || script.Scheme == "https"),
		"STRIPE_JS_URL", "must be an http(s) URL such as https://js.stripe.com/v3/")
	_, err = principal.ParseCallerKeys(c.ServiceKey)
	check(c.TLS.Enabled() || err == nil, "SERVICE_KEY", "must be keys of at least 32 bytes, separated by commas")
	check(c.RefuseRevokedFor >= 0, "REFUSE_REVOKED_FOR", "must not be negative")
	check(c.RefuseRevokedFor == 0 || c.NATSURL != "", "REFUSE_REVOKED_FOR", "needs NATS_URL")
	for name, n := range map[string]int{
		"RATE_PER_MINUTE": c.RatePerMinute, "EXPENSIVE_RATE_PER_MINUTE": c.ExpensiveRatePerMinute,
		"PROJECT_RATE_PER_MINUTE": c.ProjectRatePerMinute, "MAX_IN_FLIGHT": c.MaxInFlight,
	} {
		check(n > 0, name, "must be positive")
	}
	return errors.Join(errs...)
}
