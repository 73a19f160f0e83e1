package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// shopConfig sells a plan, a better one and packs.
var shopConfig = map[string]any{
	"domains.allowLocalhost":        true,
	"apps.installed.payments":       map[string]any{"enabled": true},
	"payments.testMode":             true,
	"teams.allowClientTeamCreation": true,
	"payments.items.credits":        map[string]any{"displayName": "Credits", "customerType": "user"},
	"payments.items.exports":        map[string]any{"displayName": "Video exports", "customerType": "user"},
	"payments.items.seats":          map[string]any{"displayName": "Seats", "customerType": "team"},
	"payments.items.units":          map[string]any{"displayName": "Units", "customerType": "custom"},
	"payments.products.office": map[string]any{
		"displayName": "Office", "customerType": "team", "prices": map[string]any{"monthly": map[string]any{"USD": "50", "interval": []any{1, "month"}}},
		"includedItems": map[string]any{"seats": map[string]any{"quantity": 5, "expires": "when-purchase-expires"}},
	},
	"payments.products.crate": map[string]any{
		"displayName": "Crate", "customerType": "custom", "stackable": true, "prices": map[string]any{"once": map[string]any{"USD": "1"}},
		"includedItems": map[string]any{"units": map[string]any{"quantity": 12}},
	},
	"payments.productLines.plans":   map[string]any{"displayName": "Plans", "customerType": "user"},
	"payments.products.basic":       plan("Basic", "9.99", "99", 100),
	"payments.products.pro":         plan("Studio Pro", "19.99", "190", 500),
	"payments.products.pack":        pack("Credit pack", "2.50", 10),
	"payments.products.server-pack": pack("Hidden pack", "2.50", 10, "serverOnly"),
}

func plan(name, monthly, yearly string, credits int) map[string]any {
	return map[string]any{
		"displayName": name, "customerType": "user", "productLineId": "plans",
		"prices": map[string]any{
			"monthly": map[string]any{"USD": monthly, "interval": []any{1, "month"}},
			"yearly":  map[string]any{"USD": yearly, "interval": []any{1, "year"}},
		},
		"includedItems": map[string]any{
			"credits": map[string]any{"quantity": credits, "repeat": []any{1, "month"}, "expires": "when-repeated"},
			"exports": map[string]any{"quantity": 12, "expires": "when-purchase-expires"},
		},
	}
}

func pack(name, price string, credits int, flags ...string) map[string]any {
	product := map[string]any{
		"displayName": name, "customerType": "user", "stackable": true,
		"prices":        map[string]any{"once": map[string]any{"USD": price}},
		"includedItems": map[string]any{"credits": map[string]any{"quantity": credits, "expires": "never"}},
	}
	for _, flag := range flags {
		product[flag] = true
	}
	return product
}

// newShop creates a project that sells things.
func newShop(t *testing.T, name string) stack.Project {
	t.Helper()
	operator, err := client.NewOperator(t.Context(), proxyURL, system.Projects["internal"])
	if err != nil {
		t.Fatal(err)
	}
	shop, err := operator.NewProject(t.Context(), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range []string{"branch", "environment"} {
		override := map[string]any{}
		for key, value := range shopConfig {
			if (key == "payments.testMode" || strings.HasPrefix(key, "domains.")) == (level == "environment") {
				override[key] = value
			}
		}
		if err := client.For(proxyURL, shop, client.Admin).Configure(t.Context(), level, override); err != nil {
			t.Fatal(err)
		}
	}
	return shop
}

// credits are those of a user.
func credits(t *testing.T, c *client.Client, userID string) any {
	t.Helper()
	return succeed(t, c, http.MethodGet, "/payments/items/user/"+userID+"/credits", nil)["quantity"]
}

// purchaseURL makes the address of a checkout page, through the proxy.
func purchaseURL(t *testing.T, c *client.Client, userID, productID, returnURL string) string {
	t.Helper()
	body := map[string]any{"customer_type": "user", "customer_id": userID, "product_id": productID}
	if returnURL != "" {
		body["return_url"] = returnURL
	}
	address, _ := succeed(t, c, http.MethodPost, "/payments/purchases/create-purchase-url", body)["url"].(string)
	path, ok := strings.CutPrefix(address, system.BaseURL+"/purchase/")
	if !ok {
		t.Fatalf("the purchase URL is %s, the system is at %s", address, system.BaseURL)
	}
	return proxyURL + "/purchase/" + path
}

// browser is one window, with what went wrong in it.
type browser struct {
	context.Context
	t *testing.T

	mu     sync.Mutex
	faults []string
}

// openBrowser starts a headless browser that ends with the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatal("there is no browser: please install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1280, 860),
		chromedp.WSURLReadTimeout(client.Patience))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, closeWindow := chromedp.NewContext(allocator)
	t.Cleanup(closeWindow)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatal(err)
	}
	b := &browser{Context: ctx, t: t}
	chromedp.ListenTarget(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch event := event.(type) {
		case *log.EventEntryAdded:
			if event.Entry.Level == log.LevelError {
				b.faults = append(b.faults, event.Entry.Text+" "+event.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			b.faults = append(b.faults, event.ExceptionDetails.Error())
		}
	})
	return b
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, client.Patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.picture("failure")
		b.t.Fatal(err)
	}
}

