package app

import (
	"context"
	"errors"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/sessions/internal/domain"
)

// VerifyAccessToken verifies an access token that came in a parameter, of
// whichever project (auth.md §2.3). It fails with UNPARSABLE_ACCESS_TOKEN or
// ACCESS_TOKEN_EXPIRED.
func (a *App) VerifyAccessToken(ctx context.Context, text string) (domain.VerifiedToken, error) {
	audience, ok := a.Signer.Audience(text)
	if !ok {
		return domain.VerifiedToken{}, apierr.UnparsableAccessToken()
	}
	keys, err := a.publishedKeys(ctx, audience)
	switch {
	case errors.Is(err, apierr.ProjectNotFound("")):
		return domain.VerifiedToken{}, apierr.UnparsableAccessToken().WithCause(err)
	case err != nil:
		return domain.VerifiedToken{}, err
	}
	token, ok := a.Signer.Verify(text, keys, audience, audience.Issuer(a.settings.PublicOrigin))
	switch {
	case !ok:
		return domain.VerifiedToken{}, apierr.UnparsableAccessToken()
	case !a.Clock.Now().Before(token.ExpiresAt):
		return domain.VerifiedToken{}, apierr.AccessTokenExpired(apierr.ExpiredToken{
			ExpiredAt: token.ExpiresAt, ProjectID: audience.ProjectID, UserID: token.UserID, RefreshTokenID: token.SessionID,
		})
	}
	return token, nil
}
