package httpx

import (
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestCrowd_connectionsComeAndGo_isToldInSteps(t *testing.T) {
	var told []int64
	c := crowd{allow: func(bytes int64) { told = append(told, bytes/connectionMemory) }}
	change := func(state http.ConnState, n int) {
		for range n {
			c.changed(nil, state)
		}
	}
	change(http.StateNew, 255)
	change(http.StateActive, 300)
	change(http.StateIdle, 300)
	change(http.StateClosed, 255)
	if len(told) != 0 {
		t.Errorf("a few: %v", told)
	}
	change(http.StateNew, 600)
	for range 10 { // around a step
		change(http.StateClosed, 100)
		change(http.StateNew, 100)
	}
	change(http.StateClosed, 590)
	change(http.StateHijacked, 10)
	if want := []int64{256, 512, 256, 0}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// listener hands out connections that remember when they end.
type listener struct{ net.Listener }

func (listener) Accept() (net.Conn, error) { return &deadlined{}, nil }

type deadlined struct {
	net.Conn
	at time.Time
}

func (d *deadlined) SetReadDeadline(t time.Time) error {
	d.at = t
	return nil
}

func TestSpread_connectionsOpenedTogether_endOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		l := spread{listener{}}
		for _, tt := range []struct{ time, from time.Duration }{
			{5 * time.Second, 3750 * time.Millisecond},
			{500 * time.Millisecond, 375 * time.Millisecond},
			{30 * time.Second, 28750 * time.Millisecond},
		} {
			ends := map[time.Duration]bool{}
			for range 1000 {
				conn, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				if err := conn.SetReadDeadline(begin.Add(tt.time)); err != nil {
					t.Fatal(err)
				}
				end := conn.(spreadConn).Conn.(*deadlined).at.Sub(begin)
				if end > tt.time || end < tt.from {
					t.Errorf("a time of %v became %v", tt.time, end)
				}
				ends[end.Truncate(tt.time/100)] = true
			}
			if len(ends) < 3 {
				t.Errorf("%v: all end within %d hundredths", tt.time, len(ends))
			}
		}
		for _, fixed := range []time.Time{{}, begin, begin.Add(-time.Hour), time.Unix(1, 0)} {
			conn, _ := l.Accept()
			if err := conn.SetReadDeadline(fixed); err != nil || !conn.(spreadConn).Conn.(*deadlined).at.Equal(fixed) {
				t.Errorf("%v became another, %v", fixed, err)
			}
		}
	})
}
