package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vestibule.dev/pkg/principal"
	"vestibule.dev/test/client"
	"vestibule.dev/test/process"
)

// Spellings of one address are one address: of many people who sign up with it
// at once, one does.
func TestSignUp_sameAddressAtOnce_makesOneUser(t *testing.T) {
	const parallel = 64
	address := client.FreshEmail("race")
	local, domain, _ := strings.Cut(address, "@")
	spellings := []string{address, strings.ToUpper(address), strings.ToUpper(local) + "@" + domain, local + "@" + strings.ToUpper(domain), strings.ToUpper(address[:1]) + address[1:]}
	answers := make([]client.Response, parallel)
	var refusals atomic.Int64
	var everybody sync.WaitGroup
	for i := range answers {
		everybody.Go(func() {
			answer, refused, err := comeBack(t.Context(), visitor(dev), http.MethodPost, "/auth/password/sign-up",
				map[string]any{"email": spellings[i%len(spellings)], "password": password})
			if err != nil {
				t.Error(err)
			}
			answers[i] = answer
			refusals.Add(int64(refused))
		})
	}
	everybody.Wait()
	users := 0
	for _, answer := range answers {
		switch {
		case answer.Status == http.StatusOK:
			users++
		case answer.Code() != "USER_EMAIL_ALREADY_EXISTS" || answer.Status != http.StatusConflict:
			t.Errorf("answered with %s", answer)
		}
	}
	if users > 1 || users == 0 && refusals.Load() == 0 {
		t.Errorf("%d users have signed up", users)
	}
	if found := items(t, succeed(t, backend(dev), http.MethodGet, "/users?query="+address, nil)); len(found) != 1 {
		t.Errorf("there are %v", found)
	}
	if _, err := visitor(dev).SignIn(t.Context(), strings.ToUpper(address), password); err != nil {
		t.Error(err)
	}
}

// spoofed are header names by which somebody could hope to be somebody else,
// and what they would say.
func spoofed(userID, projectID string) map[string]string {
	facts := map[string]string{
		"project-id": projectID, "branch-id": "side", "access": "admin", "access-type": "admin", "user-id": userID, "session-id": userID,
		"admin-user-id": userID, "anonymous": "true", "restricted": "true", "restricted-reason": "email_not_verified", "config-version": "999999",
	}
	for _, name := range []string{
		principal.MetadataPrincipal, principal.MetadataCaller, principal.MetadataRequestID, principal.MetadataClientIP, principal.MetadataCountry,
		principal.MetadataUserAgent, principal.MetadataRefreshToken, principal.MetadataTimezone,
	} {
		facts[strings.TrimPrefix(name, principal.MetadataPrefix)] = "gateway"
	}
	headers := map[string]string{
		"Authorization": "Bearer " + userID, "Proxy-Authorization": "Basic eDp4", "Cookie": "stack-access=" + userID, "X-Stack-Auth": `{"accessToken":"x"}`,
		"Forwarded": "for=6.6.6.6;host=internal;proto=https", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "X-Forwarded-Prefix": "/internal",
		"X-Original-Url": "/api/v1/internal/projects", "X-Rewrite-Url": "/api/v1/internal/projects", "X-Host": "evil.example",
		"Grpc-Timeout": "1n", "Grpc-Encoding": "gzip", "Grpc-Status": "0", "Grpc-Message": "ok", "Te": "trailers",
		"X-Http-Method-Override": "DELETE", "X-Http-Method": "DELETE", "X-Method-Override": "DELETE",
		"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate": "a=b", "Baggage": "user_id=" + userID,
		"X-Request-Id": "0000000000000000", "X-Hexclave-Request-Id": "0000000000000000", "X-Hexclave-Known-Error": "X", "X-Hexclave-Actual-Status": "500",
		"X-Hexclave-Development-Override-Key": "x", "X-Hexclave-User-Id": userID, "X-Real-Ip": "6.6.6.6", "Cf-Connecting-Ip": "6.6.6.6", "X-Vercel-Ip-Country": "XX",
	}
	for name, value := range facts {
		headers["Vestibule-"+name] = value
		headers["Grpc-Metadata-Vestibule-"+name] = value
		headers["grpcgateway-vestibule-"+name] = value
		headers["VESTIBULE_"+strings.ReplaceAll(name, "-", "_")] = value
		headers["Grpc-Metadata-Vestibule-"+name+"-Bin"] = "Z2F0ZXdheQ=="
	}
	return headers
}

