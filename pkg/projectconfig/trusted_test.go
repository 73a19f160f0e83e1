package projectconfig_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vestibule.dev/pkg/projectconfig"
)

func trusting(localhost bool, bases ...string) *projectconfig.Config {
	c := &projectconfig.Config{Domains: projectconfig.Domains{
		AllowLocalhost: localhost, TrustedDomains: map[string]projectconfig.TrustedDomain{},
	}}
	for _, base := range bases {
		c.Domains.TrustedDomains[base] = projectconfig.TrustedDomain{BaseURL: base, HandlerPath: "/handler"}
	}
	return c
}

func TestTrustedURL_pattern_matchesAsContract(t *testing.T) {
	for _, tc := range []struct {
		base string
		yes  []string
		no   []string
	}{
		{
			base: "https://trusted.com",
			yes: []string{
				"https://trusted.com", "https://trusted.com/", "https://trusted.com/any/path?x=1#frag", "https://trusted.com:443/a",
				"HTTPS://TRUSTED.com/a", "https://trusted.com?x", "https://trusted.com#x", "https://trusted.com:", "https://trusted.com:0443",
				"https://trusted.com//evil.com", "https://trusted.com/%2f%2fevil.com", "https://trusted.com/@evil.com",
				"https://trusted.com/https://evil.com", "https://trusted.com/?next=https://evil.com/\\", "https://trusted.com/#\\", "https://trusted.com/ü",
				"https://trusted.com/%zz",
			},
			no: []string{
				"", "/", "/path", "trusted.com", "//trusted.com", "https:", "https:/trusted.com", "https:trusted.com", "https:///trusted.com",
				"https://", "https:///", "https://?trusted.com", "https://#trusted.com", "https:\\\\trusted.com", "https:/\\trusted.com", "https://\\trusted.com",
				"http://trusted.com", "ftp://trusted.com", "httpss://trusted.com", "https+x://trusted.com", "wss://trusted.com",
				"javascript://trusted.com/%0aalert(1)", "data://trusted.com", "blob:https://trusted.com/1", "view-source:https://trusted.com", "://trusted.com",
				"https://sub.trusted.com", "https://trusted.com.evil.com", "https://eviltrusted.com", "https://trusted.com.", "https://trusted.co",
				"https://trusted.comevil.com", "https://trusted.com-evil.com", "https://trusted_com", "https://trustedxcom", "https://.trusted.com",
				"https://trusted.com:444", "https://trusted.com:80", "https://trusted.com:65979", "https://trusted.com:4294967739", "https://trusted.com:-443",
				"https://trusted.com:+443", "https://trusted.com:443x", "https://trusted.com:443:443", "https://trusted.com:４４３", "https://trusted.com:evil.com",
				"https://evil.com@trusted.com", "https://a:b@trusted.com", "https://@trusted.com", "https://trusted.com@evil.com", "https://trusted.com:443@evil.com",
				"https://trusted.com:@evil.com", "https://trusted.com%40evil.com", "https://trusted.com%2f@evil.com", "https://trusted.com%2fevil.com", "https://trusted.com%00.evil.com",
				"https://trusted%2ecom", "https://%74rusted.com", "https://trusted.com%0d%0a", "https://trusted.com%",
				"https://evil.com/trusted.com", "https://evil.com?trusted.com", "https://evil.com#trusted.com", "https://evil.com/https://trusted.com",
				"https://evil.com?@trusted.com", "https://evil.com#@trusted.com", "https://evil.com/@trusted.com", "https://evil.com;@trusted.com",
				"https://evil.com\\@trusted.com", "https://trusted.com\\@evil.com", "https://trusted.com\\.evil.com", "https://evil.com\\.trusted.com", "https://trusted.com/\\evil.com", "https://trusted.com\\",
				" https://trusted.com", "https://trusted.com ", "https://trusted.com\n", "\thttps://trusted.com", "ht\ntps://trusted.com", "https://trus\tted.com", "https://trusted.com\x00", "https://trusted.com\x7f", "https://trusted.com/a b", "https://trusted.com/\r\nSet-Cookie:a=b", "\x00https://trusted.com",
				"https://trusted。com", "https://trusted．com", "https://trusted｡com", "https://ｔrusted.com", "https://trusted.com。evil.com", "https://trusted.com⁄evil.com", "https://trusted.com／evil.com", "https://evil.com／.trusted.com", "https://trusted.com＠evil.com", "https://evil.com＃.trusted.com", "https://evil.com？.trusted.com", "https://evil.c℀.trusted.com", "https://tru\u00adsted.com", "https://trusted.com\u200b", "https://trusted.com\u202e", "https://truſted.com", "https://trustеd.com",
				"https://[trusted.com]", "https://[::1]", "https://trusted.com]", "https://[trusted.com", "https://*", "https://*.com", "https://trusted.*", "https://trusted.com,evil.com", "https://trusted.com;evil.com", "https://trusted.com&evil.com", "https://trusted.com|evil.com", "https://trusted.com^", "https://<trusted.com>", "https://trusted.com'", "https://(trusted.com)",
				"https://xn--trusted-.com", "hexclave-mobile-oauth-url://trusted.com",
			},
		},
		{
			base: "https://Trusted.com:443/ignored/path?q#f",
			yes:  []string{"https://trusted.com", "https://trusted.com:443", "https://trusted.com/other"},
			no:   []string{"http://trusted.com:443", "https://trusted.com:8443"},
		},
		{
			base: "https://trusted.com:8443",
			yes:  []string{"https://trusted.com:8443/x", "https://trusted.com:08443"},
			no:   []string{"https://trusted.com", "https://trusted.com:443", "https://trusted.com:84430", "https://trusted.com:844", "http://trusted.com:8443"},
		},
		{
			base: "http://trusted.com:80",
			yes:  []string{"http://trusted.com", "http://trusted.com:80"},
			no:   []string{"https://trusted.com", "https://trusted.com:80"},
		},
		{
			base: "https://*.example.com",
			yes:  []string{"https://api.example.com", "https://api.example.com:443", "https://API.EXAMPLE.com/x", "https://a-b_c.example.com", "https://xn--bcher-kva.example.com", "https://bücher.example.com"},
			no: []string{
				"https://example.com", "https://a.b.example.com", "http://api.example.com", "https://api.example.com:8443", "https://.example.com", "https://api.example.com.evil.com",
				"https://api.example.com.", "https://evilexample.com", "https://evil.com/.example.com", "https://evil.com?.example.com", "https://evil.com#.example.com", "https://evil.com\\.example.com",
				"https://evil.com:443.example.com", "https://evil.com%2f.example.com", "https://user@api.example.com", "https://user:pass@api.example.com", "https://evil。com.example.com",
				"https://*.example.com", "https://a..example.com", "https:///api.example.com", "https://api.example.comx", "https://[::1].example.com", "https://api.example.com:evil",
			},
		},
		{
			base: "https://**.example.com",
			yes:  []string{"https://a.example.com", "https://a.b.example.com", "https://a.b.c.example.com/x"},
			no:   []string{"https://example.com", "https://.example.com", "https://a..example.com", "https://a.b.example.com:8443", "https://evil.com/a.example.com", "https://evilexample.com", "https://a.example.com.evil.com"},
		},
		{
			base: "https://api-*.example.com",
			yes:  []string{"https://api-v2.example.com", "https://api-.example.com"},
			no:   []string{"https://api.example.com", "https://api-v2.x.example.com", "https://xapi-v2.example.com"},
		},
		{
			base: "https://*.example.com:8443",
			yes:  []string{"https://a.example.com:8443"},
			no:   []string{"https://a.example.com", "https://a.example.com:443", "https://a.example.com:18443", "https://a.b.example.com:8443"},
		},
		{
			base: "https://*.example.com:*",
			yes:  []string{"https://a.example.com:8443", "https://a.example.com:1", "https://a.example.com"},
			no:   []string{"https://a.b.example.com:8443", "http://a.example.com:8443", "https://a.example.com:1.2"},
		},
		{
			base: "http://*:8080",
			yes:  []string{"http://localhost:8080", "http://anything:8080"},
			no:   []string{"http://a.b:8080", "http://a:80", "http://a", "https://a:8080", "http://0x7f000001:8080", "http://2130706433:8080"},
		},
		{
			base: "http://localhost:*",
			yes:  []string{"http://localhost:3000", "http://localhost", "http://localhost:80"},
			no:   []string{"https://localhost:3000", "http://localhost.evil.com:3000", "http://sub.localhost:3000"},
		},
		{
			base: "https://trusted.com/*",
			yes:  []string{"https://trusted.com/a/b", "https://trusted.com"},
			no:   []string{"https://trusted.com:8443/a", "https://sub.trusted.com/a"},
		},
		{
			base: "https://**",
			yes:  []string{"https://any.thing.example", "https://a"},
			no:   []string{"http://any.thing.example", "https://user@any.thing.example", "https://0x7f.1", "https://127.1", "https://017700000001", "https://1.2.3.4.5", "https://1.2.3.256", "https://1.2.3.04", "https://a..b", "https://"},
		},
		{
			base: "https://*.*.example.com",
			yes:  []string{"https://a.b.example.com"},
			no:   []string{"https://a.example.com", "https://a.b.c.example.com"},
		},
		{
			base: "https://bücher.example",
			yes:  []string{"https://bücher.example", "https://BÜCHER.example", "https://xn--bcher-kva.example", "https://XN--BCHER-KVA.example"},
			no:   []string{"https://bucher.example", "https://bu\u0308cher.example", "https://bücher。example"},
		},
		{
			base: "https://*.bücher.example",
			yes:  []string{"https://a.bücher.example", "https://a.xn--bcher-kva.example"},
			no:   []string{"https://a.bucher.example", "https://bücher.example"},
		},
		{
			base: "https://[2001:db8::1]:8443",
			yes:  []string{"https://[2001:db8::1]:8443/x", "https://[2001:DB8:0:0::1]:8443"},
			no:   []string{"https://[2001:db8::1]", "https://[2001:db8::2]:8443", "https://2001:db8::1:8443", "https://[2001:db8::1%25eth0]:8443", "https://[2001:db8::1%eth0]:8443", "https://[2001:db8::1]8443", "https://[2001:db8::1]evil.com:8443"},
		},
		{
			base: "https://10.0.0.1",
			yes:  []string{"https://10.0.0.1/x"},
			no:   []string{"https://10.1", "https://167772161", "https://0xa000001", "https://012.0.0.1", "https://10.0.0.01", "https://[::ffff:10.0.0.1]", "https://10.0.0.1."},
		},
		{
			base: "myapp://callback",
			yes:  []string{"myapp://callback/x", "MYAPP://callback"},
			no:   []string{"myapp://callback:80", "myapp://other", "myapp:callback", "otherapp://callback"},
		},
		{base: "", no: []string{"", "https://", "://", "https://trusted.com"}},
		{base: "*", no: []string{"https://trusted.com", "*"}},
		{base: "*://trusted.com", no: []string{"https://trusted.com", "*://trusted.com"}},
		{base: "trusted.com", no: []string{"https://trusted.com", "trusted.com"}},
		{base: "https://user@*.example.com", no: []string{"https://a.example.com", "https://user@a.example.com"}},
		{base: "https://evil.com\\@*.example.com", no: []string{"https://evil.com", "https://a.example.com"}},
		{base: "javascript://**", no: []string{"javascript://x/%0aalert(1)"}},
		{base: "https://b*ü.example", no: []string{"https://bü.example"}},
	} {
		c := trusting(false, tc.base)
		for _, raw := range tc.yes {
			if !c.TrustedURL(raw, false) {
				t.Errorf("%q refuses %q", tc.base, raw)
			}
		}
		for _, raw := range tc.no {
			if c.TrustedURL(raw, false) {
				t.Errorf("%q trusts %q", tc.base, raw)
			}
		}
	}
}

