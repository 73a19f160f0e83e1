package config

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestMapSecrets_everySpelling_isFound(t *testing.T) {
	upper := func(path, secret string) (string, error) { return path + "=" + strings.ToUpper(secret), nil }
	for text, want := range map[string]string{
		`{}`: `{}`,
		`{"emails.server.password":"abc","emails.server.username":"abc"}`:                                 `{"emails.server.password":"emails.server.password=ABC","emails.server.username":"abc"}`,
		`{"emails.server":{"password":"abc","host":"abc"}}`:                                               `{"emails.server":{"password":"emails.server.password=ABC","host":"abc"}}`,
		`{"emails":{"server":{"password":"abc"}}}`:                                                        `{"emails":{"server":{"password":"emails.server.password=ABC"}}}`,
		`{"auth.oauth.providers.github.clientSecret":"abc","auth.oauth.providers.github.clientId":"abc"}`: `{"auth.oauth.providers.github.clientSecret":"auth.oauth.providers.github.clientSecret=ABC","auth.oauth.providers.github.clientId":"abc"}`,
		`{"auth.oauth.providers":{"github":{"clientSecret":"abc"},"google":{"clientSecret":""}}}`:         `{"auth.oauth.providers":{"github":{"clientSecret":"auth.oauth.providers.github.clientSecret=ABC"},"google":{"clientSecret":""}}}`,
		`{"emails.server.password":null}`:                                                                 `{"emails.server.password":null}`,
	} {
		document, err := ParseDocument(Environment, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		mapped, err := document.MapSecrets(upper)
		if err != nil || mapped.String() != want {
			t.Errorf("%s: %s, %v", text, mapped, err)
		}
		if document.String() != text {
			t.Errorf("%s became %s", text, document)
		}
	}
}

func TestMapSecrets_failure_isHandedOn(t *testing.T) {
	document, err := ParseDocument(Environment, `{"emails":{"server":{"password":"abc"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no key")
	if _, err := document.MapSecrets(func(string, string) (string, error) { return "", failure }); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
}

// A new key that sounds like a secret has to be declared one.
func TestSecretKeys_schema_isCovered(t *testing.T) {
	suspicious := regexp.MustCompile(`(?i)(secret|password|token|privatekey|apikey|secretkey)$`)
	var found []string
	for _, row := range rows {
		if suspicious.MatchString(row.path) && row.typ.name == text.name {
			found = append(found, row.path)
		}
	}
	var declared []string
	for _, key := range secretKeys {
		declared = append(declared, strings.Join(key, "."))
	}
	slices.Sort(found)
	slices.Sort(declared)
	if !slices.Equal(found, declared) {
		t.Errorf("the schema has %v, declared are %v", found, declared)
	}
}
