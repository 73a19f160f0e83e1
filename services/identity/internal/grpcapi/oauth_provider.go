package grpcapi

import (
	"context"

	"vestibule.dev/pkg/pbpatch"
	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

// OAuthProviders implements identityv1.OAuthProviderServiceServer.
type OAuthProviders struct {
	identityv1.UnimplementedOAuthProviderServiceServer
	app *app.App
}

// ListOAuthProviders implements identityv1.OAuthProviderServiceServer.
func (s *OAuthProviders) ListOAuthProviders(ctx context.Context, req *identityv1.ListOAuthProvidersRequest) (*identityv1.ListOAuthProvidersResponse, error) {
	connections, err := s.app.ListOAuthProviders(ctx, storedID(req.GetUserId()))
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListOAuthProvidersResponse{Items: make([]*identityv1.OAuthProvider, 0, len(connections))}
	for i := range connections {
		res.Items = append(res.Items, oauthProvider(ctx, &connections[i]))
	}
	return res, nil
}

// CreateOAuthProvider implements identityv1.OAuthProviderServiceServer.
func (s *OAuthProviders) CreateOAuthProvider(ctx context.Context, req *identityv1.CreateOAuthProviderRequest) (*identityv1.OAuthProvider, error) {
	connection, err := s.app.CreateOAuthProvider(ctx, domain.OAuthConnection{
		UserID: storedID(req.GetUserId()),
		OAuthAccount: domain.OAuthAccount{
			ProviderConfigID: req.GetProviderConfigId(), AccountID: req.GetAccountId(), Email: domain.NilIfEmpty(req.Email),
		},
		AllowSignIn:            req.GetAllowSignIn(),
		AllowConnectedAccounts: req.GetAllowConnectedAccounts(),
	})
	if err != nil {
		return nil, err
	}
	return oauthProvider(ctx, connection), nil
}

// GetOAuthProvider implements identityv1.OAuthProviderServiceServer.
func (s *OAuthProviders) GetOAuthProvider(ctx context.Context, req *identityv1.GetOAuthProviderRequest) (*identityv1.OAuthProvider, error) {
	connection, err := s.app.GetOAuthProvider(ctx, storedID(req.GetUserId()), storedID(req.GetProviderId()))
	if err != nil {
		return nil, err
	}
	return oauthProvider(ctx, connection), nil
}

// UpdateOAuthProvider implements identityv1.OAuthProviderServiceServer.
func (s *OAuthProviders) UpdateOAuthProvider(ctx context.Context, req *identityv1.UpdateOAuthProviderRequest) (*identityv1.OAuthProvider, error) {
	body := req.GetOauthProvider()
	present, err := pbpatch.New(req.GetUpdateMask(), body, access(ctx))
	if err != nil {
		return nil, err
	}
	connection, err := s.app.UpdateOAuthProvider(ctx, storedID(req.GetUserId()), storedID(req.GetProviderId()), app.OAuthConnectionPatch{
		AllowSignIn:            present.Flag("allow_sign_in", body.AllowSignIn),
		AllowConnectedAccounts: present.Flag("allow_connected_accounts", body.AllowConnectedAccounts),
		Email:                  present.Word("email", body.Email),
		AccountID:              present.Word("account_id", body.AccountId),
	})
	if err != nil {
		return nil, err
	}
	return oauthProvider(ctx, connection), nil
}

// DeleteOAuthProvider implements identityv1.OAuthProviderServiceServer.
func (s *OAuthProviders) DeleteOAuthProvider(ctx context.Context, req *identityv1.DeleteOAuthProviderRequest) (*typesv1.Success, error) {
	if err := s.app.DeleteOAuthProvider(ctx, storedID(req.GetUserId()), storedID(req.GetProviderId())); err != nil {
		return nil, err
	}
	return success(), nil
}

// oauthProvider renders a linked account for the caller.
func oauthProvider(ctx context.Context, connection *app.OAuthConnectionView) *identityv1.OAuthProvider {
	message := &identityv1.OAuthProvider{
		UserId:                 connection.UserID,
		Id:                     connection.ID,
		Email:                  domain.NilIfEmpty(connection.Email),
		ProviderConfigId:       connection.ProviderConfigID,
		Type:                   connection.Type,
		AllowSignIn:            connection.AllowSignIn,
		AllowConnectedAccounts: connection.AllowConnectedAccounts,
	}
	if access(ctx).Trusted() {
		message.AccountId = &connection.AccountID
	}
	return message
}
