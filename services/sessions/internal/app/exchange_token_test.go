package app_test

import (
	"crypto/sha256"
	"net/http"
	"testing"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
)

func TestExchangeToken_clients_areAuthenticated(t *testing.T) {
	s := newSystem(t)
	hash := sha256.Sum256([]byte(publishableKey))
	s.projects.known[projectID].Keys = []domain.PublishableKey{{Hash: hash[:], ExpiresAt: epoch.Add(time.Hour)}}
	opened := s.open(t, request(userID))
	const public = domain.PublicClientSecret
	refused := apierr.InvalidOAuthClientIDOrSecret("")
	keyRequired := apierr.PublishableClientKeyRequiredForProject(projectID)
	for name, tt := range map[string]struct {
		clientID, secret, token string
		requireKey              bool
		want                    *apierr.Error
	}{
		"public":                        {projectID, public, opened.RefreshToken, false, nil},
		"key":                           {projectID, publishableKey, opened.RefreshToken, false, nil},
		"required key":                  {projectID, publishableKey, opened.RefreshToken, true, nil},
		"named branch":                  {projectID + "#main", public, opened.RefreshToken, false, nil},
		"public though key required":    {projectID, public, opened.RefreshToken, true, keyRequired},
		"no secret though key required": {projectID, "", opened.RefreshToken, true, keyRequired},
		"no secret":                     {projectID, "", opened.RefreshToken, false, refused},
		"wrong key":                     {projectID, publishableKey + "x", opened.RefreshToken, false, refused},
		"wrong key though key required": {projectID, publishableKey + "x", opened.RefreshToken, true, refused},
		"no client":                     {"", public, opened.RefreshToken, false, refused},
		"malformed client":              {"x", public, opened.RefreshToken, false, refused},
		"unknown client":                {"7d9f3c0a-54a3-4b8a-9c39-0a4d3ce1c0b1", public, opened.RefreshToken, false, refused},
		"unknown branch":                {projectID + "#other", public, opened.RefreshToken, false, refused},
		"other project":                 {otherProjectID, public, opened.RefreshToken, false, apierr.RefreshTokenNotFoundOrExpired()},
		"unknown token":                 {projectID, public, ids.Secret(), false, apierr.RefreshTokenNotFoundOrExpired()},
		"no token":                      {projectID, public, "", false, apierr.OAuth(http.StatusBadRequest, "invalid_request", "")},
		"no token and no client":        {"", "", "", false, refused},
	} {
		t.Run(name, func(t *testing.T) {
			s.projects.known[projectID].RequirePublishableClientKey = tt.requireKey
			granted, err := s.ExchangeToken(t.Context(), app.TokenRequest{ClientID: tt.clientID, ClientSecret: tt.secret, RefreshToken: tt.token})
			if tt.want != nil {
				checkError(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := claims(t, granted.AccessToken)
			if granted.Lifetime != 10*time.Minute || got["exp"].(float64)-got["iat"].(float64) != 600 || got["sub"] != userID {
				t.Errorf("granted for %v, claims %v", granted.Lifetime, got)
			}
		})
	}
	s.projects.known[projectID].RequirePublishableClientKey = false
	s.clock.Advance(time.Hour)
	_, err := s.ExchangeToken(t.Context(), app.TokenRequest{ClientID: projectID, ClientSecret: publishableKey, RefreshToken: opened.RefreshToken})
	checkError(t, err, refused)
}
