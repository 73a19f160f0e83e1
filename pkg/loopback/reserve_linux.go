package loopback

import (
	"net/netip"
	"os"
	"syscall"
)

func reserve(want netip.AddrPort) (*Port, error) {
	family, sockaddr := sockaddrOf(want)
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	got, err := bind(fd, sockaddr)
	if err != nil {
		_ = syscall.Close(fd)
		return nil, err
	}
	addr := netip.AddrPortFrom(want.Addr(), got)
	return &Port{addr: addr, release: func() { _ = syscall.Close(fd) }}, nil
}

// bind takes the address. SO_REUSEADDR on both sockets lets the server bind
// the same address and listen while this one holds it; Go and Postgres set it.
func bind(fd int, addr syscall.Sockaddr) (port uint16, err error) {
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, addr); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	switch name := name.(type) {
	case *syscall.SockaddrInet4:
		return uint16(name.Port), nil
	case *syscall.SockaddrInet6:
		return uint16(name.Port), nil
	}
	return 0, syscall.EAFNOSUPPORT
}

func sockaddrOf(addr netip.AddrPort) (family int, _ syscall.Sockaddr) {
	if addr.Addr().Is4() {
		return syscall.AF_INET, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	return syscall.AF_INET6, &syscall.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
}
