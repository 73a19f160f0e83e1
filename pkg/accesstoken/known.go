package accesstoken

import (
	"errors"

	"vestibule.dev/pkg/apierr"
)

// Known turns an error of [Verifier.Verify] into the one of the contract
// (protocol §5 step 7).
func Known(err error) error {
	if expired, ok := errors.AsType[*ExpiredError](err); ok {
		return apierr.AccessTokenExpired(apierr.ExpiredToken{
			ExpiredAt:      expired.Claims.Expires,
			ProjectID:      expired.Claims.ProjectID,
			UserID:         expired.Claims.UserID,
			RefreshTokenID: expired.Claims.SessionID,
		})
	}
	if errors.Is(err, ErrInvalid) {
		return apierr.UnparsableAccessToken()
	}
	return err
}
