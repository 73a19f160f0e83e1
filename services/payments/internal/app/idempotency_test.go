package app_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
)

var conflict = apierr.Text(409, "-")

func keyed(ctx context.Context, key, fingerprint string) context.Context {
	return app.WithIdempotencyKey(ctx, app.IdempotencyKey{Operation: "Op", Key: key, Fingerprint: []byte(fingerprint)})
}

func (f *fixture) take(ctx context.Context) error {
	return f.UpdateItemQuantity(ctx, app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: -1})
}

// R20: the same key fifty times at once, on two replicas, has one effect and
// one answer. Without the reservation the pieces are taken many times.
func TestIdempotencyKey_parallel_takesEffectOnce(t *testing.T) {
	url := pgtest.URL(t, sources...)
	replicas := []*pg.DB{pgtest.Open(t, url, 4), pgtest.Open(t, url, 4)}
	f := newFixtureOn(t, replicas[0])
	apps := []*app.App{f.App, f.replica(replicas[1])}
	f.add(10)
	var all sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	for i := range 50 {
		all.Go(func() {
			update := app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: -1}
			if err := retry(func() error { return apps[i%2].UpdateItemQuantity(keyed(f.server(), "a", "-1"), update) }); err != nil {
				t.Errorf("take: %v", err)
			}
			grant := app.ProductGrant{Customer: f.owner(), Product: named("basic"), Quantity: 1}
			var id string
			if err := retry(func() (err error) {
				id, err = apps[i%2].GrantProduct(keyed(f.server(), "b", "basic"), grant)
				return err
			}); err != nil {
				t.Errorf("grant: %v", err)
			}
			mu.Lock()
			answers[id]++
			mu.Unlock()
		})
	}
	all.Wait()
	f.wantCredits("109")
	if len(answers) != 1 || !ids.ValidUUID(f.products(f.server())[0].Subscription.ID) || answers[f.products(f.server())[0].Subscription.ID] != 50 {
		t.Errorf("the answers are %v", answers)
	}
}

func TestIdempotencyKey_sameCode_settlesOnce(t *testing.T) {
	f := newFixture(t)
	full := f.code("pack")
	ctx := app.WithIdempotencyKey(t.Context(), app.IdempotencyKey{Operation: "Op", Actor: "code/x", Key: "k", Fingerprint: []byte("f")})
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := retry(func() error { return f.CreateTestModePurchase(ctx, choose(full, "once", 2)) }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	f.wantCredits("20")
	if err := f.CreateTestModePurchase(ctx, choose(full, "once", 2)); err != nil {
		t.Errorf("after the code was spent: %v", err)
	}
	if err := f.CreateTestModePurchase(t.Context(), choose(full, "once", 2)); !errors.Is(err, apierr.VerificationCodeNotFound()) {
		t.Errorf("without the key: %v", err)
	}
}

// What confirms a payment is answered again, and kept by nobody who reads the
// database.
func TestIdempotencyKey_secretAnswer_isSealed(t *testing.T) {
	f := newStripeFixture(t)
	f.setUp()
	full := f.code("pack")
	ctx := app.WithIdempotencyKey(t.Context(), app.IdempotencyKey{Operation: "Op", Actor: "code/x", Key: "k", Fingerprint: []byte("f")})
	for range 2 {
		secret, err := f.CreatePurchaseSession(ctx, choose(full, "once", 1))
		if err != nil || secret == nil || *secret != "pi_1_secret" {
			t.Errorf("CreatePurchaseSession = %v, %v", secret, err)
		}
	}
	if row := value[string](f, "SELECT k::text FROM idempotency_keys k"); strings.Contains(row, "pi_1") || strings.Contains(row, hex.EncodeToString([]byte("pi_1"))) {
		t.Errorf("the database knows %s", row)
	}
}

func TestIdempotencyKey_isNotShared(t *testing.T) {
	f := newFixture(t)
	f.add(10)
	other := principal.NewContext(t.Context(), principal.Principal{ProjectID: "q", BranchID: "main", Access: principal.AccessServer})
	admin := principal.NewContext(t.Context(), principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessAdmin})
	somebody := principal.NewContext(t.Context(), principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessServer, UserID: f.user})
	for name, ctx := range map[string]context.Context{"server": f.server(), "admin": admin, "with a user": somebody} {
		for range 2 {
			if err := f.take(keyed(ctx, "k", "-1")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	f.wantCredits("7")
	if err := f.take(keyed(other, "k", "-1")); !errors.Is(err, apierr.ItemQuantityInsufficientAmount("", "", 0)) {
		t.Errorf("another project gets the answer: %v", err)
	}
	if err := f.take(keyed(f.server(), "k", "-2")); !errors.Is(err, conflict) {
		t.Errorf("another request with the key: %v", err)
	}
	f.wantCredits("7")
}

// What was rolled back, as by a crash, and what was refused had no effect: the
// key can be used.
func TestIdempotencyKey_withoutEffect_isNotUsed(t *testing.T) {
	f := newFixture(t)
	ctx := keyed(f.server(), "k", "-1")
	if err := f.take(ctx); !errors.Is(err, apierr.ItemQuantityInsufficientAmount("", "", 0)) {
		t.Fatal(err)
	}
	f.add(3)
	if err := f.db.RunTx(ctx, func(ctx context.Context, _ pgx.Tx) error {
		return errors.Join(f.take(ctx), errRollback)
	}); !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
	f.wantCredits("3")
	for range 3 {
		if err := f.take(ctx); err != nil {
			t.Error(err)
		}
	}
	f.wantCredits("2")
}

func TestIdempotencyKey_ofACustomerWithoutAccount_works(t *testing.T) {
	f := newFixture(t)
	ctx := keyed(f.server(), "k", "5")
	for range 2 {
		if err := f.UpdateItemQuantity(ctx, app.ItemQuantityUpdate{Customer: f.owner(), ItemID: "credits", Delta: 5}); err != nil {
			t.Fatal(err)
		}
	}
	f.wantCredits("5")
	unknown := domain.Customer{Type: "user", ID: ids.NewUUID()}
	if err := f.UpdateItemQuantity(keyed(f.server(), "l", ""), app.ItemQuantityUpdate{Customer: unknown, ItemID: "credits", Delta: 5}); !errors.Is(err, apierr.UserNotFound()) {
		t.Error(err)
	}
}