func TestTrustedURL_localhost_needsTheSwitch(t *testing.T) {
	on, off := trusting(true), trusting(false)
	for _, raw := range []string{
		"http://localhost", "https://localhost:3000/x", "http://LOCALHOST:8080", "http://app.localhost", "http://a.b.localhost:1", "http://127.0.0.1:8102/cb",
		"https://127.255.1.2", "myapp://localhost/x", "exp://127.0.0.1:19000",
	} {
		if !on.TrustedURL(raw, false) {
			t.Errorf("refuses %q", raw)
		}
		if off.TrustedURL(raw, false) {
			t.Errorf("trusts %q although localhost is off", raw)
		}
	}
	for _, raw := range []string{
		"http://localhost.evil.com", "http://evillocalhost", "http://evil-localhost", "http://localhost.", "http://.localhost", "http://localhost@evil.com", "http://evil@localhost",
		"http://127.0.0.1.evil.com", "http://127.evil.com", "http://127.0.0.1@evil.com", "http://128.0.0.1", "http://127.1", "http://0177.0.0.1", "http://0x7f.0.0.1", "http://2130706433",
		"http://0.0.0.0", "http://0", "http://[::1]", "http://[::ffff:127.0.0.1]", "http://①②⑦.0.0.1", "http://localhost%2eevil.com", "http://localhost\\.evil.com", "http://evil.com/localhost", "http://evil.com#localhost",
		"javascript://localhost/%0aalert(1)", "JavaScript://localhost/%0aalert(1)", "data://localhost/x", "vbscript://localhost", "localhost", "localhost:3000", "//localhost", "http:localhost", "file:///localhost", "http://ｌocalhost", "http://localhost:99999", "http://localhost:3000x",
	} {
		if on.TrustedURL(raw, false) {
			t.Errorf("trusts %q", raw)
		}
	}
}

