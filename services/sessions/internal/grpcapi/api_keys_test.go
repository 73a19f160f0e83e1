package grpcapi_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
)

const teamID = "0b2c7a4e-8f43-4a55-9d4f-7f6f0a6a1c11"

// everything is a project in which all is switched on, and teams in which
// everybody may do all.
type everything struct{}

func (everything) Get(_ context.Context, tenant ids.Tenant, _ int64) (*projectconfig.Config, error) {
	config := &projectconfig.Config{Tenant: tenant}
	config.APIKeys.Enabled.User, config.APIKeys.Enabled.Team = true, true
	return config, nil
}

func (everything) TeamExists(context.Context, ids.Tenant, string) (bool, error) { return true, nil }

func (everything) Permissions(context.Context, ids.Tenant, string, string) ([]string, error) {
	return []string{"$manage_api_keys"}, nil
}

func (everything) MembersWith(context.Context, ids.Tenant, string, string) ([]string, error) {
	return nil, nil
}

// Whoever finds a key needs nothing else to revoke it.
func TestRevokeLeakedApiKey_withoutAnyCredential_revokes(t *testing.T) {
	s := newSystem(t)
	made, err := sessionsv1.NewUserApiKeyServiceClient(s.Conn).CreateUserApiKey(as(t.Context(), principal.AccessClient, ids.NewUUID()),
		&sessionsv1.CreateUserApiKeyRequest{UserId: userID, Description: "CI"})
	if err != nil {
		t.Fatal(err)
	}
	scanning := sessionsv1.NewCredentialScanningServiceClient(s.Conn)
	elsewhere := principal.Principal{ProjectID: ids.NewUUID(), BranchID: "main", Access: principal.AccessServer}
	for _, caller := range []principal.Principal{{}, elsewhere} {
		done, err := scanning.RevokeLeakedApiKey(grpctest.As(t.Context(), caller), &sessionsv1.RevokeLeakedApiKeyRequest{ApiKey: made.GetValue()})
		if err != nil || !done.GetSuccess() {
			t.Errorf("%v, %v", done, err)
		}
		_, err = scanning.RevokeLeakedApiKey(grpctest.As(t.Context(), caller), &sessionsv1.RevokeLeakedApiKeyRequest{ApiKey: "sk_nobodys"})
		if !apierr.HasCode(err, apierr.CodeAPIKeyNotFound) {
			t.Errorf("an unknown key: %v", err)
		}
	}
	_, err = sessionsv1.NewUserApiKeyServiceClient(s.Conn).CheckUserApiKey(as(t.Context(), principal.AccessServer, ids.NewUUID()),
		&sessionsv1.CheckUserApiKeyRequest{ApiKey: made.GetValue()})
	if !apierr.HasCode(err, apierr.CodeAPIKeyRevoked) {
		t.Errorf("the key is checked as %v", err)
	}
}

