package authn

import (
	"context"
	"time"

	"vestibule.dev/pkg/accesstoken"
	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpcx"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
)

// keyLives say how long the edge uses keys that sessions published.
var keyLives = accesstoken.Lives{
	Fresh: 30 * time.Second, Stale: 10 * time.Minute, Pause: 5 * time.Second, Fetch: loadTimeout,
}

const mainBranch = "main"

// NewAccessTokens returns a verifier of tokens issued under publicURL, the
// origin of the API without a trailing slash.
func NewAccessTokens(client sessionsv1.TokenInternalServiceClient, c clock.Clock, publicURL string) *accesstoken.Verifier {
	return accesstoken.New(func(ctx context.Context, audience string) ([]accesstoken.Key, error) {
		res, err := client.GetVerificationKeys(ctx, &sessionsv1.GetVerificationKeysRequest{Audience: audience})
		if err != nil && !apierr.HasCode(grpcx.FromStatus(err), apierr.CodeProjectNotFound) {
			return nil, err
		}
		keys := make([]accesstoken.Key, 0, len(res.GetKeys()))
		for _, jwk := range res.GetKeys() {
			key, err := accesstoken.ParseKey(jwk.GetKid(), jwk.GetX(), jwk.GetY())
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
		return keys, nil
	}, c, publicURL, keyLives)
}
