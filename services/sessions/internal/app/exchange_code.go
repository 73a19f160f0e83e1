package app

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/domain"
)

// errCodeSpent says that somebody else was faster with an authorization code.
var errCodeSpent = errors.New("the authorization code was spent meanwhile")

// exchangeCode opens a session in exchange for an authorization code, or takes
// part in the one that the code hands over (auth.md §9.4). The code is spent in
// the transaction that opens the session, so that it works once and never in
// vain. A code that comes back after that ends the session it was exchanged
// for: one of the two who had it stole it (RFC 6749 section 4.1.2).
//
// It fails with INVALID_AUTHORIZATION_CODE and, for a user who has a second
// factor, with MULTI_FACTOR_AUTHENTICATION_REQUIRED.
func (a *App) exchangeCode(ctx context.Context, tenant ids.Tenant, request TokenRequest) (GrantedToken, error) {
	if request.Code == "" {
		return GrantedToken{}, missingParameter("code")
	}
	if uri, err := url.Parse(request.RedirectURI); err != nil || !uri.IsAbs() {
		return GrantedToken{}, apierr.OAuth(http.StatusBadRequest, "invalid_request", "The parameter redirect_uri must be an absolute URI.")
	}
	code, err := a.Store.AuthorizationCode(ctx, tenant, request.Code)
	switch {
	case err != nil:
		return GrantedToken{}, err
	case code == nil:
		return GrantedToken{}, apierr.InvalidAuthorizationCode()
	case code.IsUsed:
		return GrantedToken{}, a.refuseReplay(ctx, code)
	case code.HasExpired, !code.Challenge.ProvedBy(request.CodeVerifier):
		return GrantedToken{}, apierr.InvalidAuthorizationCode()
	case code.RedirectURI != request.RedirectURI:
		return GrantedToken{}, a.spendForNothing(ctx, code, request.Code,
			apierr.Text(http.StatusBadRequest, "The redirect_uri is not the one of the authorization request."))
	}
	subject, err := a.Users.SignInSubject(ctx, tenant, code.UserID, request.Code)
	switch {
	case errors.Is(err, apierr.UserNotFound()):
		return GrantedToken{}, apierr.InvalidAuthorizationCode().WithCause(err)
	case apierr.HasCode(err, apierr.CodeMultiFactorAuthenticationRequired):
		return GrantedToken{}, a.spendForNothing(ctx, code, request.Code, err)
	case err != nil:
		return GrantedToken{}, err
	}
	granted := GrantedToken{
		Lifetime: a.settings.AccessTokenLifetime,
		SignIn:   &GrantedSignIn{IsNewUser: code.IsNewUser, AfterCallback: code.AfterCallback},
	}
	if code.HandedOver == nil {
		err = a.openInExchange(ctx, code, request.Code, subject, &granted)
	} else {
		err = a.handOver(ctx, code, request.Code, subject, &granted)
	}
	switch {
	case errors.Is(err, errCodeSpent):
		return GrantedToken{}, a.refuseSpent(ctx, tenant, request.Code)
	case errors.Is(err, apierr.UserNotFound()):
		return GrantedToken{}, apierr.InvalidAuthorizationCode().WithCause(err)
	case err != nil:
		return GrantedToken{}, err
	}
	return granted, nil
}

// openInExchange opens a session.
func (a *App) openInExchange(ctx context.Context, code *KnownCode, text string, subject domain.Subject, granted *GrantedToken) error {
	opened, err := a.createSession(ctx, SessionRequest{Tenant: code.Tenant, Subject: subject},
		func(ctx context.Context, tx Tx, sessionID string) error { return spend(ctx, tx, code, text, sessionID) })
	granted.AccessToken, granted.SignIn.RefreshToken = opened.AccessToken, opened.RefreshToken
	return err
}

// handOver gives the session of another domain of the app to this one, which
// neither prolongs nor changes it.
func (a *App) handOver(ctx context.Context, code *KnownCode, text string, subject domain.Subject, granted *GrantedToken) error {
	session := code.HandedOver
	token, err := a.mint(ctx, code.Tenant, session.SessionID, subject)
	if err != nil {
		return err
	}
	granted.AccessToken, granted.SignIn.RefreshToken = token, session.RefreshToken
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := spend(ctx, tx, code, text, session.SessionID); err != nil {
			return err
		}
		found, err := tx.TouchSessionOfUser(ctx, code.Tenant, code.UserID, session.SessionID, clientIPInfo(ctx))
		if err == nil && !found {
			return apierr.InvalidAuthorizationCode()
		}
		return err
	})
}

func spend(ctx context.Context, tx Tx, code *KnownCode, text, sessionID string) error {
	spent, err := tx.SpendAuthorizationCode(ctx, code.Tenant, text, sessionID)
	if err == nil && !spent {
		return errCodeSpent
	}
	return err
}

// spendForNothing spends a code that leads to no session and returns why.
func (a *App) spendForNothing(ctx context.Context, code *KnownCode, text string, why error) error {
	err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return spend(ctx, tx, code, text, "") })
	switch {
	case errors.Is(err, errCodeSpent):
		return a.refuseSpent(ctx, code.Tenant, text)
	case err != nil:
		return err
	}
	return why
}

// refuseSpent refuses a code that somebody has spent since it was read.
func (a *App) refuseSpent(ctx context.Context, tenant ids.Tenant, text string) error {
	code, err := a.Store.AuthorizationCode(ctx, tenant, text)
	switch {
	case err != nil:
		return err
	case code == nil || !code.IsUsed:
		return apierr.InvalidAuthorizationCode()
	}
	return a.refuseReplay(ctx, code)
}

// refuseReplay ends the session that a used code was exchanged for.
func (a *App) refuseReplay(ctx context.Context, code *KnownCode) error {
	if code.IssuedSessionID != "" {
		err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
			userID, deleted, err := tx.DeleteSession(ctx, code.Tenant, code.IssuedSessionID, code.UserID)
			if err != nil || !deleted {
				return err
			}
			return tx.Emit(ctx, SessionsRevoked{
				Tenant: code.Tenant, UserID: userID, SessionIDs: []string{code.IssuedSessionID}, Reason: CodeReplayed,
			})
		})
		if err != nil {
			return err
		}
	}
	return apierr.InvalidAuthorizationCode()
}
