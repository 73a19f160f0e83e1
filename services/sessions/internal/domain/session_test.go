package domain

import "testing"

func TestIsBrowserLike_table_tellsBrowsersFromPrograms(t *testing.T) {
	for userAgent, want := range map[string]bool{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                     true,
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18 Safari/605": true,
		"":            false,
		"node":        false,
		"curl/8.9.1":  false,
		"undici":      false,
		"Go-http/1.1": false,
	} {
		if got := IsBrowserLike(userAgent); got != want {
			t.Errorf("IsBrowserLike(%q) = %v", userAgent, got)
		}
	}
}
