package domain

import (
	"strings"
	"time"

	"vestibule.dev/pkg/ids"
)

// DefaultLifetime is how long a session lives unless it is opened otherwise.
const DefaultLifetime = 365 * 24 * time.Hour

// MainBranch is the branch every project has.
const MainBranch = "main"

// Session is one signed-in device of a user. It lives from its creation until
// it expires or is deleted; use does not prolong it.
type Session struct {
	ids.Tenant

	ID              string
	UserID          string
	CreatedAt       time.Time
	LastActiveAt    time.Time
	LastIPInfo      *IPInfo
	IsImpersonation bool
}

// IPInfo is where a session was last used from; unknown parts are empty.
type IPInfo struct {
	IP          string       `json:"ip"`
	CountryCode string       `json:"country_code,omitempty"`
	RegionCode  string       `json:"region_code,omitempty"`
	CityName    string       `json:"city_name,omitempty"`
	Coordinates *Coordinates `json:"coordinates,omitempty"`
	Timezone    string       `json:"timezone,omitempty"`
}

// Coordinates is a place in degrees.
type Coordinates struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// IsBrowserLike reports whether a user agent claims to be a browser. Addresses
// are recorded for those alone: the address of a customer's backend says
// nothing about the user.
func IsBrowserLike(userAgent string) bool {
	for _, name := range []string{"Mozilla", "Chrome", "Safari"} {
		if strings.Contains(userAgent, name) {
			return true
		}
	}
	return false
}