// poll asks until check is content. Pages come and go meanwhile, and a question
// that one of them takes along is never answered: it is asked again.
func (b *browser) poll(check func(ctx context.Context) error) error {
	return client.Poll(b.Context, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, client.Patience/12)
		defer cancel()
		return check(ctx)
	})
}

// await waits until a visible element shows what is right. Until then it may
// show something else, and be on another page.
func (b *browser) await(selector string, right func(text string) error) {
	b.t.Helper()
	script := fmt.Sprintf(`(() => {
		const shown = document.querySelector(%q);
		return shown && shown.getClientRects().length > 0 ? shown.innerText : null;
	})()`, selector)
	err := b.poll(func(ctx context.Context) error {
		var text *string
		if err := chromedp.Run(ctx, chromedp.Evaluate(script, &text)); err != nil {
			return err
		}
		if text == nil {
			return errors.New("it is not there")
		}
		return right(strings.TrimSpace(*text))
	})
	if err != nil {
		b.picture("failure")
		b.t.Fatalf("%s: %v", selector, err)
	}
}

// want waits until an element shows a text.
func (b *browser) want(selector, want string) {
	b.t.Helper()
	b.await(selector, func(text string) error {
		if text != want {
			return fmt.Errorf("it shows %q, want %q", text, want)
		}
		return nil
	})
}

// linger lets the pages that come stay until leave is called, where they would go
// on after a moment: whoever looks at them may be slow.
func (b *browser) linger() {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`{
			const after = setTimeout;
			window.setTimeout = (then, wait, ...more) => wait >= 1000 ? void (window.leave = then) : after(then, wait, ...more);
		}`).Do(ctx)
		return err
	}))
}

// leave lets the page go on.
func (b *browser) leave() {
	b.t.Helper()
	b.do(chromedp.Evaluate(`leave()`, nil))
}

// picture keeps what the window shows, and refuses what is wider than it.
func (b *browser) picture(name string) {
	b.t.Helper()
	var png []byte
	var overflow int
	if err := chromedp.Run(b.Context,
		chromedp.Evaluate(`document.documentElement.scrollWidth - innerWidth`, &overflow),
		chromedp.Evaluate(`Promise.allSettled(document.getAnimations().filter((a) => a.effect.getTiming().iterations === 1).map((a) => a.finished)).then(() => 0)`, nil,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		chromedp.FullScreenshot(&png, 100),
	); err != nil {
		b.t.Error(err)
		return
	}
	if overflow > 0 {
		b.t.Errorf("%s: the page is %d pixels wider than the window", name, overflow)
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), png, 0o600); err != nil {
		b.t.Error(err)
	}
}

func (b *browser) wantNoFaults() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fault := range b.faults {
		b.t.Errorf("in the browser: %s", fault)
	}
	b.faults = nil
}

// forgive forgets what went wrong and was meant to.
func (b *browser) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = nil
}

// site is where people come back to from the checkout page.
type site struct {
	home string

	mu     sync.Mutex
	visits []string
}

