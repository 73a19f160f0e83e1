package passkey

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Credential is what is remembered of a passkey.
type Credential struct {
	// ID is in base64url.
	ID string
	// PublicKey is a COSE key.
	PublicKey []byte
	// SignCount is the authenticator's counter; 0 when it has none.
	SignCount uint32
}

// maxPublicKey bounds a COSE key in bytes. It admits keys of RSA of 4096 bits;
// authenticators make those of 2048. One as long as a request may be, which
// anybody can register, would take hours to verify a signature with.
const maxPublicKey = 1 << 10

var errPublicKeyTooLong = errors.New("passkey: the public key is longer than any authenticator makes it")

// binary is a field that browsers send in base64url without padding. Other
// clients send base64, or pad: the contract takes all of it.
type binary []byte

// UnmarshalJSON implements json.Unmarshaler.
func (b *binary) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	decoded, err := decode(text)
	*b = decoded
	return err
}

func decode(text string) ([]byte, error) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	return base64.RawURLEncoding.DecodeString(text)
}

// response is the part that registrations and sign-ins have in common.
type response struct {
	ID    binary `json:"id"`
	RawID binary `json:"rawId"`
	Type  string `json:"type"`
	// Response is of the authenticator.
	Response struct {
		ClientDataJSON    binary `json:"clientDataJSON"`
		AttestationObject binary `json:"attestationObject"`
		AuthenticatorData binary `json:"authenticatorData"`
		Signature         binary `json:"signature"`
	} `json:"response"`
}

func parse(text []byte) (*response, error) {
	parsed := &response{}
	if err := json.Unmarshal(text, parsed); err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	switch {
	case len(parsed.ID) == 0 || !bytes.Equal(parsed.ID, parsed.RawID):
		return nil, errors.New("passkey: id and rawId differ")
	case parsed.Type != string(protocol.PublicKeyCredentialType):
		return nil, errors.New("passkey: the type is not public-key")
	}
	return parsed, nil
}

// credentialID names the credential in base64url.
func (r *response) credentialID() string { return base64.RawURLEncoding.EncodeToString(r.ID) }

func (r *response) credential() protocol.PublicKeyCredential {
	return protocol.PublicKeyCredential{
		Credential: protocol.Credential{ID: r.credentialID(), Type: r.Type},
		RawID:      protocol.URLEncodedBase64(r.RawID),
	}
}

// clientData is what the browser says about the ceremony.
type clientData struct{ protocol.CollectedClientData }

// Origin is where the page came from that asked for the passkey.
func (c clientData) Origin() string { return c.CollectedClientData.Origin }

// relyingPartyID is the host of the page.
func (c clientData) relyingPartyID() (string, error) {
	origin, err := url.Parse(c.CollectedClientData.Origin)
	if err != nil {
		return "", fmt.Errorf("passkey: %w", err)
	}
	return strings.ToLower(origin.Hostname()), nil
}

// verify holds the client data against the challenge. Whether the origin is a
// good one was decided by the caller. A page within a page of somebody else is
// refused: what the person sees is not what they sign in to.
func (c clientData) verify(challenge string, ceremony protocol.CeremonyType) error {
	data := c.CollectedClientData
	if decoded, err := decode(data.Challenge); err == nil {
		data.Challenge = base64.RawURLEncoding.EncodeToString(decoded)
	}
	return data.Verify(challenge, ceremony, []string{data.Origin}, nil, nil, protocol.TopOriginExplicitVerificationMode, false)
}

// Registration is what an authenticator answers to RegistrationOptions.
type Registration struct {
	clientData

	parsed *protocol.ParsedCredentialCreationData
}

// ParseRegistration reads RegistrationResponseJSON.
func ParseRegistration(text []byte) (*Registration, error) {
	read, err := parse(text)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.CredentialCreationResponse{
		PublicKeyCredential: read.credential(),
		AttestationResponse: protocol.AuthenticatorAttestationResponse{
			AuthenticatorResponse: protocol.AuthenticatorResponse{ClientDataJSON: protocol.URLEncodedBase64(read.Response.ClientDataJSON)},
			AttestationObject:     protocol.URLEncodedBase64(read.Response.AttestationObject),
		},
	}.Parse()
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &Registration{clientData: clientData{parsed.Response.CollectedClientData}, parsed: parsed}, nil
}

