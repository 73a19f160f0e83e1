package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/jackc/pgx/v5"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
	"vestibule.dev/test/stripe"
)

// newLiveShop creates a project that sells things for money, and the id of its
// account.
func newLiveShop(t *testing.T, name string) (shop stack.Project, accountID string) {
	t.Helper()
	shop = newShop(t, name)
	admin := client.For(proxyURL, shop, client.Admin)
	if err := admin.Configure(t.Context(), "environment", map[string]any{"payments.testMode": false}); err != nil {
		t.Fatal(err)
	}
	for _, body := range []any{map[string]any{}, nil} { // the second time goes on with the first account
		if url := succeed(t, admin, http.MethodPost, "/internal/payments/setup", body)["url"]; url != provider.URL+"/onboarding" {
			t.Fatalf("the account is completed at %v", url)
		}
	}
	accountID, _ = succeed(t, admin, http.MethodGet, "/internal/payments/stripe/account-info", nil)["account_id"].(string)
	return shop, accountID
}

// made lists what the provider made of a kind on an account.
func made(kind, accountID string) (all []map[string]any) {
	for _, object := range provider.Objects(kind) {
		if object["account"] == accountID {
			all = append(all, object)
		}
	}
	return all
}

// awaitCredits waits until the provider's word has arrived.
func awaitCredits(t *testing.T, c *client.Client, userID string, want float64) {
	t.Helper()
	err := client.Poll(t.Context(), func(context.Context) error {
		if got := credits(t, c, userID); got != want {
			return fmt.Errorf("there are %v credits, want %v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// typeCard enters a card number into the provider's fields.
func (b *browser) typeCard(number string) {
	b.t.Helper()
	var frames []*cdp.Node
	b.do(chromedp.WaitVisible("#card-fields:not([aria-busy]) iframe"), chromedp.Nodes("#card-fields iframe", &frames, chromedp.ByQuery))
	field := func(action func(any, ...chromedp.QueryOption) chromedp.QueryAction) chromedp.Action {
		return action("#number", chromedp.ByQuery, chromedp.FromNode(frames[0]))
	}
	b.do(field(chromedp.WaitReady), field(func(selector any, options ...chromedp.QueryOption) chromedp.QueryAction {
		return chromedp.SendKeys(selector, kb.End+strings.Repeat(kb.Backspace, 20)+number, options...)
	}))
}

// A person pays for packs: the first card is declined, the second one pressed
// twice for is charged once.
func TestCheckout_stripe_paysOnce(t *testing.T) {
	shop, account := newLiveShop(t, "Night Owl Studio")
	_, tokens, me := signUp(t, shop)
	site := newSite(t)
	b := openBrowser(t)

	b.do(desktop, chromedp.Navigate(purchaseURL(t, me, tokens.UserID, "pack", site.home)))
	b.want("#product", "Credit pack")
	b.do(chromedp.WaitNotVisible("#test-banner"), chromedp.Click("#more"), chromedp.Click("#more"))
	b.want("#pay-label", "Pay $7.50")
	b.do(chromedp.Click("#pay"))
	b.want("#error", "Your card number is incomplete.")
	if got := made("payment_intent", account); len(got) != 0 {
		t.Errorf("%d payments were begun without a card", len(got))
	}
	b.typeCard(stripe.CardDeclined)
	b.picture("pay-desktop")
	b.do(chromedp.Click("#pay"))
	b.want("#error", stripe.Declined)
	b.picture("declined-desktop")
	b.do(phone)
	b.picture("declined-phone")
	b.do(desktop)

	b.typeCard(stripe.CardGood)
	b.do(chromedp.Evaluate(`document.getElementById("pay").click(); document.getElementById("pay").click()`, nil))
	b.want("#shop", "Welcome back")
	site.wantVisits(t, "/thanks?order=1")
	if got := made("payment_intent", account); len(got) != 1 || got[0]["amount"] != int64(750) || got[0]["status"] != "succeeded" {
		t.Errorf("the payments are %v", got)
	}
	awaitCredits(t, me, tokens.UserID, 30)
	b.wantNoFaults()
}

// A person subscribes on the phone, through a page of their bank.
func TestCheckout_stripe_subscribesElsewhere(t *testing.T) {
	shop, account := newLiveShop(t, "Night Owl Studio")
	_, tokens, me := signUp(t, shop)
	site := newSite(t)
	b := openBrowser(t)
	b.linger()

	b.do(phone, chromedp.Navigate(purchaseURL(t, me, tokens.UserID, "pro", site.home)))
	b.want("#headline-amount", "$19.99")
	b.do(chromedp.Focus(`input[value="monthly"]`), chromedp.SendKeys(`input[value="monthly"]`, kb.ArrowDown))
	b.want("#headline-amount", "$190.00")
	b.typeCard(stripe.CardElsewhere)
	b.picture("subscribe-phone")
	b.do(chromedp.Click("#pay"))
	b.want("h1", "Your bank")
	b.do(chromedp.Click("#no"))
	b.want("#notice-title", "The payment was not completed")
	b.picture("refused-phone")
	if got := credits(t, me, tokens.UserID); got != 0.0 {
		t.Errorf("there are %v credits before anything was paid", got)
	}

	b.do(chromedp.Navigate(purchaseURL(t, me, tokens.UserID, "pro", site.home)))
	b.typeCard(stripe.CardElsewhere)
	b.do(chromedp.Click("#pay"))
	b.want("h1", "Your bank")
	b.do(chromedp.Click("#yes"))
	b.want("#notice-title", "Thank you")
	b.leave()
	b.want("#shop", "Welcome back")
	awaitCredits(t, me, tokens.UserID, 500)
	if got := made("subscription", account); len(got) != 2 || got[0]["status"] != "incomplete" || got[1]["status"] != "active" {
		t.Errorf("the subscriptions are %v", got)
	}
	b.wantNoFaults()
}

// Codes that are spent or expire while the page is open, a provider that cannot
// be reached, and shops that are not ready are told of.
func TestCheckout_stripe_obstacles(t *testing.T) {
	shop, account := newLiveShop(t, "Night Owl Studio")
	_, tokens, me := signUp(t, shop)
	b := openBrowser(t)

	// The provider's script does not arrive at first.
	b.do(desktop, network.Enable(), network.SetBlockedURLs([]string{provider.URL + "/v3/*"}),
		chromedp.Navigate(purchaseURL(t, me, tokens.UserID, "pack", "")))
	b.want("#error", "The payment form could not be loaded. Check your network and try again.")
	b.do(network.SetBlockedURLs(nil), chromedp.Click("#pay"))
	b.want("#error", "Your card number is incomplete.")
	b.forgive()

	// Somebody else with the link was faster.
	address := purchaseURL(t, me, tokens.UserID, "pack", "")
	code := address[strings.LastIndex(address, "/")+1:]
	b.do(chromedp.Navigate(address))
	b.typeCard(stripe.CardGood)
	succeed(t, visitor(shop), http.MethodPost, "/payments/purchases/purchase-session", map[string]any{"full_code": code, "price_id": "once"})
	b.do(chromedp.Click("#pay"))
	b.want("#notice-title", "This link is no longer valid")
	b.forgive()
	if got := made("payment_intent", account); len(got) != 1 {
		t.Errorf("%d payments were begun", len(got))
	}

	address = purchaseURL(t, me, tokens.UserID, "pack", "")
	expireCodes(t, shop)
	b.do(chromedp.Navigate(address))
	b.want("#notice-title", "This link is no longer valid")
	b.forgive()

	// In test mode people choose.
	admin := client.For(proxyURL, shop, client.Admin)
	if err := admin.Configure(t.Context(), "environment", map[string]any{"payments.testMode": true}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(purchaseURL(t, me, tokens.UserID, "pack", "")), chromedp.WaitVisible("#test-banner"), chromedp.WaitVisible("#card-fields iframe"))
	b.picture("test-with-account-desktop")
	b.do(chromedp.Click("#pay-test"))
	b.want("#notice-title", "Thank you")
	awaitCredits(t, me, tokens.UserID, 10)

	provider.Unfinished(true)
	defer provider.Unfinished(false)
	unready, _ := newLiveShop(t, "Soon")
	_, tokens, me = signUp(t, unready)
	b.do(chromedp.Navigate(purchaseURL(t, me, tokens.UserID, "pack", "")))
	b.want("#callout", "The shop has not finished setting up payments.")
	b.do(chromedp.WaitVisible("#pay:disabled"))
	b.picture("unready-desktop")
	b.wantNoFaults()
}

// Whoever is deleted pays no more, and neither do the customers of a deleted
// project.
func TestStripe_deletion_endsSubscriptions(t *testing.T) {
	shop, account := newLiveShop(t, "Closing Down")
	server := client.For(proxyURL, shop, client.Server)
	subscribe := func() string {
		_, tokens, me := signUp(t, shop)
		address := purchaseURL(t, me, tokens.UserID, "basic", "")
		session := succeed(t, visitor(shop), http.MethodPost, "/payments/purchases/purchase-session",
			map[string]any{"full_code": address[strings.LastIndex(address, "/")+1:], "price_id": "monthly"})
		if err := provider.Pay(session["client_secret"].(string)); err != nil {
			t.Fatal(err)
		}
		awaitCredits(t, me, tokens.UserID, 100)
		return tokens.UserID
	}
	awaitEnded := func(want ...string) {
		t.Helper()
		err := client.Poll(t.Context(), func(context.Context) error {
			var states []string
			for _, subscription := range made("subscription", account) {
				states = append(states, fmt.Sprint(subscription["status"]))
			}
			if fmt.Sprint(states) != fmt.Sprint(want) {
				return fmt.Errorf("the subscriptions are %v, want %v", states, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	first, _ := subscribe(), subscribe()
	succeed(t, server, http.MethodDelete, "/users/"+first, nil)
	awaitEnded("canceled", "active")
	succeed(t, client.For(proxyURL, shop, client.Admin), http.MethodDelete, "/internal/projects/current", nil)
	awaitEnded("canceled", "canceled")
}

// The webhook believes what is signed and fresh, once.
func TestStripe_webhook_believesTheProviderAlone(t *testing.T) {
	shop, account := newLiveShop(t, "Night Owl Studio")
	_, tokens, me := signUp(t, shop)
	payment := map[string]any{
		"id": "pi_told", "object": "payment_intent", "currency": "usd", "amount": 250, "amount_received": 250, "metadata": map[string]string{
			"purchaseKind": "ONE_TIME", "customerId": tokens.UserID, "customerType": "USER", "productId": "deal", "priceId": "once",
			"product": `{"displayName": "Deal", "customerType": "user", "prices": {"once": {"USD": "2.50"}}, "includedItems": {"credits": {"quantity": 7}}}`,
		},
	}
	event := func(eventType string, about any) []byte {
		payload, err := stripe.Event("evt_told", eventType, account, about)
		if err != nil {
			t.Fatal(err)
		}
		return payload
	}
	paid := event("payment_intent.succeeded", payment)
	sign := func(payload []byte, secret string, age time.Duration) string {
		return stripe.Sign(payload, secret, time.Now().Add(-age))
	}
	for _, tt := range []struct {
		name      string
		payload   []byte
		signature string
		status    int
		code      string
	}{
		{"no signature", paid, "", http.StatusBadRequest, "SCHEMA_ERROR"},
		{"another secret", paid, sign(paid, "whsec_other", 0), http.StatusBadRequest, ""},
		{"an hour old", paid, sign(paid, stripe.WebhookSecret, time.Hour), http.StatusBadRequest, ""},
		{"another payload", event("payment_intent.succeeded", object{}), sign(paid, stripe.WebhookSecret, 0), http.StatusBadRequest, ""},
		{"unknown type", event("charge.succeeded", object{}), "right", http.StatusInternalServerError, ""},
		{"ignored type", event("account.updated", object{}), "right", http.StatusOK, ""},
		{"paid", paid, "right", http.StatusOK, ""},
		{"paid, told again", paid, "right", http.StatusOK, ""},
	} {
		if tt.signature == "right" {
			tt.signature = sign(tt.payload, stripe.WebhookSecret, 0)
		}
		webhook := client.New(system.BaseURL).WithHeader("Stripe-Signature", tt.signature)
		answer, err := insist(t.Context(), webhook, http.MethodPost, "/integrations/stripe/webhooks", tt.payload)
		if err != nil || answer.Status != tt.status || answer.Code() != tt.code || tt.status == http.StatusOK && string(answer.Body) != `{"received":true}` {
			t.Errorf("%s: %s, %v", tt.name, answer, err)
		}
		if want := map[bool]float64{true: 7, false: 0}[strings.HasPrefix(tt.name, "paid")]; credits(t, me, tokens.UserID) != want {
			t.Errorf("%s: there are %v credits, want %v", tt.name, credits(t, me, tokens.UserID), want)
		}
	}
}

// object is a JSON object.
type object = map[string]any

// expireCodes lets all purchase codes of a project expire.
func expireCodes(t *testing.T, project stack.Project) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), system.Databases["payments"])
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), "UPDATE one_time_codes SET expires_at = now() WHERE project_id = $1", project.ID)
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}