func newSite(t *testing.T) *site {
	s := &site{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/favicon.ico" {
			s.mu.Lock()
			s.visits = append(s.visits, r.URL.RequestURI())
			s.mu.Unlock()
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><title>Shop</title><h1 id="shop">Welcome back</h1>`)
	}))
	t.Cleanup(server.Close)
	s.home = strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/thanks?order=1"
	return s
}

func (s *site) wantVisits(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.visits, want) {
		t.Errorf("the shop was visited at %v, want %v", s.visits, want)
	}
}

var desktop, phone = emulation.SetDeviceMetricsOverride(1280, 860, 1, false), emulation.SetDeviceMetricsOverride(390, 844, 2, true)

// A person buys a few packs and a plan on the checkout page, and comes back to
// the shop with them.
func TestCheckout_testMode_buysAndReturns(t *testing.T) {
	shop := newShop(t, "Night Owl Studio")
	_, tokens, me := signUp(t, shop)
	site := newSite(t)
	b := openBrowser(t)
	b.linger()

	packs := purchaseURL(t, me, tokens.UserID, "pack", site.home)
	b.do(desktop, chromedp.Navigate(packs))
	b.want("#product", "Credit pack")
	b.want("#project", "Night Owl Studio")
	b.want("#total", "$2.50")
	b.want("#items", "10 Credits")
	b.await("#test-banner", func(banner string) error {
		if !strings.Contains(banner, "No money is charged") {
			return fmt.Errorf("the banner says %q", banner)
		}
		return nil
	})
	b.do(chromedp.Click("#more"), chromedp.Click("#more"))
	b.want("#total", "$7.50")
	b.want("#items", "30 Credits")
	b.picture("pack-desktop")
	b.do(phone)
	b.picture("pack-phone")
	b.do(chromedp.Click("#pay"))
	b.want("#notice-title", "Thank you")
	b.picture("thanks-phone")
	b.leave()
	b.want("#shop", "Welcome back")
	site.wantVisits(t, "/thanks?order=1")
	if got := credits(t, me, tokens.UserID); got != 30.0 {
		t.Errorf("there are %v credits, want 30", got)
	}
	b.wantNoFaults()

	plan := purchaseURL(t, me, tokens.UserID, "pro", "")
	b.do(chromedp.Navigate(plan))
	b.want("#product", "Studio Pro")
	b.want("#headline-amount", "$19.99")
	b.picture("plan-phone")
	// With the keyboard alone.
	b.do(desktop, chromedp.Focus(`input[value="monthly"]`), chromedp.SendKeys(`input[value="monthly"]`, kb.ArrowDown))
	b.want("#headline-amount", "$190.00")
	b.picture("plan-desktop")
	b.do(chromedp.SendKeys("#pay", "\r"))
	b.want("#notice-title", "Thank you")
	b.picture("thanks-desktop")
	if got := credits(t, me, tokens.UserID); got != 530.0 {
		t.Errorf("there are %v credits, want 530", got)
	}
	b.wantNoFaults()

	// What is replaced is said; what is spent is over.
	b.do(chromedp.Navigate(purchaseURL(t, me, tokens.UserID, "basic", "")))
	b.want("#callout", "This replaces what you have now: Studio Pro.")
	b.wantNoFaults()
	b.do(chromedp.Navigate(plan))
	b.want("#notice-title", "This link is no longer valid")
	b.picture("invalid-desktop")
	b.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}),
		chromedp.Navigate(purchaseURL(t, me, tokens.UserID, "basic", "")), chromedp.WaitVisible("#checkout"))
	b.picture("plan-dark")
}

// Where Stripe leads people back to, the page finds out whether it may go on.
func TestCheckout_return_trustsNobody(t *testing.T) {
	shop := newShop(t, "Night Owl Studio")
	_, tokens, me := signUp(t, shop)
	address := purchaseURL(t, me, tokens.UserID, "pack", "")
	code := address[strings.LastIndex(address, "/")+1:]
	b := openBrowser(t)
	b.do(chromedp.Navigate(proxyURL + "/purchase/return?redirect_status=failed&purchase_full_code=" + code))
	b.want("#notice-title", "The payment was not completed")
	b.wantNoFaults()
	b.do(chromedp.Navigate(proxyURL + "/purchase/return?redirect_status=succeeded&return_url=https%3A%2F%2Fevil.example.com&purchase_full_code=" + code))
	b.want("#notice-title", "This link cannot be used")
	b.do(chromedp.Navigate(proxyURL + "/purchase/return?redirect_status=succeeded&return_url=javascript%3Aalert(1)&purchase_full_code=" + code))
	b.want("#notice-title", "This link cannot be used")
	b.do(chromedp.Navigate(address + "?return_url=https%3A%2F%2Fevil.example.com"))
	b.want("#notice-title", "This link cannot be used")
}
