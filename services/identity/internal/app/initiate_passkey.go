package app

import (
	"context"
	"encoding/json"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/identity/internal/domain/passkey"
)

// passkeyTTL is how long a challenge is good for: the minute that browsers give
// the person, and the way.
const passkeyTTL = 65 * time.Second

// PasskeyCeremony is what a browser begins a registration or a sign-in with.
type PasskeyCeremony struct {
	// Options is JSON.
	Options map[string]any
	// Code stands for the challenge.
	Code string
}

// passkeyChallenge is what the code of a ceremony remembers.
type passkeyChallenge struct {
	Challenge string `json:"challenge"`
	// UserID is the user whose passkey is registered; empty in a sign-in.
	UserID string `json:"user_id,omitempty"`
}

// InitiatePasskeyRegistration begins to register a passkey of the signed-in user
// (auth.md §11).
func (a *App) InitiatePasskeyRegistration(ctx context.Context) (*PasskeyCeremony, error) {
	req, err := a.passkeyRequest(ctx)
	if err != nil {
		return nil, err
	}
	if !req.SignedIn() {
		return nil, errSignedInUserRequired()
	}
	user, err := a.store.User(ctx, req.tenant, req.UserID)
	switch {
	case err != nil:
		return nil, err
	case user == nil:
		return nil, errSignedInUserRequired()
	}
	var names []string
	if user.DisplayName != nil {
		names = append(names, *user.DisplayName)
	}
	if user.PrimaryEmail != nil {
		names = append(names, user.PrimaryEmail.Value)
	}
	challenge := passkey.NewChallenge()
	return a.beginCeremony(ctx, req, CodePasskeyRegistration, passkeyChallenge{Challenge: challenge, UserID: user.ID},
		passkey.RegistrationOptions(challenge, req.config.DisplayName, user.ID, names...))
}

// InitiatePasskeyAuthentication begins a sign-in with a passkey (auth.md §11).
func (a *App) InitiatePasskeyAuthentication(ctx context.Context) (*PasskeyCeremony, error) {
	req, err := a.passkeyRequest(ctx)
	if err != nil {
		return nil, err
	}
	challenge := passkey.NewChallenge()
	return a.beginCeremony(ctx, req, CodePasskeyAuthentication, passkeyChallenge{Challenge: challenge},
		passkey.AuthenticationOptions(challenge))
}

// passkeyRequest does what everything about passkeys begins with.
func (a *App) passkeyRequest(ctx context.Context) (request, error) {
	req, err := a.request(ctx)
	if err == nil && !req.config.Auth.Passkey.AllowSignIn {
		err = apierr.PasskeyAuthenticationNotEnabled()
	}
	return req, err
}

func (a *App) beginCeremony(ctx context.Context, req request, kind CodeKind, challenge passkeyChallenge, options map[string]any) (*PasskeyCeremony, error) {
	payload, err := json.Marshal(challenge)
	if err != nil {
		return nil, err
	}
	ceremony := &PasskeyCeremony{Options: options}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		ceremony.Code, err = tx.IssueCode(ctx, NewCode{Tenant: req.tenant, Kind: kind, Payload: payload, TTL: passkeyTTL})
		return err
	})
	if err != nil {
		return nil, err
	}
	return ceremony, nil
}

// passkeyCode finds the code of a ceremony that may be spent, and its challenge.
func (a *App) passkeyCode(ctx context.Context, req request, kind CodeKind, text string) (*Code, passkeyChallenge, error) {
	code, err := a.store.AttemptCode(ctx, req.tenant, kind, text)
	if err != nil {
		return nil, passkeyChallenge{}, err
	}
	var challenge passkeyChallenge
	err = json.Unmarshal(code.Payload, &challenge)
	return code, challenge, err
}
