package httpx_test

import (
	"net/http"
	"net/netip"
	"reflect"
	"testing"

	"vestibule.dev/pkg/httpx"
	"vestibule.dev/pkg/principal"
)

func TestLocate_proxyAndPeer_decideWhatIsBelieved(t *testing.T) {
	const (
		edge     = "173.245.48.7:443" // a Cloudflare address
		stranger = "198.51.100.7:5000"
		local    = "127.0.0.1:5000"
		inner    = "10.1.2.3:5000"
	)
	everything := http.Header{
		"Cf-Connecting-Ip": {"192.0.2.1"}, "Cf-Ipcountry": {"CH"},
		"X-Vercel-Forwarded-For": {"192.0.2.2"}, "X-Vercel-Ip-Country": {"DE"}, "X-Vercel-Ip-Country-Region": {"BE"},
		"X-Vercel-Ip-City": {"S%C3%A3o%20Paulo"}, "X-Vercel-Ip-Latitude": {"52.5"}, "X-Vercel-Ip-Longitude": {"13.4"},
		"X-Vercel-Ip-Timezone": {"Europe/Berlin"},
		"X-Forwarded-For":      {"192.0.2.3, 192.0.2.4", "192.0.2.5"}, "X-Real-Ip": {"192.0.2.6"},
		"Forwarded": {"for=192.0.2.7"}, "True-Client-Ip": {"192.0.2.8"}, "X-Client-Ip": {"192.0.2.9"},
	}
	only := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	vercel := principal.Request{
		ClientIP: "192.0.2.2", Country: "DE", Region: "BE", City: "São Paulo",
		Coordinates: &principal.Coordinates{Latitude: 52.5, Longitude: 13.4}, Timezone: "Europe/Berlin",
	}
	anything := vercel
	anything.ClientIP = "192.0.2.1"
	ip := func(text string) principal.Request { return principal.Request{ClientIP: text} }
	for name, c := range map[string]struct {
		cfg    httpx.LocatorConfig
		peer   string
		header http.Header
		want   principal.Request
	}{
		"none":                        {httpx.LocatorConfig{}, stranger, everything, ip("198.51.100.7")},
		"none, loopback":              {httpx.LocatorConfig{Proxy: "none"}, local, everything, ip("127.0.0.1")},
		"cloudflare":                  {httpx.LocatorConfig{Proxy: "cloudflare"}, edge, everything, principal.Request{ClientIP: "192.0.2.1", Country: "CH"}},
		"cloudflare, stranger":        {httpx.LocatorConfig{Proxy: "cloudflare"}, stranger, everything, ip("198.51.100.7")},
		"cloudflare, own networks":    {httpx.LocatorConfig{Proxy: "cloudflare", Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, inner, everything, principal.Request{ClientIP: "192.0.2.1", Country: "CH"}},
		"cloudflare, own, not theirs": {httpx.LocatorConfig{Proxy: "cloudflare", Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, edge, everything, ip("173.245.48.7")},
		"cloudflare, twice":           {httpx.LocatorConfig{Proxy: "cloudflare"}, edge, http.Header{"Cf-Connecting-Ip": {"192.0.2.1", "192.0.2.2"}, "Cf-Ipcountry": {"CH", "DE"}}, ip("")},
		"cloudflare, malformed":       {httpx.LocatorConfig{Proxy: "cloudflare"}, edge, only("CF-Connecting-IP", "192.0.2.1.5"), ip("")},
		"cloudflare, list":            {httpx.LocatorConfig{Proxy: "cloudflare"}, edge, only("CF-Connecting-IP", "192.0.2.1, 192.0.2.2"), ip("")},
		"cloudflare, silent":          {httpx.LocatorConfig{Proxy: "cloudflare"}, edge, nil, ip("173.245.48.7")},
		"cloudflare, Tor":             {httpx.LocatorConfig{Proxy: "cloudflare"}, edge, only("CF-Connecting-IP", "192.0.2.1", "CF-IPCountry", "T1"), ip("192.0.2.1")},
		"cloudflare, nowhere":         {httpx.LocatorConfig{Proxy: "cloudflare"}, edge, only("CF-Connecting-IP", "192.0.2.1", "CF-IPCountry", "XX"), ip("192.0.2.1")},
		"cloudflare, small letters":   {httpx.LocatorConfig{Proxy: "cloudflare"}, edge, only("CF-Connecting-IP", "2001:DB8::0:1", "CF-IPCountry", "ch"), principal.Request{ClientIP: "2001:db8::1", Country: "CH"}},
		"vercel":                      {httpx.LocatorConfig{Proxy: "vercel"}, stranger, everything, vercel},
		"vercel, hostile location": {httpx.LocatorConfig{Proxy: "vercel"}, stranger, only("X-Vercel-Forwarded-For", "192.0.2.2",
			"X-Vercel-IP-Country", "<b>", "X-Vercel-IP-Country-Region", "far too long", "X-Vercel-IP-City", "a%0d%0ab", "X-Vercel-IP-Latitude", "1e9",
			"X-Vercel-IP-Longitude", "0", "X-Vercel-IP-Timezone", "../../etc passwd"), ip("192.0.2.2")},
		"vercel, other networks":        {httpx.LocatorConfig{Proxy: "vercel", Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, stranger, everything, ip("198.51.100.7")},
		"cloudrun":                      {httpx.LocatorConfig{Proxy: "cloudrun"}, stranger, everything, ip("192.0.2.4")},
		"cloudrun, one entry":           {httpx.LocatorConfig{Proxy: "cloudrun"}, stranger, only("X-Forwarded-For", "192.0.2.3"), ip("")},
		"cloudrun, malformed":           {httpx.LocatorConfig{Proxy: "cloudrun"}, stranger, only("X-Forwarded-For", "unknown, 192.0.2.3"), ip("")},
		"networks":                      {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, inner, everything, ip("192.0.2.5")},
		"networks, chain":               {httpx.LocatorConfig{Proxy: "10.0.0.0/8, 192.0.2.5"}, inner, everything, ip("192.0.2.4")},
		"networks, stranger":            {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, stranger, everything, ip("198.51.100.7")},
		"networks, invented left part":  {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, inner, only("X-Forwarded-For", "1.1.1.1, 192.0.2.3, 10.9.9.9"), ip("192.0.2.3")},
		"networks, malformed":           {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, inner, only("X-Forwarded-For", "192.0.2.3, what"), ip("")},
		"networks, malformed far left":  {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, inner, only("X-Forwarded-For", "what, 192.0.2.3"), ip("192.0.2.3")},
		"networks, all trusted":         {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, inner, only("X-Forwarded-For", "10.0.0.1, 10.0.0.2"), ip("10.0.0.1")},
		"networks, ports":               {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, inner, only("X-Forwarded-For", "[2001:db8::1]:99, 10.0.0.2:80"), ip("2001:db8::1")},
		"networks, mapped peer":         {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, "[::ffff:10.0.0.1]:99", only("X-Forwarded-For", "::ffff:192.0.2.3"), ip("192.0.2.3")},
		"networks, real ip":             {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, inner, only("X-Real-IP", "192.0.2.6"), ip("192.0.2.6")},
		"networks, silent":              {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, inner, nil, ip("10.1.2.3")},
		"networks, empty":               {httpx.LocatorConfig{Proxy: "10.0.0.0/8"}, inner, only("X-Forwarded-For", ""), ip("")},
		"dev stack":                     {httpx.LocatorConfig{TrustLoopback: true}, local, everything, anything},
		"dev stack, IPv6":               {httpx.LocatorConfig{TrustLoopback: true}, "[::1]:99", everything, anything},
		"dev stack, cloudflare country": {httpx.LocatorConfig{TrustLoopback: true}, local, only("CF-IPCountry", "CH", "X-Forwarded-For", "192.0.2.3"), principal.Request{ClientIP: "192.0.2.3", Country: "CH"}},
		"dev stack, real ip":            {httpx.LocatorConfig{TrustLoopback: true}, local, only("X-Real-IP", "192.0.2.6"), ip("192.0.2.6")},
		"dev stack, plain":              {httpx.LocatorConfig{TrustLoopback: true}, local, nil, ip("127.0.0.1")},
		"dev stack, from outside":       {httpx.LocatorConfig{TrustLoopback: true}, stranger, everything, ip("198.51.100.7")},
		"no peer":                       {httpx.LocatorConfig{}, "@", everything, ip("")},
	} {
		l, err := httpx.NewLocator(c.cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := principal.Request{ClientIP: "left over", Country: "left over", Timezone: "left over"}
		l.Locate(&http.Request{RemoteAddr: c.peer, Header: c.header}, &got)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestLocate_otherFacts_areKept(t *testing.T) {
	l, err := httpx.NewLocator(httpx.LocatorConfig{})
	if err != nil {
		t.Fatal(err)
	}
	got := principal.Request{ID: "id", UserAgent: "curl", RefreshToken: "r"}
	l.Locate(&http.Request{RemoteAddr: "192.0.2.1:1"}, &got)
	if got != (principal.Request{ID: "id", UserAgent: "curl", RefreshToken: "r", ClientIP: "192.0.2.1"}) {
		t.Errorf("%+v", got)
	}
}

func TestNewLocator_unusable_isRefused(t *testing.T) {
	for _, cfg := range []httpx.LocatorConfig{
		{Proxy: "akamai"}, {Proxy: "10.0.0.0/33"}, {Proxy: "10.0.0.0/8,"},
		{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
	} {
		if _, err := httpx.NewLocator(cfg); err == nil {
			t.Errorf("%+v accepted", cfg)
		}
	}
}
