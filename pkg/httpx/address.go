package httpx

import "net/netip"

// forbidden are the networks inside the public address space that do not lead
// to the public Internet, from the IANA special-purpose registries, and the
// platform endpoints that hide among public addresses. Everything that is not
// global unicast is forbidden besides.
var forbidden = parsePrefixes(
	"0.0.0.0/8",         // this network
	"10.0.0.0/8",        // private
	"100.64.0.0/10",     // carrier-grade NAT; also a metadata service
	"127.0.0.0/8",       // loopback
	"168.63.129.16/32",  // metadata service with a public address
	"169.254.0.0/16",    // link-local; most metadata services
	"172.16.0.0/12",     // private
	"192.0.0.0/24",      // protocol assignments; also a metadata service
	"192.0.2.0/24",      // documentation
	"192.31.196.0/24",   // AS112
	"192.52.193.0/24",   // AMT
	"192.88.99.0/24",    // 6to4 relays
	"192.168.0.0/16",    // private
	"192.175.48.0/24",   // AS112
	"198.18.0.0/15",     // benchmarks
	"198.51.100.0/24",   // documentation
	"203.0.113.0/24",    // documentation
	"224.0.0.0/4",       // multicast
	"240.0.0.0/4",       // reserved and broadcast
	"2001::/23",         // protocol assignments, Teredo and ORCHID among them
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4, which embeds any IPv4 address
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
)

// globalUnicast6 is all of IPv6 that is routed publicly. NAT64, unique local,
// link-local, site-local, loopback and mapped addresses are outside.
var globalUnicast6 = netip.MustParsePrefix("2000::/3")

// Public reports whether an address belongs to the public Internet. An
// IPv4-mapped IPv6 address is judged as the IPv4 address it maps.
func Public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.Is6() && !globalUnicast6.Contains(a) {
		return false
	}
	return !contains(forbidden, a)
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func parsePrefixes(texts ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}
