package stack

import (
	"net/netip"
	"os"
	"syscall"
)

// Reserve holds an address of loopback for a server that is told of it, until
// release is called. A port that was merely found free may be taken by any
// connection before the server listens, or while it restarts. This one is bound
// by a socket that never listens: the kernel gives it to nobody who asks for any
// port, and to the server that names it.
func Reserve() (address string, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	port, err := bind(fd)
	if err != nil {
		_ = syscall.Close(fd)
		return "", nil, err
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	return at.String(), func() { _ = syscall.Close(fd) }, nil
}

// bind takes any port. SO_REUSEADDR here and at the server, where Go sets it,
// lets both have it.
func bind(fd int) (port uint16, err error) {
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	return uint16(name.(*syscall.SockaddrInet4).Port), nil
}