// What a caller says in headers that are not the contract's changes nothing.
func TestHeaders_spoofed_haveNoInfluence(t *testing.T) {
	_, other, _ := signUp(t, dev)
	_, tokens, _ := signUp(t, dev)
	me := client.For(system.BaseURL, dev, client.Public).SignedIn(tokens) // a proxy would drop some
	nobody := client.For(system.BaseURL, dev, client.Public)
	headers := spoofed(other.UserID, "internal")
	if len(headers) < 60 {
		t.Fatalf("only %d names", len(headers))
	}
	for _, route := range []struct {
		caller       *client.Client
		method, path string
	}{
		{me, http.MethodGet, "/users/me"},
		{nobody, http.MethodGet, "/users/me"},
		{me, http.MethodGet, "/projects/current"},
		{me, http.MethodGet, "/auth/sessions?user_id=me"},
		{me, http.MethodGet, "/contact-channels?user_id=me"},
		{nobody, http.MethodGet, "/internal/projects/current"},
		{client.New(system.BaseURL), http.MethodGet, "/internal/config"},
	} {
		want := call(t, route.caller, route.method, route.path, nil)
		compare := func(name string, got client.Response) {
			if got.Status != want.Status || got.Code() != want.Code() || !bytes.Equal(got.Body, want.Body) {
				t.Errorf("%s %s with %s: %s, without: %s", route.method, route.path, name, got, want)
			}
		}
		all := route.caller
		for name, value := range headers {
			compare(name, call(t, route.caller.WithHeader(name, value), route.method, route.path, nil))
			all = all.WithHeader(name, value)
		}
		compare("all of them", call(t, all, route.method, route.path, nil))
	}
	if got := call(t, me, http.MethodGet, "/users/me", nil); got.Object()["id"] != tokens.UserID {
		t.Errorf("the user is %s now", got)
	}
}

// A hundred bodies of a GiB cost the room of one and of sixteen MiB (R50).
func TestBodies_endless_areRefused(t *testing.T) {
	begin, before := time.Now(), gatewayMemory(t)
	during := flood(t)
	t.Logf("the gateway held %d MiB, and %d MiB in %v with a hundred endless bodies", before>>20, during>>20, time.Since(begin).Round(time.Millisecond))
	const allowance = 64 << 20
	if during > before+allowance {
		t.Errorf("the gateway holds %d MiB, %d MiB before", during>>20, before>>20)
	}
}

