//go:build unix && !linux

package loopback

import (
	"net"
	"net/netip"
)

// Other kernels do not let a second socket listen on a bound address: the port
// is looked up and let go.
func reserve(want netip.AddrPort) (*Port, error) {
	listener, err := net.Listen("tcp", want.String())
	if err != nil {
		return nil, err
	}
	addr := netip.AddrPortFrom(want.Addr(), listener.Addr().(*net.TCPAddr).AddrPort().Port())
	return &Port{addr: addr, release: func() {}}, listener.Close()
}
