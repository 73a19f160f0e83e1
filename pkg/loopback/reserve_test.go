package loopback_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"vestibule.dev/pkg/loopback"
)

func TestReserve_server_getsItsPortAgainAndAgain(t *testing.T) {
	port, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Release()
	for range 3 {
		server, err := net.Listen("tcp", port.Addr())
		if err != nil {
			t.Fatalf("the owner could not listen: %v", err)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReserve_addressWithListener_saysInUse(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := loopback.Reserve(other.Addr().String()); !loopback.InUse(err) {
		t.Errorf("got %v, want address in use", err)
	}
}

func TestOrigin_unspecifiedAddress_isLoopback(t *testing.T) {
	for addr, prefix := range map[string]string{
		"0.0.0.0:0":   "http://127.0.0.1:",
		":0":          "http://127.0.0.1:",
		"[::]:0":      "http://[::1]:",
		"127.0.0.1:0": "http://127.0.0.1:",
		"localhost:0": "http://127.0.0.1:",
	} {
		port, err := loopback.Reserve(addr)
		if errors.Is(err, syscall.EAFNOSUPPORT) && addr == "[::]:0" {
			continue // a machine without IPv6
		}
		if err != nil {
			t.Fatal(err)
		}
		defer port.Release()
		if got := port.Origin(); got[:len(prefix)] != prefix {
			t.Errorf("%s: origin %s, want %s…", addr, got, prefix)
		}
	}
}
