package passkey

import "testing"

// Whatever a client sends, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA","authenticatorData":"AA","signature":"AA"}}`))
	f.Add([]byte(`{"id":"YQ==","rawId":"YQ","type":"public-key"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if registration, err := ParseRegistration(text); err == nil {
			if _, err := registration.Verify(NewChallenge()); err == nil {
				t.Error("a registration of another challenge is good")
			}
		}
		if assertion, err := ParseAssertion(text); err == nil {
			if _, err := assertion.Verify(NewChallenge(), nil); err == nil {
				t.Error("a sign-in without key is good")
			}
		}
	})
}

func TestDecode_spellings_areOne(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "-_8": "\xfb\xff", "-_8=": "\xfb\xff", "+/8": "\xfb\xff", "+/8=": "\xfb\xff",
	} {
		if got, err := decode(text); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"!", "a", "Y=Q", "Y Q"} {
		if got, err := decode(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}
