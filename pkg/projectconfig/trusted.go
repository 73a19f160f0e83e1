package projectconfig

import (
	"net/netip"
	"strings"
)

// nativeSchemes are the URL schemes of mobile apps built with the SDKs.
var nativeSchemes = []string{"hexclave-mobile-oauth-url", "stack-auth-mobile-oauth-url"}

// TrustedURL reports whether people may be sent to an absolute URL, as the API
// contract defines for callbacks, redirects and passkey origins. It passes if
//
//   - the project allows localhost and the host is localhost, a name under it or
//     127.x.y.z, with any scheme and port, or
//   - scheme, host and port are those of a trusted domain, where "*" in the
//     domain stands for any run of characters without dots and "**" for any run
//     at all, or
//   - allowNative is set and the scheme is one of the mobile apps'.
//
// Path, query and fragment do not count. A URL that browsers and servers might
// read differently, or that carries user information, is not trusted. OAuth
// flows allow native schemes; links in e-mails and passkeys do not.
func (c *Config) TrustedURL(raw string, allowNative bool) bool {
	if allowNative && isNative(raw) {
		return true
	}
	o, ok := parseOrigin(raw)
	if !ok {
		return false
	}
	if c.Domains.AllowLocalhost && isLocalhost(o) {
		return true
	}
	for _, d := range c.Domains.TrustedDomains {
		if matchesDomain(o, d.BaseURL) {
			return true
		}
	}
	return false
}

func isNative(raw string) bool {
	scheme, _, ok := strings.Cut(raw, ":")
	if !ok || !printable(raw) || !isASCII(scheme) { // EqualFold takes a long s for an s
		return false
	}
	for _, native := range nativeSchemes {
		if strings.EqualFold(scheme, native) {
			return true
		}
	}
	return false
}

func isLocalhost(o origin) bool {
	if o.host == "localhost" || strings.HasSuffix(o.host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(o.host)
	return err == nil && addr.Is4() && addr.IsLoopback()
}

// matchesDomain compares an origin with the base URL of a trusted domain. A
// base URL that makes no sense trusts nothing.
func matchesDomain(o origin, baseURL string) bool {
	if !strings.Contains(baseURL, "*") {
		base, ok := parseOrigin(baseURL)
		return ok && base == o
	}
	scheme, pattern, ok := splitURL(baseURL)
	if !ok || scheme != o.scheme {
		return false
	}
	pattern, ok = asciiPattern(pattern)
	if !ok {
		return false
	}
	if strings.Contains(pattern, ":") {
		return matchWildcard(pattern, o.hostport())
	}
	return o.port == defaultPorts[o.scheme] && matchWildcard(pattern, o.host)
}

// asciiPattern lower-cases a pattern and turns its internationalised labels into
// ASCII. A label cannot hold both a wildcard and letters beyond ASCII.
func asciiPattern(pattern string) (string, bool) {
	labels := strings.Split(pattern, ".")
	for i, label := range labels {
		ascii, ok := asciiHost(label)
		if !ok {
			return "", false
		}
		labels[i] = ascii
	}
	return strings.Join(labels, "."), true
}
