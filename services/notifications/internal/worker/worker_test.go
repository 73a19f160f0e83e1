package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/notifications/internal/app"
	"vestibule.dev/services/notifications/internal/worker"
)

// queue holds mails of tenants; sending one waits for release.
type queue struct {
	mu      sync.Mutex
	waiting map[ids.Tenant]int
	order   []ids.Tenant
	most    map[ids.Tenant]int // in flight at the same time
	now     map[ids.Tenant]int
	total   int
	release map[string]chan struct{} // by project
	sent    chan app.Mail
}

func (q *queue) ExpandMailings(context.Context) (int, error) { return 0, nil }

func (q *queue) RenderEmails(context.Context) (int, error) { return 0, nil }

func (q *queue) ClaimEmails(_ context.Context, room app.Room) (mails []app.Mail, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, tenant := range q.order {
		for range min(q.waiting[tenant], max(room(tenant, len(mails)), 0)) {
			q.waiting[tenant]--
			mails = append(mails, app.Mail{Claim: app.Claim{Tenant: tenant}})
		}
	}
	return mails, nil
}

func (q *queue) SendEmail(ctx context.Context, mail app.Mail) error {
	q.mu.Lock()
	q.now[mail.Tenant]++
	q.total++
	q.most[mail.Tenant] = max(q.most[mail.Tenant], q.now[mail.Tenant])
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.now[mail.Tenant]--
		q.mu.Unlock()
		q.sent <- mail
	}()
	select {
	case <-q.release[mail.ProjectID]:
		return nil
	case <-ctx.Done():
		return errors.New("cut off")
	}
}

// A tenant whose server hangs keeps eight slots busy and no more; the other's
// mails all go out meanwhile.
func TestRun_hangingServer_holdsUpItsOwnTenantOnly(t *testing.T) {
	slow, quick := ids.Tenant{ProjectID: "slow", BranchID: "main"}, ids.Tenant{ProjectID: "quick", BranchID: "main"}
	open := make(chan struct{})
	close(open)
	hang := make(chan struct{})
	q := &queue{
		waiting: map[ids.Tenant]int{slow: 100, quick: 100}, order: []ids.Tenant{slow, quick},
		most: map[ids.Tenant]int{}, now: map[ids.Tenant]int{},
		release: map[string]chan struct{}{"quick": open, "slow": hang}, sent: make(chan app.Mail, 200),
	}
	listen := func(ctx context.Context, _ time.Duration, wake func(context.Context)) error {
		wake(ctx) // once: every further turn comes from a slot that became free
		<-ctx.Done()
		return nil
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- worker.New(q, listen, slog.New(slog.DiscardHandler)).Run(ctx) }()
	for range 100 {
		if mail := <-q.sent; mail.Tenant != quick {
			t.Fatal("a mail of the hanging tenant was sent")
		}
	}
	close(hang)
	for range 100 {
		<-q.sent
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if q.most[slow] > 8 || q.most[quick] > 8 || q.total != 200 {
		t.Errorf("%d of one tenant and %d of the other were in flight, %d in all", q.most[slow], q.most[quick], q.total)
	}
}
