package httpx

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"vestibule.dev/pkg/principal"
)

// LocatorConfig says which proxy stands in front (protocol §16).
type LocatorConfig struct {
	// Proxy is "none", "cloudflare", "vercel", "cloudrun" or a list of trusted
	// networks such as "10.0.0.0/8, 192.0.2.7". Empty means none.
	Proxy string
	// Networks are where connections of a named proxy come from. For cloudflare
	// the default is its published networks; vercel and cloudrun publish none,
	// and without Networks every connection counts as theirs, because the
	// platform lets no other through.
	Networks []netip.Prefix
	// TrustLoopback believes all headers on connections from this machine, so
	// that tools can play any client. For the dev stack alone.
	TrustLoopback bool
}

// Locator finds out who sent a request from where.
type Locator struct {
	proxy         proxy
	networks      []netip.Prefix
	trustLoopback bool
}

type proxy uint8

const (
	proxyNone proxy = iota
	proxyCloudflare
	proxyVercel
	proxyCloudRun
	proxyNetworks
	proxyAny // the dev stack's loopback
)

// cloudflare are the networks its edge connects from, as published.
var cloudflare = parsePrefixes(
	"173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18",
	"108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17",
	"162.158.0.0/15", "104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22",
	"2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32", "2405:8100::/32",
	"2a06:98c0::/29", "2c0f:f248::/32",
)

// NewLocator returns a locator, or an error that says what is wrong with the
// configuration.
func NewLocator(cfg LocatorConfig) (*Locator, error) {
	l := &Locator{networks: cfg.Networks, trustLoopback: cfg.TrustLoopback}
	switch name := strings.ToLower(strings.TrimSpace(cfg.Proxy)); name {
	case "", "none":
		if len(cfg.Networks) > 0 {
			return nil, errors.New("httpx: networks of a proxy, but no proxy")
		}
	case "cloudflare":
		l.proxy = proxyCloudflare
		if len(l.networks) == 0 {
			l.networks = cloudflare
		}
	case "vercel":
		l.proxy = proxyVercel
	case "cloudrun":
		l.proxy = proxyCloudRun
	default:
		l.proxy = proxyNetworks
		for part := range strings.SplitSeq(name, ",") {
			prefix, err := parseNetwork(strings.TrimSpace(part))
			if err != nil {
				return nil, fmt.Errorf("httpx: proxy %q is neither known nor a network: %w", part, err)
			}
			l.networks = append(l.networks, prefix)
		}
	}
	return l, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		prefix, err := netip.ParsePrefix(text)
		return prefix.Masked(), err
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// Locate sets the address and location of facts to what is known about the
// sender of r, and to nothing where nothing is.
func (l *Locator) Locate(r *http.Request, facts *principal.Request) {
	facts.ClientIP, facts.Country, facts.Region, facts.City = "", "", "", ""
	facts.Coordinates, facts.Timezone = nil, ""
	peer, ok := parseAddress(r.RemoteAddr)
	if !ok {
		return
	}
	proxy := l.proxyBehind(peer)
	if a, ok := l.address(proxy, peer, r.Header); ok {
		facts.ClientIP = a.String()
	}
	if proxy == proxyVercel || proxy == proxyAny {
		facts.Country = country(one(r.Header, "X-Vercel-Ip-Country"))
		facts.Region = token(one(r.Header, "X-Vercel-Ip-Country-Region"), 8)
		facts.City = city(one(r.Header, "X-Vercel-Ip-City"))
		facts.Coordinates = principal.ParseCoordinates(one(r.Header, "X-Vercel-Ip-Latitude"), one(r.Header, "X-Vercel-Ip-Longitude"))
		facts.Timezone = token(one(r.Header, "X-Vercel-Ip-Timezone"), 64)
	}
	if facts.Country == "" && (proxy == proxyCloudflare || proxy == proxyAny) {
		facts.Country = country(one(r.Header, "Cf-Ipcountry"))
	}
}

// proxyBehind returns the proxy whose headers are believed on a connection
// from peer.
func (l *Locator) proxyBehind(peer netip.Addr) proxy {
	if l.trustLoopback && peer.IsLoopback() {
		return proxyAny
	}
	switch l.proxy {
	case proxyVercel, proxyCloudRun:
		if len(l.networks) == 0 {
			return l.proxy
		}
	}
	if contains(l.networks, peer) {
		return l.proxy
	}
	return proxyNone
}

// address returns the client's address; ok is false when it is unknown.
func (l *Locator) address(p proxy, peer netip.Addr, h http.Header) (a netip.Addr, ok bool) {
	header := func(name string) (netip.Addr, bool, bool) {
		if len(h.Values(name)) == 0 {
			return netip.Addr{}, false, false
		}
		a, ok := parseAddress(one(h, name))
		return a, ok, true
	}
	switch p {
	case proxyCloudflare:
		if a, ok, present := header("Cf-Connecting-Ip"); present {
			return a, ok
		}
	case proxyVercel:
		if a, ok, present := header("X-Vercel-Forwarded-For"); present {
			return a, ok
		}
	case proxyCloudRun:
		entries := forwarded(h)
		if len(entries) >= 2 {
			return parseAddress(entries[len(entries)-2])
		}
		if len(entries) == 1 {
			return netip.Addr{}, false
		}
	case proxyAny:
		for _, name := range []string{"Cf-Connecting-Ip", "X-Vercel-Forwarded-For"} {
			if a, ok, present := header(name); present {
				return a, ok
			}
		}
		fallthrough
	case proxyNetworks:
		if entries := forwarded(h); len(entries) > 0 {
			return l.rightmostUntrusted(p, entries)
		}
		if a, ok, present := header("X-Real-Ip"); present {
			return a, ok
		}
	}
	return peer, true
}

// rightmostUntrusted walks from the proxy that spoke to us towards the client.
// Left of the first address that is not a proxy of ours anything may be
// invented.
func (l *Locator) rightmostUntrusted(p proxy, entries []string) (a netip.Addr, ok bool) {
	for i := len(entries) - 1; i >= 0; i-- {
		if a, ok = parseAddress(entries[i]); !ok {
			return netip.Addr{}, false
		}
		ours := contains(l.networks, a) || p == proxyAny && a.IsLoopback()
		if !ours {
			break
		}
	}
	return a, ok
}

// forwarded returns the entries of all X-Forwarded-For lines in order.
func forwarded(h http.Header) []string {
	lines := h.Values("X-Forwarded-For")
	if len(lines) == 0 {
		return nil
	}
	return strings.Split(strings.Join(lines, ","), ",")
}

// one returns the value of a header that is sent once, else "".
func one(h http.Header, name string) string {
	if v := h.Values(name); len(v) == 1 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

// parseAddress reads an address with or without a port.
func parseAddress(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	a, err := netip.ParseAddr(text)
	if err != nil {
		ap, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	a = a.Unmap().WithZone("")
	return a, !a.IsUnspecified()
}

func country(text string) string {
	text = strings.ToUpper(text)
	if len(text) != 2 || text[0] < 'A' || text[0] > 'Z' || text[1] < 'A' || text[1] > 'Z' || text == "XX" {
		return ""
	}
	return text
}

// token returns text if it is a short code or zone name.
func token(text string, longest int) string {
	if len(text) > longest {
		return ""
	}
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_+/", c) >= 0:
		default:
			return ""
		}
	}
	return text
}

// city returns the name of a city, which proxies percent-encode.
func city(text string) string {
	name, err := url.PathUnescape(text)
	if err != nil || len(name) > 128 || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return ""
	}
	return name
}
