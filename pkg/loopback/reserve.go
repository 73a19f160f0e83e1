// Package loopback hands out TCP ports that stay with their owner for the life
// of the process.
//
// The addresses of all processes must be known before the first one starts,
// and a process that is restarted must get its port back. A port that was
// merely found free may be taken by any connection in between, so it is held
// by a socket that is bound but never listens: the kernel then gives the port
// to nobody who asks for any port, while a server that names it can have it.
package loopback

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// Port is a held port.
type Port struct {
	addr    netip.AddrPort
	release func()
}

// Reserve holds the port of addr ("127.0.0.1:8102"); port 0 lets the kernel
// choose. An error for which errors.Is(err, syscall.EADDRINUSE) holds means
// that somebody else listens there.
func Reserve(addr string) (*Port, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	if !ok {
		ip = netip.IPv4Unspecified()
	}
	want := netip.AddrPortFrom(ip.Unmap(), uint16(tcp.Port))
	port, err := reserve(want)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", want, err)
	}
	return port, nil
}

// Addr is host and port.
func (p *Port) Addr() string { return p.addr.String() }

// Number is the port alone.
func (p *Port) Number() int { return int(p.addr.Port()) }

// Origin is the http URL under which a program on this machine reaches the
// port: an address that stands for all interfaces becomes the loopback one.
func (p *Port) Origin() string {
	ip := p.addr.Addr()
	switch ip {
	case netip.IPv4Unspecified():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		ip = netip.IPv6Loopback()
	}
	return "http://" + netip.AddrPortFrom(ip, p.addr.Port()).String()
}

// Release gives the port back.
func (p *Port) Release() { p.release() }

// InUse tells whether err means that the address belongs to somebody else.
func InUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
