package projectconfig

import "net/url"

// LinkWithCode returns a callback URL with its query parameter code set to the
// code and its other parameters kept. Check the URL with [Config.TrustedURL]
// before.
func LinkWithCode(callbackURL, code string) (string, error) {
	link, err := url.Parse(callbackURL)
	if err != nil {
		return "", err
	}
	query := link.Query()
	query.Set("code", code)
	link.RawQuery = query.Encode()
	return link.String(), nil
}
