package e2e

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

// bundle makes the app of sdk/browser-app.mjs, with the SDK in it, a script for
// browsers. It is done once.
var bundle = sync.OnceValues(func() ([]byte, error) {
	esbuild := exec.Command("node_modules/.bin/esbuild", "browser-app.mjs", "--bundle", "--platform=browser", "--format=iife", "--charset=utf8", "--log-level=error")
	esbuild.Dir = "sdk"
	esbuild.Stderr = os.Stderr
	return esbuild.Output()
})

// webApp is an app that people use in a browser, by the SDK.
type webApp struct {
	*browser
	project stack.Project
	origin  string
}

// openApp creates a project with every way in, and opens its app.
func openApp(t *testing.T) *webApp {
	t.Helper()
	installSDK(t)
	script, err := bundle()
	if err != nil {
		t.Fatal(err)
	}
	project := newProject(t, map[string]any{"passkey_enabled": true, "magic_link_enabled": true, "credential_enabled": true, "allow_localhost": true})
	providers := map[string]any{}
	for _, name := range []string{"google", "github"} {
		providers["auth.oauth.providers."+name] = map[string]any{
			"type": name, "allowSignIn": true, "allowConnectedAccounts": true, "isShared": false,
			"clientId": oidctest.ClientID, "clientSecret": oidctest.ClientSecret,
		}
	}
	if err := client.For(proxyURL, project, client.Admin).Configure(t.Context(), "environment", providers); err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(map[string]string{"projectId": project.ID, "publishableClientKey": project.PublishableClientKey, "baseUrl": proxyURL})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/app.js" {
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
			_, _ = w.Write(script) // the browser may have gone on
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><title>App</title><script>window.settings = %s</script><script src="/app.js"></script>`, settings)
	}))
	t.Cleanup(server.Close)
	a := &webApp{browser: openBrowser(t), project: project, origin: strings.Replace(server.URL, "127.0.0.1", "localhost", 1)}
	a.visit("/")
	return a
}

// visit opens a page of the app and returns what it came to.
func (a *webApp) visit(page string) outcome {
	a.t.Helper()
	a.do(chromedp.Navigate(a.origin + page))
	path, _, _ := strings.Cut(page, "?")
	return a.arrive(path)
}

// outcome is what a page of the app, or something done there, has come to.
type outcome struct {
	Status, Code, Message string
	Result                any
}

// user is who is signed in on a page that tells.
func (o outcome) user() (id, email string) {
	object, _ := o.Result.(map[string]any)
	id, _ = object["id"].(string)
	email, _ = object["email"].(string)
	return id, email
}

// attempt does something on the page that is open; see arrive.
func (a *webApp) attempt(script string) {
	a.t.Helper()
	a.do(chromedp.Evaluate("void attempt(() => "+script+")", nil))
}

// arrive waits until a page of the app is open and has come to something.
func (a *webApp) arrive(path string) outcome {
	a.t.Helper()
	var seen struct {
		At      string
		Outcome *outcome
	}
	err := a.poll(func(ctx context.Context) error {
		if err := chromedp.Run(ctx, chromedp.Evaluate(`({at: location.origin + location.pathname, outcome: window.outcome ?? null})`, &seen)); err != nil {
			return err
		}
		if seen.At != a.origin+path || seen.Outcome == nil {
			return fmt.Errorf("the window is at %s with %+v", seen.At, seen.Outcome)
		}
		return nil
	})
	if err != nil {
		a.picture("failure")
		a.t.Fatalf("never arrived at %s: %v", path, err)
	}
	return *seen.Outcome
}

// tell does something on the page that is open and returns what it came to
// there.
func (a *webApp) tell(script string) outcome {
	a.t.Helper()
	var path string
	a.do(chromedp.Evaluate("location.pathname", &path))
	a.attempt(script)
	return a.arrive(path)
}

// plugIn gives the browser an authenticator without a passkey.
func (a *webApp) plugIn() (id webauthn.AuthenticatorID) {
	a.t.Helper()
	a.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		id, err = webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}).Do(ctx)
		return err
	}))
	return id
}

// as makes the provider take the browser for a person's.
func (a *webApp) as(person oidctest.Person) {
	a.t.Helper()
	a.do(network.SetCookie(oidctest.PersonCookie, person.Subject).WithURL(idp.URL))
}

// signOut ends the session.
func (a *webApp) signOut() {
	a.t.Helper()
	a.attempt("app.signOut()")
	if here := a.arrive("/signed-out"); here.Result != nil {
		a.t.Fatalf("after signing out: %+v", here)
	}
}

// signUp makes a user with a password, and signs them in.
func (a *webApp) signUp() (id, email string) {
	a.t.Helper()
	email = client.FreshEmail("browser")
	a.attempt(fmt.Sprintf("app.signUpWithCredential({email: %q, password: %q})", email, password))
	here := a.arrive("/signed-up")
	id, got := here.user()
	if got != email {
		a.t.Fatalf("signed up: %+v", here)
	}
	return id, email
}

// wantUser checks who is signed in.
func (a *webApp) wantUser(here outcome, id string) {
	a.t.Helper()
	if got, _ := here.user(); got == "" || got != id {
		a.t.Fatalf("%+v is here, want %s", here, id)
	}
}

// secondFactor gives who is signed in a second factor.
func (a *webApp) secondFactor() (secret []byte) {
	a.t.Helper()
	secret = []byte(client.FreshEmail("secret")[:20])
	text := base64.StdEncoding.EncodeToString(secret)
	if done := a.tell(fmt.Sprintf("app.getUser().then((user) => user.update({totpMultiFactorSecret: Uint8Array.from(atob(%q), (c) => c.charCodeAt(0))}))", text)); done.Status != "ok" {
		a.t.Fatalf("second factor: %+v", done)
	}
	return secret
}

// enterSecondFactor waits for the page that asks for it, and types first a
// wrong code and then what an authenticator shows.
func (a *webApp) enterSecondFactor(secret []byte) outcome {
	a.t.Helper()
	a.arrive("/handler/mfa")
	// Of a thousand steps ago.
	if wrong := a.tell(fmt.Sprintf("enterSecondFactor(%q)", client.TOTP(secret, time.Now().Add(-1000*30*time.Second)))); wrong.Code != "INVALID_TOTP_CODE" {
		a.t.Fatalf("a wrong code: %+v", wrong)
	}
	a.attempt(fmt.Sprintf("enterSecondFactor(%q)", client.TOTP(secret, time.Now())))
	return a.arrive("/signed-in")
}

// A person comes by a provider, the SDK doing all of it, leaves and comes back;
// an account of a second provider is connected, one of somebody else is not.
func TestSDK_browser_signsInWithProviders(t *testing.T) {
	a := openApp(t)
	ada := newPerson("ada")
	a.as(ada)
	a.attempt(`app.signInWithOAuth("google")`)
	id, email := a.arrive("/signed-up").user()
	if email != ada.Email {
		t.Fatalf("signed up as %s, the provider knows %s", email, ada.Email)
	}
	stored := succeed(t, client.For(proxyURL, a.project, client.Server), http.MethodGet, "/users?query="+url.QueryEscape(ada.Email), nil)["items"].([]any)
	if len(stored) != 1 || stored[0].(map[string]any)["id"] != id {
		t.Errorf("the backend knows %v, the browser %s", stored, id)
	}
	if sessions := a.tell("app.getUser().then((user) => user.getActiveSessions())").Result.([]any); len(sessions) != 1 || sessions[0].(map[string]any)["isCurrentSession"] != true {
		t.Errorf("sessions %v", sessions)
	}
	a.signOut()
	a.attempt(`app.signInWithOAuth("google")`)
	a.wantUser(a.arrive("/signed-in"), id)

	a.visit("/account")
	a.attempt(`app.getUser().then((user) => user.linkConnectedAccount("github"))`)
	a.wantUser(a.arrive("/account"), id)
	connected := a.tell(`app.getUser().then((user) => user.listConnectedAccounts())
		.then((accounts) => Promise.all(accounts.map(async (account) => [account.provider, (await account.getAccessToken()).status])))
		.then((pairs) => pairs.sort().join(" "))`)
	if connected.Result != "github,ok google,ok" {
		t.Errorf("connected %+v", connected)
	}
	if refused := a.tell(`app.getUser().then((user) => user.getConnectedAccount("google", {scopes: ["never-granted"]}))`); refused.Status != "ok" || refused.Result != nil {
		t.Errorf("with a scope that nobody granted: %+v", refused)
	}

	// The other person's account at the provider is theirs.
	a.signOut()
	a.as(newPerson("grace"))
	a.attempt(`app.signInWithOAuth("google")`)
	a.arrive("/signed-up")
	a.signOut()
	a.signUp()
	a.attempt(`app.getUser().then((user) => user.linkConnectedAccount("google"))`)
	if told := a.arrive("/handler/oauth-callback"); told.Status != "thrown" || told.Code != "OAUTH_CONNECTION_ALREADY_CONNECTED_TO_ANOTHER_USER" {
		t.Errorf("told %+v", told)
	}
}

// An anonymous visitor who comes by a provider keeps their id.
func TestSDK_browser_anonymousVisitor_signsInWithProvider(t *testing.T) {
	a := openApp(t)
	visitor := a.tell(`app.getUser({or: "anonymous"}).then((user) => ({id: user.id, anonymous: user.isAnonymous}))`)
	if visitor.Result.(map[string]any)["anonymous"] != true {
		t.Fatalf("visitor %+v", visitor)
	}
	id, _ := visitor.user()
	a.as(newPerson("upgraded"))
	a.attempt(`app.signInWithOAuth("google")`)
	here := a.arrive("/signed-up")
	a.wantUser(here, id)
	if here.Result.(map[string]any)["anonymous"] != false {
		t.Errorf("still anonymous: %+v", here)
	}
}

// A return that is another's, spent or late signs nobody in, and the SDK says so.
func TestSDK_browser_badReturns_areRefused(t *testing.T) {
	a := openApp(t)
	// Of another browser: the SDK has nothing to go with it.
	if foreign := a.visit("/handler/oauth-callback?code=somebodys&state=elses"); foreign.Status != "ok" || foreign.Result != false {
		t.Errorf("a return of another browser: %+v", foreign)
	}
	hold := func() (back string) {
		t.Helper()
		a.visit("/")
		a.as(newPerson("late"))
		a.do(chromedp.Evaluate(`sessionStorage.setItem("hold", "1")`, nil))
		a.attempt(`app.signInWithOAuth("google")`)
		if held := a.arrive("/handler/oauth-callback"); held.Result != "held" {
			t.Fatalf("held %+v", held)
		}
		a.do(chromedp.Evaluate(`sessionStorage.removeItem("hold"); location.pathname + location.search`, &back))
		return back
	}
	refused := func(what string, told outcome) {
		t.Helper()
		if told.Status != "thrown" || told.Code != "INVALID_AUTHORIZATION_CODE" || !strings.Contains(told.Message, "Error signing in during OAuth callback") {
			t.Errorf("%s: %+v", what, told)
		}
		if here := a.visit("/"); here.Status != "ok" || here.Result != nil {
			t.Errorf("%s: %+v is signed in", what, here)
		}
	}
	hold()
	expireAuthorizationCodes(t, a.project)
	refused("late", a.tell("app.callOAuthCallback()"))

	// With what belongs to another attempt of the same browser.
	verifier := `document.cookie.split("; ").find((cookie) => cookie.startsWith("hexclave-oauth-outer-" + new URLSearchParams(location.search).get("state"))).split("=")[1]`
	hold()
	a.do(chromedp.Evaluate(fmt.Sprintf(`{
		const verifier = %s;
		const state = new URLSearchParams(location.search).get("state");
		for (const prefix of ["hexclave", "stack"]) document.cookie = prefix + "-oauth-outer-" + state + "=" + [...verifier].reverse().join("") + "; path=/";
	}`, verifier), nil))
	refused("with a foreign verifier", a.tell("app.callOAuthCallback()"))

	// Twice: the second time ends the session of the first.
	back := hold()
	var kept string
	a.do(chromedp.Evaluate(verifier, &kept))
	a.attempt("app.callOAuthCallback()")
	if id, _ := a.arrive("/signed-up").user(); id == "" {
		t.Fatal("nobody is signed in")
	}
	a.do(chromedp.Evaluate(fmt.Sprintf(`for (const prefix of ["hexclave", "stack"]) document.cookie = prefix + "-oauth-outer-" + new URLSearchParams(%q.split("?")[1]).get("state") + "=%s; path=/"`, back, kept), nil))
	refreshToken := a.tell(`app.getUser().then((user) => user.currentSession.getTokens()).then((tokens) => tokens.refreshToken)`).Result.(string)
	if told := a.visit(back); told.Status != "thrown" || told.Code != "INVALID_AUTHORIZATION_CODE" {
		t.Errorf("spent: %+v", told)
	}
	if answer := refresh(t, a.project, refreshToken); answer.Code() != "REFRESH_TOKEN_NOT_FOUND_OR_EXPIRED" {
		t.Errorf("after a replay the session lives: %s", answer)
	}
}

// expireAuthorizationCodes lets all authorization codes of a project expire.
func expireAuthorizationCodes(t *testing.T, project stack.Project) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), system.Databases["sessions"])
	if err != nil {
		t.Fatal(err)
	}
	done, err := conn.Exec(t.Context(), "UPDATE authorization_codes SET expires_at = now() WHERE project_id = $1", project.ID)
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if done.RowsAffected() == 0 {
		t.Fatal("there is no authorization code")
	}
}

// A person makes a passkey and signs in with it; one that was taken away, and a
// browser without one, are told so.
func TestSDK_browser_passkeys(t *testing.T) {
	a := openApp(t)
	a.do(webauthn.Enable())
	authenticator := a.plugIn()
	id, _ := a.signUp()
	if made := a.tell("app.getUser().then((user) => user.registerPasskey())"); made.Status != "ok" {
		t.Fatalf("registered %+v", made)
	}
	a.signOut()
	// Twice: the authenticator's counter grows.
	for range 2 {
		a.attempt("app.signInWithPasskey()")
		a.wantUser(a.arrive("/signed-in"), id)
		a.signOut()
	}

	// With a second factor besides.
	a.attempt("app.signInWithPasskey()")
	a.arrive("/signed-in")
	secret := a.secondFactor()
	a.signOut()
	a.attempt("app.signInWithPasskey()")
	a.wantUser(a.enterSecondFactor(secret), id)

	if off := a.tell("app.getUser().then((user) => user.update({passkeyAuthEnabled: false}))"); off.Status != "ok" {
		t.Fatalf("switched off: %+v", off)
	}
	a.signOut()
	if refused := a.tell("app.signInWithPasskey()"); refused.Status != "error" || refused.Code != "PASSKEY_AUTHENTICATION_FAILED" {
		t.Errorf("a passkey that was taken away: %+v", refused)
	}
	a.do(webauthn.RemoveVirtualAuthenticator(authenticator))
	a.plugIn()
	if refused := a.tell("app.signInWithPasskey()"); refused.Status != "error" || refused.Code != "PASSKEY_WEBAUTHN_ERROR" {
		t.Errorf("without a passkey: %+v", refused)
	}
}

// Whoever has a second factor is led to the page that asks for it, by password
// and by provider.
func TestSDK_browser_secondFactor_isAskedFor(t *testing.T) {
	a := openApp(t)
	id, email := a.signUp()
	secret := a.secondFactor()
	a.signOut()
	signIn := func(password string) string {
		return fmt.Sprintf("app.signInWithCredential({email: %q, password: %q})", email, password)
	}
	if wrong := a.tell(signIn("not the password")); wrong.Code != "EMAIL_PASSWORD_MISMATCH" {
		t.Errorf("a wrong password: %+v", wrong)
	}
	a.attempt(signIn(password))
	a.wantUser(a.enterSecondFactor(secret), id)
	a.signOut()

	a.as(newPerson("careful"))
	a.attempt(`app.signInWithOAuth("google")`)
	id, _ = a.arrive("/signed-up").user()
	secret = a.secondFactor()
	a.signOut()
	a.attempt(`app.signInWithOAuth("google")`)
	a.wantUser(a.enterSecondFactor(secret), id)
}

// linkInMail is where a mail leads to in the app.
func (a *webApp) linkInMail(address, subject string) (page string) {
	a.t.Helper()
	mail, err := client.Mailbox{URL: system.MailboxURL}.Await(a.t.Context(), address, subject)
	if err != nil {
		a.t.Fatal(err)
	}
	page = regexp.MustCompile(regexp.QuoteMeta(a.origin) + `(/\S+)`).FindString(mail.Text)
	if page == "" {
		a.t.Fatalf("no link to %s in %s", a.origin, mail.Text)
	}
	return strings.TrimPrefix(page, a.origin)
}

// Links in mails lead to the pages that the SDK named, and those do what they
// are for.
func TestSDK_browser_linksInMails_leadToPages(t *testing.T) {
	a := openApp(t)
	newcomer := client.FreshEmail("newcomer")
	if sent := a.tell(fmt.Sprintf("app.sendMagicLinkEmail(%q)", newcomer)); sent.Status != "ok" {
		t.Fatalf("sent %+v", sent)
	}
	link := a.linkInMail(newcomer, "Sign in")
	a.do(chromedp.Navigate(a.origin + link))
	here := a.arrive("/signed-up")
	if _, email := here.user(); email != newcomer || here.Result.(map[string]any)["verified"] != true {
		t.Errorf("by a link: %+v", here)
	}
	a.signOut()
	if spent := a.visit(link); spent.Code != "VERIFICATION_CODE_ALREADY_USED" {
		t.Errorf("by a spent link: %+v", spent)
	}
	if unknown := a.visit("/handler/magic-link-callback?code=" + strings.Repeat("0", 45)); unknown.Code != "VERIFICATION_CODE_NOT_FOUND" {
		t.Errorf("by a link that nobody sent: %+v", unknown)
	}

	_, email := a.signUp()
	if verified := a.visit(a.linkInMail(email, "Verify your email")); verified.Status != "ok" {
		t.Errorf("verified: %+v", verified)
	}
	if here := a.visit("/"); here.Result.(map[string]any)["verified"] != true {
		t.Errorf("after the link: %+v", here)
	}
	a.signOut()
	if sent := a.tell(fmt.Sprintf("app.sendForgotPasswordEmail(%q)", email)); sent.Status != "ok" {
		t.Fatalf("sent %+v", sent)
	}
	if reset := a.visit(a.linkInMail(email, "Reset your password")); reset.Status != "ok" {
		t.Errorf("reset: %+v", reset)
	}
	a.attempt(fmt.Sprintf("app.signInWithCredential({email: %q, password: 'a brand new password'})", email))
	if _, got := a.arrive("/signed-in").user(); got != email {
		t.Errorf("with the new password %q is here", got)
	}
}

// program is one that runs on the command line and asks who its user is.
const program = `
import { clientApp } from "./system.mjs";
const login = await clientApp().promptCliLogin({ appUrl: process.env.APP_URL, waitTimeMillis: 50, promptLink: (link) => console.log(link) });
if (login.status !== "ok") throw login.error;
const user = await clientApp({ tokenStore: { accessToken: "", refreshToken: login.data } }).getUser({ or: "throw" });
console.log(user.id);
`

// A program on the command line shows a link, a person agrees in their browser,
// and the program acts for them.
func TestSDK_browser_agrees_programIsLoggedIn(t *testing.T) {
	a := openApp(t)
	id, _ := a.signUp()
	node := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", program)
	node.Dir = "sdk"
	node.Env = append(os.Environ(), "VESTIBULE_DEV_JSON="+throughProxy(t, &a.project), "APP_URL="+a.origin)
	node.Stderr = os.Stderr
	output, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	lines.Scan()
	link, ok := strings.CutPrefix(lines.Text(), a.origin)
	if !ok || !strings.HasPrefix(link, "/handler/cli-auth-confirm?login_code=") {
		t.Fatalf("the program says %q", lines.Text())
	}
	a.visit(link)
	if agreed := a.tell("authorizeProgram()"); agreed.Status != "ok" {
		t.Fatalf("agreed: %+v", agreed)
	}
	lines.Scan()
	if lines.Text() != id {
		t.Errorf("the program acts for %q, want %s", lines.Text(), id)
	}
	if err := node.Wait(); err != nil {
		t.Error(err)
	}
	if again := a.tell("authorizeProgram()"); again.Status != "thrown" {
		t.Errorf("agreed twice: %+v", again)
	}
}