// Whatever is sent, the answer says what is wrong with it, and the gateway's
// memory stays bounded.
func TestBodies_odd_areRefused(t *testing.T) {
	_, tokens, _ := signUp(t, dev)
	_, _, admin := newAdmin(t)
	me := client.For(system.BaseURL, dev, client.Public).SignedIn(tokens)
	public := client.For(system.BaseURL, dev, client.Public)
	deep := strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000)
	deepObject := strings.Repeat(`{"a":`, 100_000) + `1` + strings.Repeat(`}`, 100_000)
	var keys strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&keys, `"k%d":1,`, i)
	}
	bodies := map[string]string{
		"empty":                 ``,
		"blank":                 "  \n",
		"no JSON":               `{`,
		"null":                  `null`,
		"array":                 `[]`,
		"string":                `"x"`,
		"number":                `1`,
		"trailing garbage":      `{}{}`,
		"trailing comma":        `{"display_name":"x",}`,
		"comment":               `{/**/}`,
		"single quotes":         `{'display_name':'x'}`,
		"duplicate key":         `{"display_name":"x","display_name":"y","email":"a@example.com","email":"b@example.com"}`,
		"NaN":                   `{"display_name":NaN}`,
		"infinite number":       `{"display_name":1e999,"email":1e999,"password":-1e999}`,
		"minus zero":            `{"display_name":-0,"email":-0,"password":-0}`,
		"long number":           `{"client_metadata":` + strings.Repeat("9", 100_000) + `,"email":` + strings.Repeat("9", 1000) + `}`,
		"invalid UTF-8":         "{\"display_name\":\"\xff\xfe\",\"email\":\"\xc3\x28@example.com\"}",
		"lone surrogate":        `{"display_name":"\ud800","client_metadata":"\udc00","email":"\ud800@example.com","password":"\ud800\ud800\ud800\ud800\ud800\ud800\ud800\ud800"}`,
		"NUL":                   `{"display_name":"a\u0000b","client_metadata":{"a\u0000":"\u0000"},"primary_email":"a\u0000@example.com","email":"a\u0000@example.com","password":"long enough\u0000 for all"}`,
		"NUL in name":           `{"display_name":"a\u0000b"}`,
		"NUL in metadata":       `{"client_metadata":{"a\u0000":"\u0000"}}`,
		"NUL in password":       `{"email":"nul@example.com","password":"long enough \u0000 for all"}`,
		"NUL in config":         `{"config_override_string":"{\"teams.createPersonalTeamOnSignUp\":\"\\u0000\"}"}`,
		"byte order mark":       "\ufeff{}",
		"UTF-16":                "\xff\xfe{\x00}\x00",
		"deep arrays":           `{"client_metadata":` + deep + `,"email":` + deep + `}`,
		"deep objects":          `{"client_metadata":` + deepObject + `,"email":` + deepObject + `}`,
		"deep config":           `{"config_override_string":"` + strings.ReplaceAll(deepObject, `"`, `\"`) + `"}`,
		"many keys":             `{` + keys.String() + `"z":1}`,
		"many keys in metadata": `{"client_metadata":{` + keys.String() + `"z":1}}`,
		"long name":             `{"display_name":"` + strings.Repeat("x", 1<<20) + `","email":"` + strings.Repeat("x", 1<<20) + `@example.com","password":"` + strings.Repeat("x", 1<<20) + `"}`,
		"wrong types":           `{"display_name":{},"client_metadata":[],"primary_email":[],"selected_team_id":7,"totp_secret_base64":{},"email":[],"password":{}}`,
		"prototype":             `{"__proto__":{"x":1},"constructor":1}`,
		"type URL":              `{"@type":"type.googleapis.com/google.protobuf.Struct","display_name":"x"}`,
		"mask":                  `{"update_mask":"password","display_name":"x"}`,
		"escaped key":           `{"\u0064isplay_name":"fine"}`,
		"empty key":             `{"":1}`,
		"long key":              `{"` + strings.Repeat("k", 1<<20) + `":1}`,
	}
	targets := []struct {
		caller       *client.Client
		method, path string
	}{
		{public, http.MethodPost, "/auth/password/sign-up"},
		{public, http.MethodPost, "/auth/password/sign-in"},
		{public, http.MethodPost, "/auth/oauth/token"},
		{me, http.MethodPatch, "/users/me"},
		{admin, http.MethodPatch, "/internal/config/override/environment"},
		{admin, http.MethodPatch, "/internal/projects/current"},
	}
	before := gatewayMemory(t)
	for name, body := range bodies {
		for _, target := range targets {
			got := call(t, target.caller, target.method, target.path, []byte(body))
			if got.Status >= 500 {
				t.Errorf("%s to %s %s: %s", name, target.method, target.path, got)
			}
		}
	}
	for name, contentType := range map[string]string{
		"form": "application/x-www-form-urlencoded", "text": "text/plain", "bytes": "application/octet-stream", "unknown": "application/xml",
		"broken": ";;", "multipart": "multipart/form-data; boundary=x", "charset": "application/json; charset=utf-7",
	} {
		for _, target := range targets {
			if got := call(t, target.caller.WithHeader("Content-Type", contentType), target.method, target.path, []byte("a=%zz&b")); got.Status >= 500 {
				t.Errorf("%s to %s %s: %s", name, target.method, target.path, got)
			}
		}
	}
	for _, encoding := range []string{"gzip", "deflate", "br", "gzip, gzip", "identity", "nonsense"} {
		c := public.WithHeader("Content-Encoding", encoding)
		if got := call(t, c, http.MethodPost, "/auth/password/sign-in", []byte(`{"email":"x"}`)); got.Status >= 500 {
			t.Errorf("encoding %s: %s", encoding, got)
		}
	}
	bomb := gzipped(t, 512<<20)
	if got := call(t, public.WithHeader("Content-Encoding", "gzip"), http.MethodPost, "/auth/password/sign-in", bomb); got.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("a bomb of %d bytes: %s", len(bomb), got)
	}

	// The heap may grow to three times what is in use, up to the soft limit of
	// the process, 80 MiB; what is not heap comes on top.
	const allowance = 96 << 20
	if after := gatewayMemory(t); after > before+allowance {
		t.Errorf("the gateway holds %d MiB, %d MiB before", after>>20, before>>20)
	}
	succeed(t, me, http.MethodGet, "/users/me", nil)
}

// flood sends a hundred bodies of a GiB, whose length it does not say, sixteen at
// a time, and returns the most that the gateway held meanwhile.
func flood(t *testing.T) (most int64) {
	t.Helper()
	const bodies, parallel = 100, 16
	var everybody sync.WaitGroup
	room := make(chan struct{}, parallel)
	for range bodies {
		room <- struct{}{}
		most = max(most, gatewayMemory(t))
		everybody.Go(func() {
			defer func() { <-room }()
			// There is room for one at a time; whoever waits too long for it is
			// told to come back.
			status := http.StatusServiceUnavailable
			for status == http.StatusServiceUnavailable {
				var err error
				if status, err = sendEndless(t.Context()); err != nil {
					return // the gateway may hang up on it
				}
			}
			if status != http.StatusRequestEntityTooLarge {
				t.Errorf("an endless body: %d", status)
			}
		})
	}
	everybody.Wait()
	return max(most, gatewayMemory(t))
}

