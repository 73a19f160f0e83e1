package client

import (
	"context"

	sessionsv1 "vestibule.dev/proto/sessions/v1"
)

// UserAPIKey and TeamAPIKey are API keys without their texts.
type (
	UserAPIKey = sessionsv1.UserApiKey
	TeamAPIKey = sessionsv1.TeamApiKey
)

// CheckUserAPIKey tells whose key a caller has shown. Errors: API_KEY_NOT_FOUND,
// WRONG_API_KEY_TYPE, API_KEY_REVOKED, API_KEY_EXPIRED.
func (c *Client) CheckUserAPIKey(ctx context.Context, key string) (*UserAPIKey, error) {
	return sessionsv1.NewUserApiKeyServiceClient(c.Sessions()).CheckUserApiKey(ctx, &sessionsv1.CheckUserApiKeyRequest{ApiKey: key})
}

// CheckTeamAPIKey is [Client.CheckUserAPIKey] for keys of teams.
func (c *Client) CheckTeamAPIKey(ctx context.Context, key string) (*TeamAPIKey, error) {
	return sessionsv1.NewTeamApiKeyServiceClient(c.Sessions()).CheckTeamApiKey(ctx, &sessionsv1.CheckTeamApiKeyRequest{ApiKey: key})
}
