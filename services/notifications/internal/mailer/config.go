package mailer

import (
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"strconv"

	"vestibule.dev/pkg/secret"
)

// Config is the platform's own mail server.
type Config struct {
	// URL is smtp://user:password@host:port, or smtps:// for TLS from the
	// start. User and password may be absent.
	URL secret.Secret `env:"SMTP_URL,required"`
	// Sender is the address mails come from, with or without a name. Projects
	// are shown under their own name.
	Sender string `env:"SMTP_SENDER,required"`
	// AllowNetworks are networks outside the public Internet in which projects
	// may have their mail servers: for development and private installations.
	AllowNetworks []netip.Prefix `env:"SMTP_ALLOW_NETWORKS"`
}

// target is a mail server and an account on it.
type target struct {
	host        string
	port        int
	implicitTLS bool
	username    string
	password    secret.Secret
	from        netmail.Address
}

func (t target) address() string { return net.JoinHostPort(t.host, strconv.Itoa(t.port)) }

// shared reads the platform's own server.
func (c Config) shared() (target, error) {
	u, err := url.Parse(c.URL.Reveal())
	if err != nil {
		return target{}, errors.New("SMTP_URL cannot be read") // the parser's error would repeat the password
	}
	t := target{host: u.Hostname(), username: u.User.Username()}
	password, _ := u.User.Password()
	t.password = secret.Secret(password)
	switch u.Scheme {
	case "smtp":
		t.port = 587
	case "smtps":
		t.port, t.implicitTLS = 465, true
	default:
		return target{}, errors.New("SMTP_URL must begin with smtp:// or smtps://")
	}
	if t.host == "" {
		return target{}, errors.New("SMTP_URL names no host")
	}
	if text := u.Port(); text != "" {
		if t.port, err = strconv.Atoi(text); err != nil || t.port < 1 || t.port > 65535 {
			return target{}, errors.New("SMTP_URL has an impossible port")
		}
	}
	sender, err := netmail.ParseAddress(c.Sender)
	if err != nil {
		return target{}, fmt.Errorf("SMTP_SENDER: %w", err)
	}
	t.from = *sender
	return t, nil
}
