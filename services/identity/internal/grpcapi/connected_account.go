package grpcapi

import (
	"context"

	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// ConnectedAccounts implements identityv1.ConnectedAccountServiceServer.
type ConnectedAccounts struct {
	identityv1.UnimplementedConnectedAccountServiceServer
	app *app.App
}

// ListConnectedAccounts implements identityv1.ConnectedAccountServiceServer.
func (s *ConnectedAccounts) ListConnectedAccounts(ctx context.Context, req *identityv1.ListConnectedAccountsRequest) (*identityv1.ListConnectedAccountsResponse, error) {
	connections, err := s.app.ListConnectedAccounts(ctx, storedID(req.GetUserId()))
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListConnectedAccountsResponse{Items: make([]*identityv1.ConnectedAccount, 0, len(connections))}
	for _, connection := range connections {
		res.Items = append(res.Items, &identityv1.ConnectedAccount{
			UserId: connection.UserID, Provider: connection.ProviderConfigID, ProviderAccountId: connection.AccountID,
		})
	}
	return res, nil
}

// CreateConnectedAccountAccessToken implements
// identityv1.ConnectedAccountServiceServer.
func (s *ConnectedAccounts) CreateConnectedAccountAccessToken(ctx context.Context, req *identityv1.CreateConnectedAccountAccessTokenRequest) (*identityv1.ProviderAccessToken, error) {
	return s.token(ctx, app.ProviderTokenRequest{
		UserID: storedID(req.GetUserId()), ProviderID: req.GetProviderId(), AccountID: &req.ProviderAccountId, Scopes: domain.Scopes(req.GetScope()),
	})
}

// CreateProviderAccessToken implements
// identityv1.ConnectedAccountServiceServer.
func (s *ConnectedAccounts) CreateProviderAccessToken(ctx context.Context, req *identityv1.CreateProviderAccessTokenRequest) (*identityv1.ProviderAccessToken, error) {
	return s.token(ctx, app.ProviderTokenRequest{
		UserID: storedID(req.GetUserId()), ProviderID: req.GetProviderId(), Scopes: domain.Scopes(req.GetScope()),
	})
}

// CreateOwnProviderAccessToken implements
// identityv1.ConnectedAccountServiceServer.
func (s *ConnectedAccounts) CreateOwnProviderAccessToken(ctx context.Context, req *identityv1.CreateOwnProviderAccessTokenRequest) (*identityv1.ProviderAccessToken, error) {
	return s.token(ctx, app.ProviderTokenRequest{ProviderID: req.GetProviderId(), Scopes: domain.Scopes(req.GetScope())})
}

func (s *ConnectedAccounts) token(ctx context.Context, request app.ProviderTokenRequest) (*identityv1.ProviderAccessToken, error) {
	token, err := s.app.CreateProviderAccessToken(ctx, request)
	if err != nil {
		return nil, err
	}
	return &identityv1.ProviderAccessToken{AccessToken: token.Reveal()}, nil
}
