package stack

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/caarlos0/env/v11"
)

// Settings is what the caller can choose, read from VESTIBULE_… variables.
type Settings struct {
	// DataDir keeps everything between starts; removing it is a fresh start.
	DataDir string `env:"DATA_DIR" envDefault:".local"`
	// HTTPAddr is where the API listens. Port 0 lets the kernel choose.
	HTTPAddr string `env:"HTTP_ADDR" envDefault:"127.0.0.1:8102"`
	// BinDir holds the programs; the default is where this one is.
	BinDir string `env:"BIN_DIR"`

	// PostgresURL names a server to use, as a role that may create roles and
	// databases. Without it the stack runs a server of its own.
	PostgresURL string `env:"POSTGRES_URL"`
	// PostgresRepository is the Maven repository that server binaries are
	// downloaded from when the machine has none.
	PostgresRepository string `env:"POSTGRES_REPOSITORY"`
	// SMTPURL takes the mails, smtp://user:password@host:port. Without it they
	// go to the built-in mailbox.
	SMTPURL string `env:"SMTP_URL"`

	// Keys of the project "internal"; those that are not set are generated.
	InternalPublishableClientKey string `env:"INTERNAL_PUBLISHABLE_CLIENT_KEY"`
	InternalSecretServerKey      string `env:"INTERNAL_SECRET_SERVER_KEY"`
	InternalSuperSecretAdminKey  string `env:"INTERNAL_SUPER_SECRET_ADMIN_KEY"`

	// MaxConns is the number of database connections of each service.
	MaxConns int `env:"MAX_CONNS"`
	// ChaosDelivery makes every consumer see events repeatedly and out of
	// order.
	ChaosDelivery bool `env:"CHAOS_DELIVERY"`
	// LogLevel of all processes: debug, info, warn or error.
	LogLevel string `env:"LOG_LEVEL"`
}

const settingsPrefix = "VESTIBULE_"

// LoadSettings reads the settings from the environment and checks them.
func LoadSettings() (Settings, error) {
	s, err := env.ParseAsWithOptions[Settings](env.Options{Prefix: settingsPrefix})
	if err != nil {
		return Settings{}, err
	}
	if s.BinDir == "" {
		program, err := os.Executable()
		if err != nil {
			return Settings{}, err
		}
		s.BinDir = filepath.Dir(program)
	}
	// Processes with another working directory use these.
	for _, dir := range []*string{&s.DataDir, &s.BinDir} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return Settings{}, err
		}
	}
	return s, s.validate()
}

func (s Settings) validate() error {
	var problems []error
	if _, _, err := net.SplitHostPort(s.HTTPAddr); err != nil {
		problems = append(problems, fmt.Errorf("VESTIBULE_HTTP_ADDR must be host:port: %w", err))
	}
	if s.PostgresURL != "" && !hasScheme(s.PostgresURL, "postgres", "postgresql") {
		problems = append(problems, errors.New("VESTIBULE_POSTGRES_URL must look like postgres://user:password@host:port/database"))
	}
	if s.SMTPURL != "" && !hasScheme(s.SMTPURL, "smtp", "smtps") {
		problems = append(problems, errors.New("VESTIBULE_SMTP_URL must look like smtp://user:password@host:port"))
	}
	if s.MaxConns < 0 {
		problems = append(problems, errors.New("VESTIBULE_MAX_CONNS must not be negative"))
	}
	return errors.Join(problems...)
}

func hasScheme(text string, schemes ...string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return false
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return true
		}
	}
	return false
}

// hostOf is the part of a URL that may be shown; its password may not.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}
