package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"vestibule.dev/pkg/principal"
)

var errDown = errors.New("down")

func b64(v any) string {
	data, ok := v.([]byte)
	if !ok {
		data, _ = json.Marshal(v)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// Attacks on access tokens (RFC 8725). All must end as UNPARSABLE_ACCESS_TOKEN
// before anything is decided from what the token says.
func TestServe_forgedToken_isRefused(t *testing.T) {
	r := newRig(t)
	good := r.sessions.keys[projectA][0]
	alien := newKey(t, good.kid)
	claims := r.claims()
	change := func(name string, value any) jwt.MapClaims { c := maps.Clone(claims); c[name] = value; return c }
	without := func(name string) jwt.MapClaims { c := maps.Clone(claims); delete(c, name); return c }
	signed := r.sign(claims)
	parts := strings.Split(signed, ".")
	der, err := x509.MarshalPKIXPublicKey(&good.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	point, err := good.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	jwk := map[string]any{"kty": "EC", "crv": "P-256", "kid": good.kid, "x": b64(point[1:33]), "y": b64(point[33:])}
	hs256 := func(key []byte) string {
		input := b64(map[string]any{"alg": "HS256", "kid": good.kid}) + "." + b64(claims)
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(input))
		return input + "." + b64(mac.Sum(nil))
	}
	// raw signs a payload that is given as text.
	raw := func(header, payload string) string {
		input := b64([]byte(header)) + "." + b64([]byte(payload))
		sig, err := jwt.SigningMethodES256.Sign(input, good.key)
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + b64(sig)
	}
	header := fmt.Sprintf(`{"alg":"ES256","kid":%q}`, good.kid)
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	es384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wrongCurve := jwt.NewWithClaims(jwt.SigningMethodES384, claims)
	wrongCurve.Header["kid"] = good.kid
	onWrongCurve, err := wrongCurve.SignedString(es384)
	if err != nil {
		t.Fatal(err)
	}
	r.do(request{headers: client()})
	principalToken := r.things.metadata[principal.MetadataPrincipal][0]
	order := elliptic.P256().Params().N.FillBytes(make([]byte, 32))

	vectors := map[string]string{
		"alg none":                  b64(map[string]any{"alg": "none", "kid": good.kid}) + "." + parts[1] + ".",
		"alg None with signature":   b64(map[string]any{"alg": "None", "kid": good.kid}) + "." + parts[1] + "." + parts[2],
		"alg missing":               b64(map[string]any{"kid": good.kid}) + "." + parts[1] + "." + parts[2],
		"alg empty":                 b64(map[string]any{"alg": "", "kid": good.kid}) + "." + parts[1] + "." + parts[2],
		"alg es256 lower case":      r.signWith(good, claims, map[string]any{"alg": "es256"}),
		"HS256 with PEM":            hs256(asPEM),
		"HS256 with DER":            hs256(der),
		"HS256 with JWK":            hs256([]byte(b64(jwk))),
		"HS256 with point":          hs256(point),
		"HS256 with nothing":        hs256(nil),
		"ES384":                     onWrongCurve,
		"other key, same kid":       r.signWith(alien, claims, nil),
		"kid unknown":               r.signWith(good, claims, map[string]any{"kid": "nope"}),
		"kid empty":                 r.signWith(good, claims, map[string]any{"kid": ""}),
		"kid missing":               raw(`{"alg":"ES256"}`, string(payload)),
		"kid number":                raw(`{"alg":"ES256","kid":1}`, string(payload)),
		"kid path":                  r.signWith(alien, claims, map[string]any{"kid": "../../dev/null"}),
		"kid SQL":                   r.signWith(alien, claims, map[string]any{"kid": "' UNION SELECT 'x"}),
		"kid NUL":                   r.signWith(good, claims, map[string]any{"kid": good.kid + "\x00"}),
		"kid twice":                 raw(fmt.Sprintf(`{"alg":"ES256","kid":"x","kid":%q}`, good.kid), string(payload)),
		"kid in two cases":          raw(fmt.Sprintf(`{"alg":"ES256","kid":%q,"KID":"x"}`, good.kid), string(payload)),
		"kid of the other audience": r.signWith(r.sessions.keys[projectA+":anon"][0], claims, nil),
		"jku":                       r.signWith(alien, claims, map[string]any{"jku": "https://evil.example/jwks.json"}),
		"x5u":                       r.signWith(alien, claims, map[string]any{"x5u": "https://evil.example/cert"}),
		"jwk":                       r.signWith(alien, claims, map[string]any{"jwk": jwk}),
		"x5c":                       r.signWith(good, claims, map[string]any{"x5c": []string{"MII"}}),
		"crit":                      r.signWith(good, claims, map[string]any{"crit": []string{"exp"}}),
		"b64 false":                 r.signWith(good, claims, map[string]any{"b64": false, "crit": []string{"b64"}}),
		"zip":                       r.signWith(good, claims, map[string]any{"zip": "DEF"}),
		"nested":                    r.signWith(good, claims, map[string]any{"cty": "JWT"}),
		"other typ":                 r.signWith(good, claims, map[string]any{"typ": "principal+jwt"}),
		"detached":                  parts[0] + ".." + parts[2],
		"no signature":              parts[0] + "." + parts[1] + ".",
		"two parts":                 parts[0] + "." + parts[1],
		"four parts":                signed + ".x",
		"five parts":                signed + ".x.y",
		"JSON serialisation":        `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"padding":                   parts[0] + "=." + parts[1] + "." + parts[2],
		"padded signature":          signed + "==",
		"space before":              " " + signed,
		"line break inside":         parts[0] + "." + parts[1] + ".\n" + parts[2],
		"Bearer":                    "Bearer " + signed,
		"zero r and s":              parts[0] + "." + parts[1] + "." + b64(make([]byte, 64)),
		"r and s of the order":      parts[0] + "." + parts[1] + "." + b64(append(order, order...)),
		"short signature":           parts[0] + "." + parts[1] + "." + parts[2][:40],
		"long signature":            parts[0] + "." + parts[1] + "." + parts[2] + "AAAA",
		"DER signature":             parts[0] + "." + parts[1] + "." + b64([]byte{0x30, 6, 2, 1, 1, 2, 1, 1}),
		"claims swapped":            parts[0] + "." + b64(change("sub", "someone-else")) + "." + parts[2],
		"audience list":             r.signWith(good, change("aud", []string{projectA}), nil),
		"audience missing":          r.signWith(good, without("aud"), nil),
		"audience unknown":          r.signWith(good, change("aud", projectA+":admin"), nil),
		"audience of no project":    r.signWith(good, change("aud", "nope"), nil),
		"anonymous as plain":        r.sign(change("is_anonymous", true)),
		"plain as anonymous":        r.sign(change("aud", projectA+":anon")),
		"restricted as plain":       r.sign(change("is_restricted", true)),
		"restricted without reason": r.token(restricted, func(c jwt.MapClaims) { c["restricted_reason"] = nil }),
		"reason without restricted": r.sign(change("restricted_reason", map[string]any{"type": "email_not_verified"})),
		"anonymous, other reason":   r.token(anonymous, func(c jwt.MapClaims) { c["restricted_reason"] = map[string]any{"type": "email_not_verified"} }),
		"issuer of another project": r.sign(change("iss", publicURL+"/api/v1/projects/"+projectB)),
		"issuer of another origin":  r.sign(change("iss", "https://evil.example/api/v1/projects/"+projectA)),
		"issuer missing":            r.sign(without("iss")),
		"issuer with slash":         r.sign(change("iss", publicURL+"/api/v1/projects/"+projectA+"/")),
		"project claim differs":     r.sign(change("project_id", projectB)),
		"branch differs":            r.sign(change("branch_id", "dev")),
		"subject missing":           r.sign(without("sub")),
		"subject number":            r.sign(change("sub", 1)),
		"exp missing":               r.sign(without("exp")),
		"exp text":                  r.sign(change("exp", "9999999999")),
		"exp fraction":              r.sign(change("exp", 9999999999.5)),
		"exp beyond int64":          raw(header, strings.Replace(string(payload), fmt.Sprintf(`"exp":%d`, claims["exp"]), `"exp":1e30`, 1)),
		"not yet valid":             r.sign(change("nbf", r.clock.Now().Add(time.Minute).Unix())),
		"claim twice":               raw(header, strings.Replace(string(payload), `"sub":`, `"sub":"x","sub":`, 1)),
		"claim in two cases":        raw(header, strings.Replace(string(payload), `{`, `{"SUB":"x",`, 1)),
		"claim with long s":         raw(header, strings.Replace(string(payload), `{`, `{"\u017fub":"x",`, 1)),
		"claims null":               raw(header, `null`),
		"claims list":               raw(header, `[]`),
		"claims and more":           raw(header, string(payload)+`{}`),
		"huge":                      r.sign(change("name", strings.Repeat("x", 100_000))),
		"deep":                      raw(header, `{"aud":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`),
		"principal token":           principalToken,
		"refresh token":             strings.Repeat("k", 45),
		"empty parts":               "..",
		"one dot":                   ".",
	}
	if len(vectors) < 40 {
		t.Fatalf("only %d vectors", len(vectors))
	}
	for name, token := range vectors {
		if strings.ContainsAny(token, "\n") {
			continue // no HTTP header can hold it; see the authn fuzz test
		}
		calls := r.things.calls
		w := r.do(request{headers: client("Access-Token", token, "Allow-Anonymous-User", "true")})
		if got := code(t, w); got != "UNPARSABLE_ACCESS_TOKEN" || r.things.calls != calls {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		w = r.do(request{headers: admin("Admin-Access-Token", token)})
		if got := code(t, w); got != "UNPARSABLE_ADMIN_ACCESS_TOKEN" {
			t.Errorf("%s as admin token: %d %s", name, w.Code, w.Body)
		}
	}
	// An access token is no principal either.
	if _, err := r.verifier.Verify(signed); err == nil {
		t.Error("an access token passed as principal")
	}
	if w := r.do(request{headers: client("Access-Token", signed)}); w.Code != 200 {
		t.Errorf("the token all vectors are made from: %s", w.Body)
	}
}

func TestServe_expiredToken_saysWhose(t *testing.T) {
	r := newRig(t)
	token := r.token()
	q := request{headers: client("Access-Token", token)}
	r.clock.Advance(600*time.Second - 1)
	if w := r.do(q); w.Code != 200 {
		t.Fatal(w.Body)
	}
	r.clock.Advance(1)
	// Once from the cache, once anew.
	for range 2 {
		w := r.do(q)
		var body struct{ Details map[string]any }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || code(t, w) != "ACCESS_TOKEN_EXPIRED" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		want := map[string]any{
			"expired_at_millis": float64(r.clock.Now().UnixMilli()), "project_id": projectA,
			"user_id": userA, "refresh_token_id": sessionA,
		}
		if !maps.Equal(body.Details, want) {
			t.Errorf("details %v, want %v", body.Details, want)
		}
	}
}

func TestServe_keyRotation_isFollowed(t *testing.T) {
	r := newRig(t)
	old := r.token()
	if w := r.do(request{headers: client("Access-Token", old)}); w.Code != 200 {
		t.Fatal(w.Body)
	}
	r.clock.Advance(6 * time.Second)
	r.sessions.keys[projectA] = []signingKey{newKey(t, "next"), r.sessions.keys[projectA][0]}
	for _, token := range []string{r.token(), old} {
		if w := r.do(request{headers: client("Access-Token", token)}); w.Code != 200 {
			t.Errorf("a valid token was refused: %s", w.Body)
		}
	}
	// A withdrawn key ends its tokens within a minute, cached ones included.
	r.sessions.keys[projectA] = r.sessions.keys[projectA][:1]
	r.clock.Advance(time.Minute)
	if w := r.do(request{headers: client("Access-Token", old)}); code(t, w) != "UNPARSABLE_ACCESS_TOKEN" {
		t.Errorf("a token of a withdrawn key was accepted: %d", w.Code)
	}
}

func TestServe_unknownKeyIDs_costOneFetch(t *testing.T) {
	r := newRig(t)
	r.do(request{headers: client("Access-Token", r.token())})
	r.clock.Advance(6 * time.Second)
	asked := r.sessions.asked
	for i := range 200 {
		kid := fmt.Sprint("flood-", i)
		w := r.do(request{headers: client("Access-Token", r.signWith(newKey(t, kid), r.claims(), nil))})
		if code(t, w) != "UNPARSABLE_ACCESS_TOKEN" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if n := r.sessions.asked - asked; n != 1 {
		t.Errorf("keys were fetched %d times in five seconds", n)
	}
}

func TestServe_sessionsDown_knownKeysServeOn(t *testing.T) {
	r := newRig(t)
	q := request{headers: client("Access-Token", r.token())}
	r.sessions.err = errDown
	if w := r.do(q); w.Code != 503 {
		t.Errorf("without keys: %d %s", w.Code, w.Body)
	}
	r.sessions.err = nil
	if w := r.do(q); w.Code != 200 {
		t.Fatal(w.Body)
	}
	r.sessions.err = errDown
	for range 3 {
		r.clock.Advance(time.Minute)
		if w := r.do(q); w.Code != 200 {
			t.Errorf("with known keys: %d %s", w.Code, w.Body)
		}
	}
}
