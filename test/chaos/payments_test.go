package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
	"vestibule.dev/test/stripe"
)

const (
	// stock is what there is to take, in pieces of 1 to 5, and takers how many
	// take at the same time.
	stock  = 1000
	takers = 64
	// packs are bought by buyers, ten credits each, and as many are paid for at
	// the payment provider, which tells of each twice.
	packs  = 60
	buyers = 8
	// paymentKills is how often payments is killed, and every fourth time the
	// gateway as well.
	paymentKills = 8
)

// shopConfig sells packs to customers of the developer's own.
var shopConfig = map[string]any{
	"payments.testMode":      true,
	"payments.items.credits": map[string]any{"displayName": "Credits", "customerType": "custom"},
	"payments.products.pack": map[string]any{
		"displayName": "Pack", "customerType": "custom", "stackable": true,
		"prices":        map[string]any{"once": map[string]any{"USD": "2.50"}},
		"includedItems": map[string]any{"credits": map[string]any{"quantity": 10, "expires": "never"}},
	},
}

// trade is what clients know of what they took, bought and paid for.
type trade struct {
	t      *testing.T
	server *client.Client
	shop   stack.Project
	// done counts what was acknowledged, taken what of the stock.
	done, taken, takes, refused atomic.Int64
	// repeated counts requests whose answer was lost or that were turned away.
	repeated atomic.Int64
}

// insist sends a request with an idempotency key until it is answered.
func (w *trade) insist(ctx context.Context, path string, body any) (client.Response, error) {
	key := fmt.Sprintf("%016x", rand.Uint64())
	var answer client.Response
	err := client.Poll(ctx, func(ctx context.Context) (err error) {
		answer, err = w.server.WithHeader("Idempotency-Key", key).Do(ctx, http.MethodPost, path, body)
		if err == nil && answer.Status == http.StatusServiceUnavailable {
			err = fmt.Errorf("%s", answer)
		}
		if err != nil {
			w.repeated.Add(1)
		}
		return err
	})
	return answer, err
}

// take takes from the stock until there is not even one piece left.
func (w *trade) take(ctx context.Context) {
	most := int64(5)
	for most > 0 {
		n := 1 + rand.Int64N(most)
		answer, err := w.insist(ctx, "/payments/items/custom/stock/credits/update-quantity?allow_negative=false", map[string]any{"delta": -n})
		switch {
		case err != nil:
			w.t.Error(err)
			return
		case answer.Status == http.StatusOK:
			w.done.Add(1)
			w.takes.Add(1)
			w.taken.Add(n)
		case answer.Code() == "ITEM_QUANTITY_INSUFFICIENT_AMOUNT":
			w.refused.Add(1)
			most = n - 1
		default:
			w.t.Errorf("take %d: %s", n, answer)
			return
		}
	}
}

// buy settles a purchase in test mode, by a code of its own.
func (w *trade) buy(ctx context.Context) error {
	answer, err := w.insist(ctx, "/payments/purchases/create-purchase-url", map[string]any{"customer_type": "custom", "customer_id": "buyer", "product_id": "pack"})
	if err != nil {
		return err
	}
	address, _ := answer.Object()["url"].(string)
	answer, err = w.insist(ctx, "/internal/payments/test-mode-purchase-session",
		map[string]any{"full_code": address[strings.LastIndex(address, "/")+1:], "price_id": "once"})
	if err == nil && answer.Status != http.StatusOK {
		err = fmt.Errorf("settle %q: %s", address, answer)
	}
	w.done.Add(1)
	return err
}

