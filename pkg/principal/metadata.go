package principal

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
)

// Names of the metadata between processes. All begin with [MetadataPrefix], so
// that a sender can drop whatever came from outside under such a name.
const (
	MetadataPrefix = "vestibule-"

	MetadataPrincipal = "vestibule-principal"
	MetadataCaller    = "vestibule-caller"

	// What an operator's own backend sends instead of a principal: the token
	// of its credential, unless its certificate is one, and for whom it calls.
	MetadataCredential = "vestibule-credential"
	MetadataProject    = "vestibule-project"
	// MetadataBranch is "main" when left out.
	MetadataBranch = "vestibule-branch"
	// MetadataAccess is "server" or "admin"; without it the call has server
	// access if the method accepts that.
	MetadataAccess = "vestibule-access"
	// MetadataUser is the id of the user on whose behalf the backend calls.
	MetadataUser = "vestibule-user"

	// What a service sends to another when one of those backends has called it:
	// the backend's name and the user it named.
	MetadataOriginBackend = "vestibule-origin-backend"
	MetadataOriginUser    = "vestibule-origin-user"

	MetadataRequestID    = "vestibule-request-id"
	MetadataClientIP     = "vestibule-client-ip"
	MetadataCountry      = "vestibule-country"
	MetadataRegion       = "vestibule-region"
	MetadataCity         = "vestibule-city"
	MetadataLatitude     = "vestibule-latitude"
	MetadataLongitude    = "vestibule-longitude"
	MetadataTimezone     = "vestibule-timezone"
	MetadataUserAgent    = "vestibule-user-agent"
	MetadataRefreshToken = "vestibule-refresh-token"
)

// maxFact bounds a fact in bytes. Callers choose some of them freely, and all
// of them end up in logs and rows.
const maxFact = 512

// SetMetadata writes the known facts into md under their names.
func (r Request) SetMetadata(md map[string][]string) {
	set := func(name, value string) {
		if value != "" {
			md[name] = []string{encode(truncate(value))}
		}
	}
	set(MetadataRequestID, r.ID)
	set(MetadataClientIP, r.ClientIP)
	set(MetadataCountry, r.Country)
	set(MetadataRegion, r.Region)
	set(MetadataCity, r.City)
	set(MetadataTimezone, r.Timezone)
	set(MetadataUserAgent, r.UserAgent)
	set(MetadataRefreshToken, string(r.RefreshToken))
	if c := r.Coordinates; c != nil {
		set(MetadataLatitude, strconv.FormatFloat(c.Latitude, 'f', -1, 64))
		set(MetadataLongitude, strconv.FormatFloat(c.Longitude, 'f', -1, 64))
	}
}

// SetMetadata writes the origin into md, unless there is none.
func (o Origin) SetMetadata(md map[string][]string) {
	if o.Backend == "" {
		return
	}
	md[MetadataOriginBackend] = []string{o.Backend}
	if o.UserID != "" {
		md[MetadataOriginUser] = []string{o.UserID}
	}
}

// OriginFromMetadata reads what [Origin.SetMetadata] wrote. The caller has to
// be a service: anybody else could claim to be anybody. What is malformed or
// given more than once counts as unknown.
func OriginFromMetadata(md map[string][]string) Origin {
	var o Origin
	if v := md[MetadataOriginBackend]; len(v) == 1 && validBackend(v[0]) {
		o.Backend = v[0]
	}
	if v := md[MetadataOriginUser]; len(v) == 1 && ids.ValidUUID(v[0]) {
		o.UserID = v[0]
	}
	return o.orNone()
}

// RequestFromMetadata reads what [Request.SetMetadata] wrote. A fact that is
// malformed or given more than once counts as unknown.
func RequestFromMetadata(md map[string][]string) Request {
	get := func(name string) string {
		if v := md[name]; len(v) == 1 {
			return truncate(decode(v[0]))
		}
		return ""
	}
	return Request{
		ID:           get(MetadataRequestID),
		ClientIP:     get(MetadataClientIP),
		Country:      get(MetadataCountry),
		Region:       get(MetadataRegion),
		City:         get(MetadataCity),
		Coordinates:  ParseCoordinates(get(MetadataLatitude), get(MetadataLongitude)),
		Timezone:     get(MetadataTimezone),
		UserAgent:    get(MetadataUserAgent),
		RefreshToken: secret.Secret(get(MetadataRefreshToken)),
	}
}

// ParseCoordinates reads two decimal numbers of degrees. It returns nil unless
// both are on the globe.
func ParseCoordinates(latitude, longitude string) *Coordinates {
	lat, err1 := strconv.ParseFloat(latitude, 64)
	lon, err2 := strconv.ParseFloat(longitude, 64)
	if err1 != nil || err2 != nil || !(math.Abs(lat) <= 90) || !(math.Abs(lon) <= 180) {
		return nil
	}
	return &Coordinates{Latitude: lat, Longitude: lon}
}

func truncate(s string) string {
	if len(s) <= maxFact {
		return s
	}
	end := maxFact
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

const hexDigits = "0123456789ABCDEF"

// encode percent-encodes what a metadata value cannot carry: anything but
// printable ASCII, the percent sign itself, and blanks at either end, which
// transports trim.
func encode(s string) string {
	plain := func(i int) bool {
		c := s[i]
		if c == ' ' {
			return i > 0 && i < len(s)-1
		}
		return c > ' ' && c < 0x7f && c != '%'
	}
	i := 0
	for i < len(s) && plain(i) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	b = append(b, s[:i]...)
	for ; i < len(s); i++ {
		if plain(i) {
			b = append(b, s[i])
		} else {
			b = append(b, '%', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		}
	}
	return string(b)
}

// decode undoes encode and returns "" for what encode cannot have written.
func decode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return ""
		}
		hi := strings.IndexByte(hexDigits, s[i+1])
		lo := strings.IndexByte(hexDigits, s[i+2])
		if hi < 0 || lo < 0 {
			return ""
		}
		b = append(b, byte(hi<<4|lo))
		i += 2
	}
	return string(b)
}