func TestTrustedURL_nativeScheme_needsTheFlow(t *testing.T) {
	c := trusting(false)
	for _, raw := range []string{
		"hexclave-mobile-oauth-url://success", "stack-auth-mobile-oauth-url://success?code=1", "stack-auth-mobile-oauth-url:success", "Stack-Auth-Mobile-OAuth-URL://x",
	} {
		if !c.TrustedURL(raw, true) {
			t.Errorf("refuses %q", raw)
		}
		if c.TrustedURL(raw, false) {
			t.Errorf("trusts %q outside of the native flow", raw)
		}
	}
	for _, raw := range []string{
		"stack-auth-mobile-oauth-url", "xstack-auth-mobile-oauth-url://x", "stack-auth-mobile-oauth-urlx://x", "https://stack-auth-mobile-oauth-url:x", " stack-auth-mobile-oauth-url://x",
		"stack-auth-mobile-oauth-url://x\r\n", "mobile-oauth-url://x", "https://x.com/stack-auth-mobile-oauth-url:",
		"\u017ftack-auth-mobile-oauth-url://x", "stac\u212a-auth-mobile-oauth-url://x",
	} {
		if c.TrustedURL(raw, true) {
			t.Errorf("trusts %q", raw)
		}
	}
}

func TestTrustedURL_severalDomains_anyMatches(t *testing.T) {
	c := trusting(false, "https://a.com", "not a url", "https://*.b.com")
	for raw, want := range map[string]bool{"https://a.com": true, "https://x.b.com": true, "https://b.com": false, "https://c.com": false} {
		if got := c.TrustedURL(raw, true); got != want {
			t.Errorf("%q: %v", raw, got)
		}
	}
	if (&projectconfig.Config{}).TrustedURL("https://a.com", true) {
		t.Error("an empty configuration trusts something")
	}
}

