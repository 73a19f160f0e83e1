package app_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/smtptest"
)

// meanwhile begins something else in the middle of a transaction and returns when
// it is done or waits for a lock. The returned function waits for its end.
func (f *fixture) meanwhile(fn func()) (end func()) {
	f.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	for f.query("SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == "0" {
		select {
		case <-done:
			return func() {}
		case <-f.t.Context().Done():
			f.t.Fatal("neither done nor waiting")
		case <-time.After(time.Millisecond):
		}
	}
	return func() { <-done }
}

// The last delivery of a lane is finished while another one is being added: that
// one is not left in a lane that is gone. If adding did not lock the lane's row, it
// would be.
func TestSendWebhooks_whileTheLaneEnds_isDelivered(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	f.endpoint(r.URL)
	f.happen("user.created", "user/1", 1)
	calls, err := f.ClaimWebhooks(t.Context(), anyRoom)
	if err != nil || len(calls) != 1 {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	end := func() {}
	if err := f.Store.RunTx(t.Context(), func(ctx context.Context, _ app.Tx) error {
		if err := f.SendWebhooks(ctx, fact("user.updated", "user/1", 2)); err != nil {
			return err
		}
		end = f.meanwhile(func() {
			if err := f.CallWebhook(t.Context(), calls[0]); err != nil {
				t.Error(err)
			}
		})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	end()
	if n := f.deliver(); n != 1 || len(r.all()) != 2 || r.all()[1].eventType() != "user.updated" {
		t.Errorf("%d deliveries afterwards", n)
	}
}

// One replica spends the burst while another one counts what is left of it.
// Without LockTenant both spend it.
func TestClaimEmails_whileTheBurstIsSpent_waits(t *testing.T) {
	f := newFixture(t)
	f.cfg = app.Config{CapacityPerHour: 0.001, BurstPerMinute: 10}
	f.App = f.replica(f.db)
	for range 30 {
		f.enqueue(ask("ada@example.com"))
	}
	for n := 1; n > 0; {
		var err error
		if n, err = f.RenderEmails(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Store.QueueEmails(t.Context()); err != nil {
		t.Fatal(err)
	}
	end, more := func() {}, -1
	if err := f.Store.RunTx(t.Context(), func(ctx context.Context, tx app.Tx) error {
		if err := tx.LockTenant(ctx, tenant); err != nil {
			return err
		}
		mails, err := tx.ClaimForSending(ctx, tenant, domain.BurstPriority, 10)
		if err != nil || len(mails) != 10 {
			t.Errorf("claimed %d mails, %v", len(mails), err)
		}
		end = f.meanwhile(func() {
			mails, err := f.ClaimEmails(t.Context(), func(ids.Tenant, int) int { return 10 })
			if err != nil {
				t.Error(err)
			}
			more = len(mails)
		})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	end()
	if more != 0 {
		t.Errorf("%d mails were claimed beyond the burst", more)
	}
}

// A mail is cancelled while the server is told of it: too late. If the statement
// that cancels did not look whether the mail is being sent, it would arrive and
// count as cancelled.
func TestUpdateOutboxEmail_inTheMiddleOfSending_isRefused(t *testing.T) {
	f := newFixture(t)
	server := as(t, principal.AccessServer, "")
	id := f.enqueue(ask("ada@example.com"))
	var once sync.Once
	f.smtp.OnData(func(smtptest.Message) error {
		once.Do(func() {
			for name, change := range map[string]app.EmailChange{"cancel": {Cancel: true}, "pause": {Paused: new(true)}} {
				if _, err := f.UpdateOutboxEmail(server, id, change); answer(err) != "EMAIL_NOT_EDITABLE" {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
		return nil
	})
	f.step(f.App)
	if got := f.row(id); got.status != domain.StatusSent || len(f.smtp.Received()) != 1 {
		t.Errorf("the mail is %+v", got)
	}
}