// pay tells of a payment, as the provider does: until it is acknowledged, and
// then once more.
func (w *trade) pay(ctx context.Context, account string, n int) error {
	product, err := json.Marshal(shopConfig["payments.products.pack"])
	if err != nil {
		return err
	}
	payload, err := stripe.Event(fmt.Sprintf("evt_pay_%d", n), "payment_intent.succeeded", account, map[string]any{
		"id": fmt.Sprintf("pi_pay_%d", n), "object": "payment_intent", "currency": "usd", "amount": 250, "amount_received": 250,
		"metadata": map[string]string{
			"purchaseKind": "ONE_TIME", "customerId": "payer", "customerType": "CUSTOM", "product": string(product), "productId": "pack", "priceId": "once",
		},
	})
	if err != nil {
		return err
	}
	for range 2 {
		err := client.Poll(ctx, func(ctx context.Context) error {
			status, err := stripe.Post(ctx, system.BaseURL+"/api/v1/integrations/stripe/webhooks", payload)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("the event is answered %d", status)
			}
			if err != nil {
				w.repeated.Add(1)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	w.done.Add(1)
	return nil
}

// Credits are taken, packs are bought and paid for while the service is killed
// again and again. Whoever got no answer asks again with the same key. In the
// end everything that was acknowledged has happened once, nothing else has, and
// at no moment was there less than nothing (R10, R16, R17, R20).
func TestKill_paymentsDuringTrade_countsExactly(t *testing.T) {
	ctx, cancel := bounded(t)
	defer cancel()
	shop, account := newShop(ctx, t)
	w := &trade{t: t, shop: shop, server: client.For(system.BaseURL, shop, client.Server)}
	if answer, err := w.insist(ctx, "/payments/items/custom/stock/credits/update-quantity?allow_negative=false", map[string]any{"delta": stock}); err != nil || answer.Status != http.StatusOK {
		t.Fatalf("%s, %v", answer, err)
	}

	var crew sync.WaitGroup
	for range takers {
		crew.Go(func() { w.take(ctx) })
	}
	work := make(chan func(context.Context) error, 2*packs)
	for n := range packs {
		work <- w.buy
		work <- func(ctx context.Context) error { return w.pay(ctx, account, n) }
	}
	close(work)
	for range buyers {
		crew.Go(func() {
			for task := range work {
				if err := task(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	finished := make(chan struct{})
	go func() {
		crew.Wait()
		close(finished)
	}()
	kills := 0
	for kills < paymentKills && ctx.Err() == nil && !w.reaches(ctx, int64(1+kills)*20, finished) {
		if err := end(ctx, "payments", syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if kills++; kills%4 == 0 {
			if err := end(ctx, "gateway", syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		w.wantNoOverdraft(ctx)
	}
	<-finished
	if kills < 4 || w.repeated.Load() == 0 {
		t.Errorf("%d kills and %d requests repeated: the test proves little", kills, w.repeated.Load())
	}
	t.Logf("%d kills, %d requests repeated, %d changes took %d, %d refused, %d packs bought, %d paid for",
		kills, w.repeated.Load(), w.takes.Load(), w.taken.Load(), w.refused.Load(), packs, packs)
	w.check(ctx)
}

// reaches waits until n effects were acknowledged; true means that nobody works
// any more.
func (w *trade) reaches(ctx context.Context, n int64, finished <-chan struct{}) (over bool) {
	_ = client.Poll(ctx, func(context.Context) error {
		select {
		case <-finished:
			over = true
			return nil
		default:
		}
		if done := w.done.Load(); done < n {
			return fmt.Errorf("%d of %d", done, n)
		}
		return nil
	})
	return over
}

// newShop creates a project that sells packs, and its account at the provider.
func newShop(ctx context.Context, t *testing.T) (shop stack.Project, account string) {
	t.Helper()
	shop, err := client.NewProject(ctx, system.BaseURL, system.Projects["internal"], "Market", nil)
	if err != nil {
		t.Fatal(err)
	}
	admin := client.For(system.BaseURL, shop, client.Admin)
	for _, level := range []string{"branch", "environment"} {
		override := map[string]any{}
		for key, value := range shopConfig {
			if (key == "payments.testMode") == (level == "environment") {
				override[key] = value
			}
		}
		if err := admin.Configure(ctx, level, override); err != nil {
			t.Fatal(err)
		}
	}
	if err := admin.Expect(ctx, http.MethodPost, "/internal/payments/setup", map[string]any{}, nil); err != nil {
		t.Fatal(err)
	}
	var info struct {
		AccountID string `json:"account_id"`
	}
	if err := admin.Expect(ctx, http.MethodGet, "/internal/payments/stripe/account-info", nil, &info); err != nil {
		t.Fatal(err)
	}
	return shop, info.AccountID
}

// query reads one number of the shop from the database of payments.
func (w *trade) query(ctx context.Context, statement string) (n int64) {
	w.t.Helper()
	conn, err := pgx.Connect(ctx, system.Databases["payments"])
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := conn.QueryRow(ctx, statement, w.shop.ID).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *trade) wantNoOverdraft(ctx context.Context) {
	w.t.Helper()
	if n := w.query(ctx, "SELECT count(*) FROM item_accounts WHERE project_id = $1 AND balance < 0"); n != 0 {
		w.t.Errorf("%d accounts hold less than nothing", n)
	}
}

// check holds the books against what was acknowledged.
func (w *trade) check(ctx context.Context) {
	w.t.Helper()
	for customer, want := range map[string]int64{"stock": stock - w.taken.Load(), "buyer": 10 * packs, "payer": 10 * packs} {
		var item struct {
			Quantity int64 `json:"quantity"`
		}
		if err := w.server.Expect(ctx, http.MethodGet, "/payments/items/custom/"+customer+"/credits", nil, &item); err != nil {
			w.t.Fatal(err)
		}
		if item.Quantity != want {
			w.t.Errorf("%s has %d credits, want %d", customer, item.Quantity, want)
		}
	}
	for what, tt := range map[string]struct {
		statement string
		want      int64
	}{
		"the ledger adds up to":  {"SELECT sum(quantity) FROM item_quantity_changes WHERE project_id = $1", stock - w.taken.Load()},
		"entries in the ledger":  {"SELECT count(*) FROM item_quantity_changes WHERE project_id = $1", w.takes.Load() + 1},
		"purchases":              {"SELECT count(*) FROM one_time_purchases WHERE project_id = $1", 2 * packs},
		"codes that were spent":  {"SELECT count(*) FROM one_time_codes WHERE project_id = $1 AND used_at IS NOT NULL", packs},
		"events of the purchase": {"SELECT count(*) FROM outbox WHERE project_id = $1 AND subject LIKE 'payments.v1.purchase.completed.%'", 2 * packs},
		"events of the ledger":   {"SELECT count(*) FROM outbox WHERE project_id = $1 AND subject LIKE 'payments.v1.item_quantity.changed.%'", w.takes.Load() + 1},
	} {
		if got := w.query(ctx, tt.statement); got != tt.want {
			w.t.Errorf("%s: %d, want %d", what, got, tt.want)
		}
	}
	w.wantNoOverdraft(ctx)
}
