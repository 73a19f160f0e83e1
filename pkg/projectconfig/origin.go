package projectconfig

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// origin is what trust in a URL depends on.
type origin struct {
	scheme string // lower case
	host   string // lower case ASCII; IPv6 in brackets
	port   string // decimal, the default one written out; empty if the scheme has none
}

// hostport returns host:port.
func (o origin) hostport() string { return o.host + ":" + o.port }

// defaultPorts are the ports that browsers leave out.
var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// scriptSchemes run or show their content instead of going to a host, whatever
// the host in them looks like.
var scriptSchemes = []string{"javascript", "data", "vbscript"}

// splitURL takes an absolute URL of the form scheme://authority… apart. It
// refuses every text that two parsers might understand differently, because the
// one that follows the URL in the end is not ours: control characters, spaces,
// backslashes, user information, percent signs in the authority; and the schemes
// of scripts.
func splitURL(raw string) (scheme, authority string, ok bool) {
	if !printable(raw) {
		return "", "", false
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || !validScheme(scheme) {
		return "", "", false
	}
	authority = rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
		// Browsers read a backslash in the path as a slash.
		path, _, _ := strings.Cut(rest[i:], "#")
		path, _, _ = strings.Cut(path, "?")
		if strings.Contains(path, `\`) {
			return "", "", false
		}
	}
	if authority == "" || strings.ContainsAny(authority, `\@%`) {
		return "", "", false
	}
	scheme = strings.ToLower(scheme)
	return scheme, authority, !slices.Contains(scriptSchemes, scheme)
}

// parseOrigin returns the origin of an absolute URL, or false if the URL is not
// one that can be trusted at all.
func parseOrigin(raw string) (origin, bool) {
	scheme, authority, ok := splitURL(raw)
	if !ok {
		return origin{}, false
	}
	host, port := authority, ""
	// The last colon separates the port, unless it is inside the brackets of
	// an IPv6 address.
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
	}
	host, ok = canonicalHost(host)
	if !ok {
		return origin{}, false
	}
	port, ok = canonicalPort(port, scheme)
	return origin{scheme: scheme, host: host, port: port}, ok
}

// canonicalPort returns the port in plain decimal, with the scheme's default
// for an empty one.
func canonicalPort(port, scheme string) (string, bool) {
	if port == "" {
		return defaultPorts[scheme], true
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return "", false
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return strconv.FormatUint(n, 10), err == nil
}

// maxHost is the length of the longest host name of DNS.
const maxHost = 253

// canonicalHost returns a host in the form in which two spellings of the same
// host are equal.
func canonicalHost(host string) (string, bool) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", false
		}
		return "[" + addr.String() + "]", true
	}
	host, ok := asciiHost(host)
	if !ok || len(host) > maxHost {
		return "", false
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || !validLabel(label) {
			return "", false
		}
		last = label
	}
	// Browsers take a host whose last label is a number for an IPv4 address,
	// in octal, hexadecimal and with parts left out. Only the plain form passes.
	if looksNumeric(last) {
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is4() {
			return "", false
		}
	}
	return host, true
}

// asciiHost lower-cases a host and turns internationalised labels into their
// ASCII form. A label that only becomes valid by mapping, such as one in full
// width letters or with an ideographic full stop, is refused.
func asciiHost(host string) (string, bool) {
	host = strings.ToLower(host)
	if isASCII(host) {
		return host, true
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return "", false
	}
	back, err := idna.Lookup.ToUnicode(ascii)
	return ascii, err == nil && back == host
}

// validLabel reports whether a label consists of letters, digits, "-" and "_".
func validLabel(label string) bool {
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// looksNumeric reports whether browsers take a last label for a number.
func looksNumeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// validScheme reports whether s is a scheme of RFC 3986.
func validScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		other := '0' <= s[i] && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}

// printable reports whether s has neither spaces nor control characters, which
// browsers drop or trim before they look at a URL.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