// sendEndless sends a body of a GiB, whose length it does not say.
func sendEndless(ctx context.Context) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, system.BaseURL+"/api/v1/auth/password/sign-in",
		io.LimitReader(endless('x'), 1<<30))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func gzipped(t *testing.T, size int64) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, endless(' '), size); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func gatewayMemory(t *testing.T) int64 {
	t.Helper()
	if err := system.Reload(); err != nil {
		t.Fatal(err)
	}
	size, err := process.RSS(system.PIDs["gateway"])
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// Queries and paths are as hostile as bodies.
func TestQueries_odd_areRefused(t *testing.T) {
	_, tokens, _ := signUp(t, dev)
	me := client.For(system.BaseURL, dev, client.Public).SignedIn(tokens)
	for _, query := range []string{
		"user_id", "user_id=", "user_id=me&user_id=x", "user_id=%00", "user_id=%ff", "user_id=" + strings.Repeat("a", 20_000), "user_id[]=me",
		"user_id=me&=", "user_id=me;a=b", "user_id=me&%zz=1", "user_id=%zz", "&&&", "user_id=me&limit=1", "user_id=ME", "user_id=me%20",
	} {
		for _, path := range []string{"/auth/sessions", "/contact-channels"} {
			got := call(t, me, http.MethodGet, path+"?"+query, nil)
			if got.Status >= 500 {
				t.Errorf("%s?%s: %s", path, query, got)
			}
		}
	}
	for _, id := range []string{"%00", "..", "%2e%2e", "a%2Fb", strings.Repeat("x", 9000), "%ff", "null", "0", "'; DROP TABLE sessions; --", "me"} {
		path := "/auth/sessions/" + strings.ReplaceAll(strings.ReplaceAll(id, " ", "%20"), "'", "%27") + "?user_id=me"
		if got := call(t, me, http.MethodDelete, path, nil); got.Status >= 500 || got.Status < 300 {
			t.Errorf("%s: %s", path, got)
		}
	}
	for _, method := range []string{"TRACE", "CONNECT-ISH", "PROPFIND", "HEAD", "PUT"} {
		if got := call(t, me, method, "/users/me", nil); got.Status >= 500 {
			t.Errorf("%s: %s", method, got)
		}
	}
}

// Thousands of connections on which nothing comes, a byte now and then, or whose
// answers nobody reads (R51) cost no one else an answer, and are ended.
func TestConnections_idleAndSlow_hinderNobody(t *testing.T) {
	const each = 1250
	// leeway is for connections of others, which come and go.
	const leeway = 50
	_, tokens, _ := signUp(t, dev)
	me := client.For(system.BaseURL, dev, client.Public).SignedIn(tokens)
	before := gatewayDescriptors(t)
	var conns []net.Conn
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close()
			}
		}
	}()
	address := strings.TrimPrefix(system.BaseURL, "http://")
	ask := func() (typical, slow time.Duration) {
		var took []time.Duration
		for range 200 {
			begin := time.Now()
			succeed(t, me, http.MethodGet, "/users/me", nil)
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		return took[100].Round(time.Millisecond / 10), took[198].Round(time.Millisecond / 10)
	}
	usually, seldom := ask()
	texts := []string{
		"",                      // silent
		"GET /api/v1/users/me ", // a request line that does not end
		"POST /api/v1/auth/password/sign-in HTTP/1.1\r\nHost: x\r\nX-Slow: ",                                                          // a header that does not end
		"POST /api/v1/auth/password/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n{", // a body that does not end
	}
	// Those that never send a whole header, which are ended after seconds, come
	// first. The others may go on for half a minute.
	conns = make([]net.Conn, each*len(texts))
	headless := conns[:each*(len(texts)-1)]
	var opening sync.WaitGroup
	for first := range 20 {
		opening.Go(func() {
			for i := first; i < len(conns); i += 20 {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				conns[i] = conn
				_, _ = io.WriteString(conn, texts[i/each])
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	open := gatewayDescriptors(t)
	// On a slow machine the first are ended before the last are there.
	if open < before+each-leeway {
		t.Errorf("%d descriptors are open, %d before: the connections are not there", open, before)
	}
	meanwhile, slowest := ask()
	begin := time.Now()
	for _, conn := range headless {
		if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
	}
	ended := time.Since(begin)
	for _, conn := range conns {
		_ = conn.Close()
	}
	t.Logf("%d descriptors instead of %d; half of 200 requests took %v meanwhile and %v before, 99 of 100 %v and %v; the connections were ended within %v more",
		open, before, meanwhile, usually, slowest, seldom, ended.Round(time.Millisecond))
	if err := client.Poll(t.Context(), func(context.Context) error {
		if n := gatewayDescriptors(t); n > before+leeway {
			return fmt.Errorf("%d descriptors are still open, %d before", n, before)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func gatewayDescriptors(t *testing.T) int {
	t.Helper()
	if err := system.Reload(); err != nil {
		t.Fatal(err)
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", system.PIDs["gateway"]))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}
