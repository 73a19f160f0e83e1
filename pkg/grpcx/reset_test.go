package grpcx_test

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
)

// Streams that are opened and given up at once cost the peer a frame each
// (CVE-2023-44487). However many come, no more are worked on than may be, nothing
// is left of them, and others are answered meanwhile.
func TestServer_rapidResets_hinderNobody(t *testing.T) {
	const resets, parallel = 20_000, 4
	h := grpctest.New(t, "echo", handler(echo).register("EchoService"), func(cfg *grpcx.ServerConfig) { cfg.InFlightLimit = 64 })
	ctx := grpctest.As(t.Context(), client)
	if _, err := call(ctx, h.Conn, "EchoService/All", request(t, "")); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	flooded := make(chan int, parallel)
	for range parallel {
		go func() { flooded <- flood(t, h, resets/parallel) }()
	}
	most, sent := 0, 0
	for ended := 0; ended < parallel; {
		select {
		case n := <-flooded:
			sent += n
			ended++
		default:
			most = max(most, runtime.NumGoroutine())
		}
		if _, err := call(ctx, h.Conn, "EchoService/All", request(t, "")); err != nil {
			t.Fatalf("meanwhile: %v", err)
		}
	}
	if sent == 0 {
		t.Fatal("no stream was opened")
	}
	// A connection may have so many streams at a time, whose handlers end when
	// they find that nobody waits.
	if limit := before + parallel*1024 + 200; most > limit {
		t.Errorf("%d goroutines, %d before", most, before)
	}
	t.Logf("%d streams opened and reset, %d goroutines at most, %d before", sent, most, before)
	if load := h.Server.Load(); load.InFlight != 0 {
		t.Errorf("%d calls are still worked on", load.InFlight)
	}
}

// flood opens n streams on a connection of its own and resets each at once. It
// returns how many the server took before it hung up.
func flood(t *testing.T, h *grpctest.Harness, n int) (sent int) {
	conn, err := h.DialContext(t.Context())
	if err != nil {
		t.Error(err)
		return 0
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Error(err)
		return 0
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		t.Error(err)
		return 0
	}
	go drain(conn)
	var block bytes.Buffer
	fields := hpack.NewEncoder(&block)
	for i := range n {
		block.Reset()
		for _, f := range [][2]string{
			{":method", "POST"}, {":scheme", "http"}, {":path", "/grpcxtest.v1.EchoService/All"}, {":authority", "x"},
			{"content-type", "application/grpc"}, {"te", "trailers"},
		} {
			if err := fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
				t.Error(err)
			}
		}
		id := uint32(2*i + 1)
		if framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true}) != nil ||
			framer.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			return i
		}
	}
	return n
}

// drain reads what a server says until it hangs up.
func drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
