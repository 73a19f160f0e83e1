package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/test/client"
)

const (
	// changing is how many users are changed, one change after the other, and
	// changes how often each is.
	changing, changes = 4, 100
	// webhookKills is how often the deliverer is killed meanwhile.
	webhookKills = 4
)

// ledger is what a webhook receiver was told of users.
type ledger struct {
	mu sync.Mutex
	// seen has the ids of messages and how often each came.
	seen map[string]int
	// names are those that each user got, in the order in which they were told of
	// for the first time.
	names map[string][]int
}

func (l *ledger) take(id string, body []byte) error {
	var message struct {
		Type string
		Data struct {
			ID          string
			DisplayName string `json:"display_name"`
		}
	}
	if err := json.Unmarshal(body, &message); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[id]++; message.Type != "user.updated" || l.seen[id] > 1 {
		return nil
	}
	name, err := strconv.Atoi(message.Data.DisplayName)
	l.names[message.Data.ID] = append(l.names[message.Data.ID], name)
	return err
}

// told reports what is missing.
func (l *ledger) told(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	told := 0
	for _, names := range l.names {
		told += len(names)
	}
	if want := changing * changes; told < want {
		return fmt.Errorf("%d of %d changes were told", told, want)
	}
	return nil
}

// The deliverer is killed while users are changed (R21). Every change is told,
// under one id, and those of a user in their order, although events were under way
// whenever it died.
func TestKill_delivererDuringChanges_webhooksArriveInOrder(t *testing.T) {
	ctx, cancel := bounded(t)
	defer cancel()
	book := &ledger{seen: map[string]int{}, names: map[string][]int{}}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if err := book.take(r.Header.Get("Webhook-Id"), body); err != nil {
			t.Errorf("%v: %s", err, body)
		}
	}))
	defer receiver.Close()
	admin := client.For(system.BaseURL, project, client.Admin)
	if err := admin.Expect(ctx, http.MethodPost, "/webhooks/endpoints",
		map[string]any{"url": receiver.URL, "filter_types": []string{"user.updated"}}, nil); err != nil {
		t.Fatal(err)
	}
	server := client.For(system.BaseURL, project, client.Server)
	done := make(chan struct{}, changing*changes)
	var users sync.WaitGroup
	for range changing {
		var user struct{ ID string }
		if err := server.Expect(ctx, http.MethodPost, "/users", map[string]any{"display_name": "0"}, &user); err != nil {
			t.Fatal(err)
		}
		users.Go(func() {
			for n := 1; n <= changes; n++ {
				if err := server.Expect(ctx, http.MethodPatch, "/users/"+user.ID, map[string]any{"display_name": strconv.Itoa(n)}, nil); err != nil {
					t.Error(err)
				}
				done <- struct{}{}
			}
		})
	}
	for kill := range webhookKills {
		for range changing * changes / (webhookKills + 1) {
			<-done
		}
		if err := end(ctx, "notifications", syscall.SIGKILL); err != nil {
			t.Fatalf("kill %d: %v", kill+1, err)
		}
	}
	users.Wait()
	began := time.Now()
	waiting, stop := context.WithTimeout(ctx, patience)
	defer stop()
	aging, aged := context.WithCancel(waiting)
	ages := make(chan error, 1)
	go func() { ages <- endLeases(aging) }()
	err := client.Poll(waiting, book.told)
	aged()
	if err := errors.Join(err, <-ages); err != nil {
		t.Fatal(err)
	}
	book.mu.Lock()
	defer book.mu.Unlock()
	again := 0
	for _, times := range book.seen {
		again += times - 1
	}
	for user, names := range book.names {
		for i, name := range names {
			if name != i+1 {
				t.Errorf("%s: change %d came when %d was due: %v", user, name, i+1, names)
				break
			}
		}
	}
	t.Logf("%d changes, %d kills, all told %v after the last change, %d arrived again",
		changing*changes, webhookKills, time.Since(began).Round(time.Millisecond), again)
}

// endLeases takes deliveries from workers that died sooner than in life, until ctx
// ends.
func endLeases(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, system.Databases["notifications"])
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		if _, err := conn.Exec(ctx, `UPDATE webhook_lanes SET due_at = now()
			WHERE worker_id IS NOT NULL AND due_at BETWEEN now() AND now() + interval '50 seconds'`); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
