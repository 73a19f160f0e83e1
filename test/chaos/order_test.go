package chaos

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/loopback"
	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/events"
)

// door is an address behind which a server can be found once it is opened.
type door struct {
	port         *loopback.Port
	addr, server string
	listener     net.Listener
	passing      sync.WaitGroup
}

func newDoor(server string) (*door, error) {
	port, err := loopback.Reserve("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &door{port: port, addr: port.Addr(), server: server}, nil
}

func (d *door) open() (err error) {
	if d.listener, err = net.Listen("tcp", d.addr); err != nil {
		return err
	}
	d.passing.Go(func() {
		for {
			outside, err := d.listener.Accept()
			if err != nil {
				return
			}
			inside, err := net.Dial("tcp", d.server)
			if err != nil {
				_ = outside.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{outside, inside}, {inside, outside}} {
				d.passing.Go(func() {
					_, _ = io.Copy(way[0], way[1])
					_ = way[0].Close()
					_ = way[1].Close()
				})
			}
		}
	})
	return nil
}

// shut ends what is left of it, once nobody passes any more.
func (d *door) shut() {
	if d.listener != nil {
		_ = d.listener.Close()
	}
	d.passing.Wait()
	d.port.Release()
}

// Everything starts in the wrong order: the edge first, then the services, those
// that ask before those that answer, then their databases, and NATS last. Nobody
// gives up; what needs something that is not there yet says so.
func TestStart_wrongOrder_endsWell(t *testing.T) {
	ctx, cancel := bounded(t)
	defer cancel()
	if err := system.Reload(); err != nil {
		t.Fatal(err)
	}
	f, err := newFleet(system, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := newDoor(strings.TrimPrefix(broker.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.shut)
	doors := map[string]*door{}
	for _, r := range f.replicas {
		variables := map[string]string{"NATS_URL": "nats://" + stream.addr}
		if text := r.value("POSTGRES_URL"); text != "" {
			address, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if doors[r.process], err = newDoor(address.Host); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(doors[r.process].shut)
			address.Host = doors[r.process].addr
			variables["POSTGRES_URL"] = address.String()
		}
		r.set(variables)
	}
	t.Cleanup(func() { f.end(t) }) // before the doors are shut

	visitor := client.For("http://"+f.gateways.all[0], project, client.Public)
	for i := range f.replicas {
		r := f.replicas[len(f.replicas)-1-i]
		if err := r.start(); err != nil {
			t.Fatal(err)
		}
		if r.process == "gateway" {
			if err := r.ready(ctx); err != nil {
				t.Fatal(err)
			}
		} else if err := r.await(ctx, http.StatusServiceUnavailable); err != nil {
			t.Fatal(err)
		}
		answer, err := visitor.Do(ctx, http.MethodGet, "/users/me", nil)
		if err != nil || answer.Status != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			t.Errorf("with %s started and no database: %s, %v", r.process, answer, err)
		}
	}
	for _, r := range f.replicas {
		if d := doors[r.process]; d != nil {
			if err := errors.Join(d.open(), r.ready(ctx)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What was away while connections were tried may be missed for a moment.
	var tokens client.Tokens
	err = client.Poll(ctx, func(ctx context.Context) (err error) {
		tokens, err = visitor.SignUp(ctx, client.FreshEmail("order"), password)
		return err
	})
	if err != nil {
		t.Fatalf("without NATS: %v", err)
	}
	if err := stream.open(); err != nil {
		t.Fatal(err)
	}
	databases, err := database.Open(ctx, system.Databases)
	if err != nil {
		t.Fatal(err)
	}
	defer databases.Close(ctx)
	published, err := events.Open(broker.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer published.Close()
	settle(ctx, t, databases, published)
	if err := visitor.SignedIn(tokens).Expect(ctx, http.MethodGet, "/users/me", nil, nil); err != nil {
		t.Error(err)
	}
}
