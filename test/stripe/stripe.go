package stripe

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Keys that the system is configured with.
const (
	SecretKey      = "sk_test_standin"
	PublishableKey = "pk_test_standin"
	WebhookSecret  = "whsec_standin"
)

// Cards, as typed; every other one is accepted too.
const (
	CardGood     = "4242 4242 4242 4242"
	CardDeclined = "4000 0000 0000 0002"
	// CardElsewhere must be confirmed on a page of the bank.
	CardElsewhere = "4000 0025 0000 3155"
)

// Declined is what people are told about [CardDeclined].
const Declined = "Your card was declined."

var (
	//go:embed stripe.js
	script []byte
	//go:embed elements.html
	elementsPage []byte
	//go:embed elsewhere.html
	elsewherePage []byte
)

type object = map[string]any

// Provider is the stand-in. It forgets everything when it is closed.
type Provider struct {
	URL string

	server *httptest.Server

	mu sync.Mutex
	// webhook is where events go.
	webhook string
	counter int
	// objects are everything that was made, by id.
	objects map[string]object
	// answers are those to requests with a key, by account and key.
	answers map[string]object
	// faults are what went wrong with events.
	faults []string
	// unfinished accounts take no payments.
	unfinished bool
}

// Start starts a provider.
func Start() *Provider {
	p := &Provider{objects: map[string]object{}, answers: map[string]object{}}
	mux := http.NewServeMux()
	page := func(content []byte, contentType string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(content)
		}
	}
	mux.HandleFunc("GET /v3/", page(script, "text/javascript"))
	mux.HandleFunc("GET /elements", page(elementsPage, "text/html"))
	mux.HandleFunc("GET /elsewhere", page(elsewherePage, "text/html"))
	for path, answer := range map[string]func(order) object{
		"/confirm": p.confirm, "/intent": p.intent, "/approve": p.approve, "/refuse": p.refuse, "/store": p.store,
	} {
		mux.HandleFunc("POST "+path, fromBrowser(answer))
	}
	mux.HandleFunc("/v1/", p.api)
	p.server = httptest.NewServer(mux)
	p.URL = p.server.URL
	return p
}

// Close ends the provider.
func (p *Provider) Close() { p.server.Close() }

// Environment configures a system to use the provider.
func (p *Provider) Environment() []string {
	return []string{
		"PAYMENTS_STRIPE_SECRET_KEY=" + SecretKey, "PAYMENTS_STRIPE_WEBHOOK_SECRET=" + WebhookSecret,
		"PAYMENTS_STRIPE_PUBLISHABLE_KEY=" + PublishableKey, "PAYMENTS_STRIPE_URL=" + p.URL, "GATEWAY_STRIPE_JS_URL=" + p.URL + "/v3/",
	}
}

// Tell sends events to a system from now on.
func (p *Provider) Tell(baseURL string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.webhook = baseURL + "/api/v1/integrations/stripe/webhooks"
}

// Unfinished makes new accounts such that take no payments, or not.
func (p *Provider) Unfinished(unfinished bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unfinished = unfinished
}

// Objects lists what was made of a kind, such as "payment_intent", oldest first.
func (p *Provider) Objects(kind string) []map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list(func(o object) bool { return o["object"] == kind })
}

// Faults lists the events that the system has not accepted.
func (p *Provider) Faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.faults)
}

// list copies objects in the order of their making. The lock must be held.
func (p *Provider) list(chosen func(object) bool) []object {
	all := []object{}
	for _, id := range slices.SortedFunc(maps.Keys(p.objects), byNumber) {
		if chosen(p.objects[id]) {
			all = append(all, maps.Clone(p.objects[id]))
		}
	}
	return all
}

func byNumber(a, b string) int {
	number := func(id string) int {
		n, _ := strconv.Atoi(id[strings.LastIndex(id, "_")+1:])
		return n
	}
	return number(a) - number(b)
}

// create makes an object of a kind. The lock must be held.
func (p *Provider) create(kind, prefix, account string, fields object) object {
	p.counter++
	o := object{"id": fmt.Sprintf("%s_%d", prefix, p.counter), "object": kind, "account": account, "created": time.Now().Unix()}
	maps.Copy(o, fields)
	p.objects[o["id"].(string)] = o
	return o
}

