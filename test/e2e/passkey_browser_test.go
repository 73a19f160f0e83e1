package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"vestibule.dev/test/client"
)

// passkeyScript does what SDKs do on a page of the app: the page's host takes
// the place of the relying party.
const passkeyScript = `
async function call(path, body, accessToken) {
  const headers = {"Content-Type": "application/json", "X-Hexclave-Access-Type": "client",
    "X-Hexclave-Project-Id": app.project, "X-Hexclave-Publishable-Client-Key": app.key};
  if (accessToken) headers["X-Hexclave-Access-Token"] = accessToken;
  const answer = await fetch(app.api + "/api/v1" + path, {method: "POST", headers, body: JSON.stringify(body)});
  return {code: answer.headers.get("X-Hexclave-Known-Error"), ...await answer.json()};
}
async function register(accessToken) {
  const {options_json, code} = await call("/auth/passkey/initiate-passkey-registration", {}, accessToken);
  options_json.rp.id = location.hostname;
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options_json);
  const credential = (await navigator.credentials.create({publicKey})).toJSON();
  return call("/auth/passkey/register", {credential, code}, accessToken);
}
async function signIn() {
  const {options_json, code} = await call("/auth/passkey/initiate-passkey-authentication", {});
  options_json.rpId = location.hostname;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options_json);
  const authentication_response = (await navigator.credentials.get({publicKey})).toJSON();
  return call("/auth/passkey/sign-in", {authentication_response, code});
}
`

// evaluate runs a script on the page and returns what it comes to.
func (b *browser) evaluate(script string) (result map[string]any) {
	b.t.Helper()
	b.do(chromedp.Evaluate(script, &result, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return result
}

// A person makes a passkey in a browser, on one of many subdomains that the
// project trusts by a wildcard, and signs in with it; on a page that the project
// does not trust nobody does.
func TestPasskeys_browser_registersAndSignsIn(t *testing.T) {
	operator, err := client.NewOperator(t.Context(), proxyURL, system.Projects["internal"])
	if err != nil {
		t.Fatal(err)
	}
	project, err := operator.NewProject(t.Context(), "Passkeys", map[string]any{"passkey_enabled": true})
	if err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(map[string]string{"project": project.ID, "key": project.PublishableClientKey, "api": proxyURL})
	if err != nil {
		t.Fatal(err)
	}
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><title>App</title><h1 id="app">App</h1><script>const app = %s;%s</script>`, settings, passkeyScript)
	}))
	defer pages.Close()
	at, err := url.Parse(pages.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.For(proxyURL, project, client.Admin).Configure(t.Context(), "environment", map[string]any{
		"domains.allowLocalhost":       false,
		"domains.trustedDomains.shops": map[string]any{"baseUrl": "http://*.shop.localhost:" + at.Port()},
	}); err != nil {
		t.Fatal(err)
	}
	_, tokens, me := signUp(t, project)

	b := openBrowser(t)
	b.do(webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}).Do(ctx)
		return err
	}))
	visit := func(host string) {
		t.Helper()
		b.do(chromedp.Navigate("http://"+host+":"+at.Port()+"/"), chromedp.WaitVisible("#app"))
	}
	visit("berlin.shop.localhost")
	registered := b.evaluate(fmt.Sprintf("register(%q)", tokens.AccessToken))
	if handle, _ := registered["user_handle"].(string); handle == "" {
		t.Fatalf("registered %v", registered)
	}
	if user := succeed(t, me, http.MethodGet, "/users/me", nil); user["passkey_auth_enabled"] != true {
		t.Errorf("user %v", user)
	}
	// Twice: the authenticator's counter grows.
	for range 2 {
		signedIn := b.evaluate("signIn()")
		if signedIn["user_id"] != tokens.UserID || signedIn["is_new_user"] != false || !strings.HasPrefix(fmt.Sprint(signedIn["access_token"]), "ey") {
			t.Errorf("signed in %v", signedIn["code"])
		}
	}
	visit("shop.localhost")
	if refused := b.evaluate(fmt.Sprintf("register(%q)", tokens.AccessToken)); refused["code"] != "PASSKEY_REGISTRATION_FAILED" {
		t.Errorf("a page that nobody trusts: %v", refused["code"])
	}
	// The passkey of another page is none of this one's.
	visit("paris.shop.localhost")
	if failed := b.evaluate(`signIn().catch((error) => ({name: error.name}))`); failed["name"] != "NotAllowedError" {
		t.Errorf("on another page: %v", failed)
	}
}