// TestTrustedURL_wildcards_matchLikeRegexp compares with the obvious, slower way.
func TestTrustedURL_wildcards_matchLikeRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab.*]{1,10}\*[ab.*]{0,6}`).Draw(t, "pattern")
		host := rapid.StringMatching(`[ab]{1,4}(\.[ab]{1,4}){0,4}`).Draw(t, "host")
		expr := regexp.QuoteMeta(pattern)
		expr = strings.ReplaceAll(expr, `\*\*`, `.*`)
		expr = strings.ReplaceAll(expr, `\*`, `[^.]*`)
		want := regexp.MustCompile(`^` + expr + `$`).MatchString(host)
		if got := trusting(false, "https://"+pattern).TrustedURL("https://"+host, false); got != want {
			t.Fatalf("%s against %s: %v", host, pattern, got)
		}
	})
}

// fuzzed trusts a few domains; expected is the whole of what it may accept.
var (
	fuzzed   = trusting(true, "https://trusted.com", "https://*.example.com", "https://**.deep.example:8443")
	expected = regexp.MustCompile(`^(?i:` +
		`https://trusted\.com(:0*443|:)?` +
		`|https://[^\x00-\x20\x7f.:/?#@\\%\[\]*]+\.example\.com(:0*443|:)?` +
		`|https://[^\x00-\x20\x7f:/?#@\\%\[\]*]+\.deep\.example:0*8443` +
		`|[a-z][a-z0-9+.-]*://([^\x00-\x20\x7f:/?#@\\%\[\]*]+\.)?localhost(:[0-9]*)?` +
		`|[a-z][a-z0-9+.-]*://127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(:[0-9]*)?` +
		`)([/?#][^\x00-\x20\x7f]*)?$`)
	// Without the two letters beyond ASCII that are other cases of s and k.
	native = regexp.MustCompile(`^(?i:(hexclave|stack-auth)-mobile-oauth-url):[^\x00-\x20\x7f]*$`)
	folded = regexp.MustCompile(`^[^:]*[\x{17f}\x{212a}]`)
)