// api answers the calls of the system.
func (p *Provider) api(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	account := r.Header.Get("Stripe-Account")
	if token, _, _ := r.BasicAuth(); token != SecretKey && r.Header.Get("Authorization") != "Bearer "+SecretKey {
		reply(w, http.StatusUnauthorized, object{"error": object{"type": "invalid_request_error", "message": "Invalid API Key provided"}})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	if key != "" {
		key = account + " " + key
		if known := p.answers[key]; known != nil {
			reply(w, http.StatusOK, known)
			return
		}
	}
	answer := p.answer(r.Method, strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/"), account, form, r.URL.Query())
	if answer == nil {
		reply(w, http.StatusNotFound, object{"error": object{"type": "invalid_request_error", "code": "resource_missing", "message": "No such " + r.URL.Path}})
		return
	}
	if key != "" && r.Method == http.MethodPost {
		p.answers[key] = answer
	}
	reply(w, http.StatusOK, answer)
}

func reply(w http.ResponseWriter, status int, answer object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func listOf(all []object) object {
	return object{"object": "list", "data": all, "has_more": false, "url": "/"}
}

// answer is the answer to one call; nil if what it is about does not exist.
func (p *Provider) answer(method string, path []string, account string, form, query url.Values) object {
	var named object
	if len(path) > 1 {
		if named = p.objects[path[1]]; named != nil && named["account"] != account && named["object"] != "account" {
			named = nil
		}
	}
	switch method + " " + path[0] {
	case "POST accounts":
		return p.create("account", "acct", "", object{
			"charges_enabled": !p.unfinished, "details_submitted": !p.unfinished, "payouts_enabled": !p.unfinished, "metadata": metadata(form),
		})
	case "POST account_links":
		return object{"object": "account_link", "url": p.URL + "/onboarding"}
	case "POST account_sessions":
		return object{"object": "account_session", "client_secret": "accs_secret"}
	case "GET customers":
		switch {
		case len(path) == 3: // payment_methods
			return listOf(p.list(func(o object) bool { return o["object"] == "payment_method" && o["customer"] == path[1] }))
		case len(path) == 2 && path[1] != "search":
			return named
		}
		all := listOf(p.list(func(o object) bool { return o["object"] == "customer" && o["account"] == account }))
		if len(path) == 2 {
			all["object"] = "search_result"
		}
		return all
	case "POST customers":
		if len(path) == 2 && named != nil {
			named["metadata"] = metadata(form)
			return named
		}
		return p.create("customer", "cus", account, object{"metadata": metadata(form)})
	case "POST products":
		return p.create("product", "prod", account, object{"name": form.Get("name")})
	case "POST payment_intents":
		amount, _ := strconv.ParseInt(form.Get("amount"), 10, 64)
		return p.secret(p.create("payment_intent", "pi", account, object{
			"amount": amount, "amount_received": 0, "currency": form.Get("currency"), "customer": form.Get("customer"),
			"metadata": metadata(form), "status": "requires_payment_method", "mode": "payment",
		}))
	case "POST setup_intents":
		return p.secret(p.create("setup_intent", "seti", account, object{"customer": form.Get("customer"), "status": "requires_payment_method"}))
	case "GET subscriptions":
		if len(path) == 2 {
			return named
		}
		return listOf(p.list(func(o object) bool {
			return o["object"] == "subscription" && o["account"] == account && (query.Get("customer") == "" || o["customer"] == query.Get("customer"))
		}))
	case "POST subscriptions":
		if len(path) == 2 {
			if named == nil {
				return nil
			}
			return p.subscribe(named, form)
		}
		return p.subscribe(p.create("subscription", "sub", account, object{"customer": form.Get("customer"), "status": "incomplete"}), form)
	case "DELETE subscriptions":
		if named == nil || named["status"] == "canceled" {
			return nil
		}
		now := time.Now().Unix()
		named["status"], named["canceled_at"], named["ended_at"] = "canceled", now, now
		p.tell(account, "customer.subscription.deleted", named)
		return named
	case "GET invoice_payments":
		return listOf(p.list(func(o object) bool { return o["object"] == "invoice_payment" && o["invoice"] == query.Get("invoice") }))
	case "GET payment_method_configurations", "POST payment_method_configurations":
		config := object{
			"id": "pmc_of_" + account, "object": "payment_method_configuration", "is_default": true,
			"card": object{"available": true, "display_preference": object{"overridable": true, "preference": "on", "value": "on"}},
		}
		switch {
		case len(path) == 1:
			return listOf([]object{config})
		case path[1] == config["id"]:
			return config
		}
	case "POST refunds":
		amount, _ := strconv.ParseInt(form.Get("amount"), 10, 64)
		return p.create("refund", "re", account, object{"payment_intent": form.Get("payment_intent"), "amount": amount, "metadata": metadata(form)})
	case "GET accounts", "GET setup_intents", "GET payment_methods":
		return named
	}
	return nil
}

// secret gives an intent the secret that confirms it.
func (p *Provider) secret(intent object) object {
	intent["client_secret"] = intent["id"].(string) + "_secret"
	return intent
}

func metadata(form url.Values) object {
	found := object{}
	for name := range form {
		if key, ok := strings.CutPrefix(name, "metadata["); ok {
			found[strings.TrimSuffix(key, "]")] = form.Get(name)
		}
	}
	return found
}

// subscribe turns a subscription into one to what the form says, and bills it.
func (p *Provider) subscribe(subscription object, form url.Values) object {
	account := subscription["account"].(string)
	if form.Get("cancel_at_period_end") != "" {
		subscription["cancel_at_period_end"] = form.Get("cancel_at_period_end") == "true"
		p.tell(account, "customer.subscription.updated", subscription)
		return subscription
	}
	quantity, _ := strconv.ParseInt(form.Get("items[0][quantity]"), 10, 64)
	now := time.Now()
	item := object{"id": "si_" + subscription["id"].(string), "object": "subscription_item", "quantity": quantity,
		"current_period_start": now.Unix(), "current_period_end": now.AddDate(0, 1, 0).Unix()}
	subscription["items"] = listOf([]object{item})
	unit := form.Get("items[0][price_data][unit_amount]")
	if unit == "" { // the quantity alone
		p.tell(account, "customer.subscription.updated", subscription)
		return subscription
	}
	subscription["metadata"] = metadata(form)
	cents, _ := strconv.ParseInt(unit, 10, 64)
	product := p.objects[form.Get("items[0][price_data][product]")]
	reason := "subscription_create"
	if subscription["status"] != "incomplete" {
		reason = "subscription_update"
	}
	invoice := p.create("invoice", "in", account, object{
		"customer": subscription["customer"], "currency": "usd", "status": "open", "total": cents * quantity, "amount_due": cents * quantity,
		"amount_paid": 0, "billing_reason": reason, "hosted_invoice_url": p.URL + "/invoice",
		"lines": listOf([]object{{
			"description": product["name"], "quantity": quantity,
			"parent": object{"subscription_item_details": object{"subscription": subscription["id"]}},
		}}),
	})
	intent := p.secret(p.create("payment_intent", "pi", account, object{
		"amount": cents * quantity, "currency": "usd", "customer": subscription["customer"], "status": "requires_payment_method",
		"mode": "subscription", "metadata": object{}, "invoice": invoice["id"], "subscription": subscription["id"],
	}))
	invoice["confirmation_secret"] = object{"client_secret": intent["client_secret"]}
	subscription["latest_invoice"] = invoice
	if cents == 0 || form.Get("default_payment_method") != "" {
		p.succeed(intent)
		delete(invoice, "confirmation_secret")
		return subscription
	}
	if reason == "subscription_create" {
		p.tell(account, "customer.subscription.created", subscription)
	}
	return subscription
}

// order is what a browser sends.
type order struct {
	Key          string `json:"key"`
	Account      string `json:"account"`
	ClientSecret string `json:"client_secret"`
	Card         string `json:"card"`
	Mode         string `json:"mode"`
	Amount       int64  `json:"amount"`
}

func fromBrowser(answer func(order) object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		var o order
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			reply(w, http.StatusBadRequest, object{"error": object{"message": err.Error()}})
			return
		}
		reply(w, http.StatusOK, answer(o))
	}
}

// find returns the intent that a secret belongs to. The lock must be held.
func (p *Provider) find(o order) object {
	return p.objects[strings.TrimSuffix(o.ClientSecret, "_secret")]
}

func refusal(kind, message string) object {
	return object{"error": object{"type": kind, "message": message}}
}

// confirm pays an intent with a card. As with the real one, what the browser
// shows must be what the intent is for.
func (p *Provider) confirm(o order) object {
	p.mu.Lock()
	defer p.mu.Unlock()
	intent := p.find(o)
	switch {
	case intent == nil || o.Key != PublishableKey || intent["account"] != o.Account:
		return refusal("invalid_request_error", "No such payment_intent")
	case intent["mode"] != o.Mode || intent["amount"] != o.Amount:
		return refusal("invalid_request_error", fmt.Sprintf("The amount shown (%s, %d) is not that of the intent (%s, %d).", o.Mode, o.Amount, intent["mode"], intent["amount"]))
	case intent["status"] == "succeeded":
		return refusal("invalid_request_error", "This payment has succeeded.")
	}
	switch o.Card {
	case strings.ReplaceAll(CardDeclined, " ", ""):
		intent["last_payment_error"] = object{"message": Declined}
		p.tell(o.Account, "payment_intent.payment_failed", intent)
		return refusal("card_error", Declined)
	case strings.ReplaceAll(CardElsewhere, " ", ""):
		return object{"id": intent["id"], "status": "requires_action", "elsewhere": true}
	}
	p.succeed(intent)
	return object{"id": intent["id"], "status": "succeeded"}
}

// intent tells how far an intent is.
func (p *Provider) intent(o order) object {
	p.mu.Lock()
	defer p.mu.Unlock()
	if intent := p.find(o); intent != nil && o.Key == PublishableKey && intent["account"] == o.Account {
		return object{"id": intent["id"], "status": intent["status"]}
	}
	return refusal("invalid_request_error", "No such payment_intent")
}

// approve and refuse are what people say to their bank.
func (p *Provider) approve(o order) object {
	p.mu.Lock()
	defer p.mu.Unlock()
	intent := p.find(o)
	p.succeed(intent)
	return object{"status": intent["status"]}
}

func (p *Provider) refuse(o order) object {
	p.mu.Lock()
	defer p.mu.Unlock()
	intent := p.find(o)
	intent["last_payment_error"] = object{"message": "The bank has refused."}
	p.tell(intent["account"].(string), "payment_intent.payment_failed", intent)
	return object{"status": intent["status"]}
}

// Pay does what somebody does who confirms a payment with a good card.
func (p *Provider) Pay(clientSecret string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	intent := p.find(order{ClientSecret: clientSecret})
	if intent == nil || intent["status"] == "succeeded" {
		return fmt.Errorf("there is nothing to pay with %q", clientSecret)
	}
	p.succeed(intent)
	return nil
}

// store stores a good card for a setup intent.
func (p *Provider) store(o order) object {
	p.mu.Lock()
	defer p.mu.Unlock()
	intent := p.find(o)
	if intent == nil || intent["object"] != "setup_intent" || intent["account"] != o.Account {
		return refusal("invalid_request_error", "No such setup_intent")
	}
	method := p.create("payment_method", "pm", intent["account"].(string), object{
		"type": "card", "customer": intent["customer"], "card": object{"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2042},
	})
	intent["status"], intent["payment_method"] = "succeeded", method["id"]
	return object{"id": intent["id"], "status": "succeeded"}
}

// succeed lets an intent be paid, with all that follows. The lock must be held.
func (p *Provider) succeed(intent object) {
	account := intent["account"].(string)
	intent["status"], intent["amount_received"] = "succeeded", intent["amount"]
	delete(intent, "last_payment_error")
	intent["charges"] = listOf([]object{{"receipt_url": p.URL + "/receipt"}})
	subscription, _ := p.objects[fmt.Sprint(intent["subscription"])]
	if subscription == nil {
		p.tell(account, "payment_intent.succeeded", intent)
		return
	}
	invoice := p.objects[intent["invoice"].(string)]
	invoice["status"], invoice["amount_paid"] = "paid", invoice["amount_due"]
	p.create("invoice_payment", "inpay", account, object{
		"invoice": invoice["id"], "status": "paid", "payment": object{"type": "payment_intent", "payment_intent": intent["id"]},
	})
	subscription["status"] = "active"
	p.tell(account, "customer.subscription.updated", subscription)
	p.tell(account, "invoice.payment_succeeded", invoice)
}

// tell sends an event until the system has taken it. The lock must be held.
func (p *Provider) tell(account, eventType string, about object) {
	if p.webhook == "" {
		return
	}
	p.counter++
	payload, err := Event(fmt.Sprintf("evt_%d", p.counter), eventType, account, about)
	if err != nil {
		p.faults = append(p.faults, err.Error())
		return
	}
	webhook := p.webhook
	go func() {
		if err := deliver(webhook, payload); err != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.faults = append(p.faults, fmt.Sprintf("%s: %v", eventType, err))
		}
	}()
}

// Event is the payload of an event.
func Event(id, eventType, account string, about any) ([]byte, error) {
	return json.Marshal(object{
		"id": id, "object": "event", "api_version": "2025-09-30.clover", "type": eventType, "account": account, "created": time.Now().Unix(),
		"data": object{"object": about},
	})
}

// Sign is the header Stripe-Signature of a payload that was sent at a moment.
func Sign(payload []byte, secret string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), payload)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// Post sends a payload to a webhook once.
func Post(ctx context.Context, webhook string, payload []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, bytes.NewReader(payload))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Stripe-Signature", Sign(payload, WebhookSecret, time.Now()))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// deliver sends an event again until it is taken, as the provider does, for a
// shorter time.
func deliver(webhook string, payload []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		status, err := Post(ctx, webhook, payload)
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("answered %d, %w", status, err)
		case <-ticker.C:
		}
	}
}
