package httpx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrForbiddenAddress is wrapped when a connection is refused because of where
// it would lead.
var ErrForbiddenAddress = errors.New("httpx: address is not on the public Internet")

// Resolver looks up the addresses of a name; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dialer opens connections to the public Internet and nowhere else. It decides
// by the address it connects to, after the name was resolved and immediately
// before connecting, so that no way of writing an address and no change of mind
// of a name server gets around it. The zero value is ready.
type Dialer struct {
	// Allow lists networks that are permitted besides, for development: the
	// loopback network, for instance.
	Allow []netip.Prefix
	// Resolver is nil for the system's.
	Resolver Resolver
	// Timeout bounds one connection, names included. 0 means 5 s.
	Timeout time.Duration
}

// Everywhere allows all networks: for addresses that an operator, and no tenant,
// has chosen.
func Everywhere() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
}

// DialContext connects to host:port.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("%w: network %q", ErrForbiddenAddress, network)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("httpx: %w", err)
	}
	timeout := d.Timeout
	if timeout == 0 {
		timeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	addresses, err := d.lookup(ctx, network, host)
	if err != nil {
		return nil, err
	}
	// One forbidden address spoils the name: who mixes them means no good.
	for _, a := range addresses {
		if err := d.check(a); err != nil {
			return nil, err
		}
	}
	dialer := net.Dialer{Control: d.control}
	var errs []error
	for _, a := range addresses {
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (d *Dialer) lookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	var resolver Resolver = net.DefaultResolver
	if d.Resolver != nil {
		resolver = d.Resolver
	}
	addresses, err := resolver.LookupNetIP(ctx, "ip"+network[len("tcp"):], host)
	if err != nil {
		return nil, fmt.Errorf("httpx: look up %s: %w", host, err)
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("httpx: %s has no address", host)
	}
	return addresses, nil
}

func (d *Dialer) check(a netip.Addr) error {
	if Public(a) || a.Zone() == "" && contains(d.Allow, a) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrForbiddenAddress, a)
}

// control is the last word: it sees the address the kernel is about to be
// given.
func (d *Dialer) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrForbiddenAddress, address)
	}
	return d.check(ap.Addr())
}