// Verify checks the answer to the challenge and returns the new credential. It
// goes by the id that the authenticator attests, whatever the browser calls the
// credential (auth.md §11). The person need not have been verified.
//
// What the authenticator states about itself is not looked at: the options ask
// for no statement, nobody's is trusted, and the keys in one that comes unasked
// may be of any size.
func (r *Registration) Verify(challenge string) (*Credential, error) {
	if err := r.verify(challenge, protocol.CreateCeremony); err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	relyingPartyID, err := r.relyingPartyID()
	if err != nil {
		return nil, err
	}
	parameters := make([]protocol.CredentialParameter, 0, len(algorithms))
	for _, algorithm := range algorithms {
		parameters = append(parameters, protocol.CredentialParameter{
			Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(algorithm),
		})
	}
	object := &r.parsed.Response.AttestationObject
	if len(object.AuthData.AttData.CredentialPublicKey) > maxPublicKey {
		return nil, errPublicKeyTooLong
	}
	object.Format, object.AttStatement = string(protocol.AttestationFormatNone), nil
	hash := sha256.Sum256(r.parsed.Raw.AttestationResponse.ClientDataJSON)
	err = object.Verify(relyingPartyID, hash[:], false, true, nil, parameters, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	attested := object.AuthData.AttData
	if len(attested.CredentialID) == 0 {
		return nil, errors.New("passkey: the credential has no id")
	}
	if _, err := webauthncose.ParsePublicKey(attested.CredentialPublicKey); err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &Credential{
		ID:        base64.RawURLEncoding.EncodeToString(attested.CredentialID),
		PublicKey: attested.CredentialPublicKey,
		SignCount: object.AuthData.Counter,
	}, nil
}

// Assertion is what an authenticator answers to AuthenticationOptions.
type Assertion struct {
	clientData

	// CredentialID names the credential that is used, in base64url.
	CredentialID string

	parsed *protocol.ParsedCredentialAssertionData
}

// ParseAssertion reads AuthenticationResponseJSON.
func ParseAssertion(text []byte) (*Assertion, error) {
	read, err := parse(text)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.CredentialAssertionResponse{
		PublicKeyCredential: read.credential(),
		AssertionResponse: protocol.AuthenticatorAssertionResponse{
			AuthenticatorResponse: protocol.AuthenticatorResponse{ClientDataJSON: protocol.URLEncodedBase64(read.Response.ClientDataJSON)},
			AuthenticatorData:     protocol.URLEncodedBase64(read.Response.AuthenticatorData),
			Signature:             protocol.URLEncodedBase64(read.Response.Signature),
		},
	}.Parse()
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &Assertion{
		clientData: clientData{parsed.Response.CollectedClientData}, CredentialID: read.credentialID(), parsed: parsed,
	}, nil
}

// Verify checks the answer to the challenge against the public key of the
// credential and returns the authenticator's counter. The person need not have
// been verified.
func (a *Assertion) Verify(challenge string, publicKey []byte) (signCount uint32, err error) {
	if len(publicKey) > maxPublicKey {
		return 0, errPublicKeyTooLong
	}
	relyingPartyID, err := a.relyingPartyID()
	if err != nil {
		return 0, err
	}
	if err := a.verify(challenge, protocol.AssertCeremony); err != nil {
		return 0, fmt.Errorf("passkey: %w", err)
	}
	// The challenge was compared above, in any spelling.
	data := a.parsed.Response.CollectedClientData
	err = a.parsed.Verify(data.Challenge, relyingPartyID, "", []string{data.Origin}, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, false, true, publicKey, protocol.SignaturePolicy{})
	if err != nil {
		return 0, fmt.Errorf("passkey: %w", err)
	}
	return a.parsed.Response.AuthenticatorData.Counter, nil
}