func TestUserAPIKeys_life_fromCreationToRevocation(t *testing.T) {
	s := newSystem(t)
	keys := sessionsv1.NewUserApiKeyServiceClient(s.Conn)
	ctx := as(t.Context(), principal.AccessClient, ids.NewUUID())
	made, err := keys.CreateUserApiKey(ctx, &sessionsv1.CreateUserApiKeyRequest{
		UserId: strings.ToUpper(userID), Description: "CI", ExpiresAtMillis: wrapperspb.Double(4102444800000), IsPublic: proto.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(made.GetValue(), "pk_") || made.GetUserId() != userID || made.GetType() != "user" || made.GetDescription() != "CI" ||
		!made.GetIsPublic() || made.GetExpiresAtMillis() != 4102444800000 || made.ManuallyRevokedAtMillis != nil || made.GetCreatedAtMillis() == 0 {
		t.Errorf("made %v", made)
	}
	want := &sessionsv1.UserApiKey{
		Id: made.GetId(), UserId: userID, Type: "user", Description: "CI", IsPublic: true,
		CreatedAtMillis: made.GetCreatedAtMillis(), ExpiresAtMillis: proto.Float64(4102444800000),
		Value: &sessionsv1.OwnedApiKeyHint{LastFour: made.GetValue()[98:]},
	}
	got, err := keys.GetUserApiKey(ctx, &sessionsv1.GetUserApiKeyRequest{ApiKeyId: made.GetId()})
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	list, err := keys.ListUserApiKeys(ctx, &sessionsv1.ListUserApiKeysRequest{UserId: userID})
	if err != nil || len(list.GetItems()) != 1 || !proto.Equal(list.GetItems()[0], want) {
		t.Errorf("list %v, %v", list, err)
	}
	server := as(t.Context(), principal.AccessServer, "")
	got, err = keys.CheckUserApiKey(server, &sessionsv1.CheckUserApiKeyRequest{ApiKey: made.GetValue()})
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("checked %v, %v", got, err)
	}
	got, err = keys.UpdateUserApiKey(ctx, &sessionsv1.UpdateUserApiKeyRequest{
		ApiKeyId: made.GetId(), ApiKey: &sessionsv1.OwnedApiKeyPatch{Revoked: proto.Bool(true), Description: proto.String("")},
	})
	if err != nil || got.ManuallyRevokedAtMillis == nil || got.GetDescription() != "" {
		t.Errorf("revoked %v, %v", got, err)
	}
	_, err = keys.CheckUserApiKey(server, &sessionsv1.CheckUserApiKeyRequest{ApiKey: made.GetValue()})
	checkError(t, err, apierr.APIKeyRevoked())
}

func TestTeamAPIKeys_life_fromCreationToRevocation(t *testing.T) {
	s := newSystem(t)
	keys := sessionsv1.NewTeamApiKeyServiceClient(s.Conn)
	ctx := as(t.Context(), principal.AccessClient, ids.NewUUID())
	made, err := keys.CreateTeamApiKey(ctx, &sessionsv1.CreateTeamApiKeyRequest{TeamId: strings.ToUpper(teamID), Description: "CI"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(made.GetValue(), "sk_") || made.GetTeamId() != teamID || made.GetType() != "team" || made.ExpiresAtMillis != nil {
		t.Errorf("made %v", made)
	}
	want := &sessionsv1.TeamApiKey{
		Id: made.GetId(), TeamId: teamID, Type: "team", Description: "CI", CreatedAtMillis: made.GetCreatedAtMillis(),
		Value: &sessionsv1.OwnedApiKeyHint{LastFour: made.GetValue()[98:]},
	}
	got, err := keys.GetTeamApiKey(ctx, &sessionsv1.GetTeamApiKeyRequest{ApiKeyId: made.GetId()})
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	list, err := keys.ListTeamApiKeys(ctx, &sessionsv1.ListTeamApiKeysRequest{TeamId: strings.ToUpper(teamID)})
	if err != nil || len(list.GetItems()) != 1 || !proto.Equal(list.GetItems()[0], want) {
		t.Errorf("list %v, %v", list, err)
	}
	server := as(t.Context(), principal.AccessServer, "")
	got, err = keys.CheckTeamApiKey(server, &sessionsv1.CheckTeamApiKeyRequest{ApiKey: made.GetValue()})
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("checked %v, %v", got, err)
	}
	got, err = keys.UpdateTeamApiKey(ctx, &sessionsv1.UpdateTeamApiKeyRequest{
		ApiKeyId: made.GetId(), ApiKey: &sessionsv1.OwnedApiKeyPatch{Revoked: proto.Bool(true)},
	})
	if err != nil || got.ManuallyRevokedAtMillis == nil || got.GetDescription() != "CI" {
		t.Errorf("revoked %v, %v", got, err)
	}
}

func TestAPIKeys_requests_areValidated(t *testing.T) {
	s := newSystem(t)
	users, teams := sessionsv1.NewUserApiKeyServiceClient(s.Conn), sessionsv1.NewTeamApiKeyServiceClient(s.Conn)
	server := as(t.Context(), principal.AccessServer, "")
	for name, call := range map[string]func() error{
		"no user": func() error {
			_, err := users.ListUserApiKeys(server, &sessionsv1.ListUserApiKeysRequest{})
			return err
		},
		"no team": func() error {
			_, err := teams.ListTeamApiKeys(server, &sessionsv1.ListTeamApiKeysRequest{})
			return err
		},
		"id of version 7": func() error {
			_, err := users.GetUserApiKey(server, &sessionsv1.GetUserApiKeyRequest{ApiKeyId: "6ba7b810-9dad-71d1-80b4-00c04fd430c8"})
			return err
		},
		"expiry beyond all calendars": func() error {
			_, err := users.CreateUserApiKey(server, &sessionsv1.CreateUserApiKeyRequest{UserId: userID, ExpiresAtMillis: wrapperspb.Double(1e300)})
			return err
		},
		"revoked false": func() error {
			_, err := teams.UpdateTeamApiKey(server, &sessionsv1.UpdateTeamApiKeyRequest{
				ApiKeyId: teamID, ApiKey: &sessionsv1.OwnedApiKeyPatch{Revoked: proto.Bool(false)},
			})
			return err
		},
	} {
		if err := call(); !apierr.HasCode(err, apierr.CodeSchemaError) {
			t.Errorf("%s: %v", name, err)
		}
	}
	client := as(t.Context(), principal.AccessClient, ids.NewUUID())
	if _, err := users.CheckUserApiKey(client, &sessionsv1.CheckUserApiKeyRequest{ApiKey: "x"}); !apierr.HasCode(err, apierr.CodeInsufficientAccessType) {
		t.Errorf("client: %v", err)
	}
	// Zero means never, the past is the past.
	for millis, expires := range map[float64]bool{0: false, -1: true, 1: true, 8640000000000000: true, -62135596800000: true} {
		made, err := users.CreateUserApiKey(server, &sessionsv1.CreateUserApiKeyRequest{UserId: userID, ExpiresAtMillis: wrapperspb.Double(millis)})
		if err != nil || (made.ExpiresAtMillis != nil) != expires || made.GetExpiresAtMillis() != millis {
			t.Errorf("%v: %v, %v", millis, made, err)
		}
	}
}