// FuzzTrustedURL checks that nothing outside of the expected shapes is trusted,
// and that the standard library's parser sees the same host.
func FuzzTrustedURL(f *testing.F) {
	for _, raw := range []string{
		"https://trusted.com/cb?x#y", "https://a.example.com", "https://a.b.deep.example:8443", "http://localhost:3000", "http://127.0.0.1", "stack-auth-mobile-oauth-url://x",
		"https://trusted.com@evil.com", "https://trusted.com\\@evil.com", "https://trusted.com%2f.evil.com", "https://evil.com/.example.com", "javascript://localhost/%0aalert(1)",
		"Hexclave-Mobile-OAuth-URL:x", "\u017ftack-auth-mobile-oauth-url://x", "https://localho\u017ft",
	} {
		f.Add(raw, false)
		f.Add(raw, true)
	}
	f.Fuzz(func(t *testing.T, raw string, allowNative bool) {
		if !fuzzed.TrustedURL(raw, allowNative) {
			return
		}
		if native.MatchString(raw) && !folded.MatchString(raw) && allowNative {
			return
		}
		m := expected.FindStringSubmatch(raw)
		if m == nil {
			t.Fatalf("trusts %q", raw)
		}
		if strings.HasPrefix(strings.ToLower(raw), "javascript:") {
			t.Fatalf("trusts a script: %q", raw)
		}
		u, err := url.Parse(strings.TrimSuffix(raw, m[len(m)-1]))
		if err != nil || u.User != nil || u.Opaque != "" {
			t.Fatalf("trusts %q, which parses as %+v, %v", raw, u, err)
		}
		host := strings.ToLower(u.Hostname())
		switch {
		case host == "trusted.com", host == "localhost", strings.HasPrefix(host, "127."),
			strings.HasSuffix(host, ".example.com"), strings.HasSuffix(host, ".deep.example"), strings.HasSuffix(host, ".localhost"):
		default:
			t.Fatalf("trusts %q with host %q", raw, host)
		}
	})
}
