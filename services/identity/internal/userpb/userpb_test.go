package userpb

import (
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	policyv1 "vestibule.dev/proto/policy/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
)

func view() *app.UserView {
	signedUp := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)
	name, email, teamID := "Ada", "ada@example.org", "3241a285-8329-4d69-8f3d-316e08cf140c"
	return &app.UserView{
		User: domain.User{
			ID: "u", DisplayName: &name, ServerMetadata: json.RawMessage(`{"plan":"pro"}`), SelectedTeamID: &teamID,
			PrimaryEmail: &domain.PrimaryEmail{Value: "ada@example.com", IsVerified: true, UsedForAuth: true},
			HasPassword:  true, OAuthAccounts: []domain.OAuthAccount{{ProviderConfigID: "google", AccountID: "17", Email: &email}, {ProviderConfigID: "x", AccountID: "18"}},
			SignedUpAt: signedUp, LastActiveAt: signedUp.Add(time.Second),
		},
		SelectedTeam:     &domain.Team{ID: teamID, DisplayName: "Mine", CreatedAt: signedUp, ServerMetadata: json.RawMessage(`1`)},
		RestrictedReason: domain.RestrictedByAdministrator,
	}
}

func TestServerAndClient_serverOnlyFields_areForServersAlone(t *testing.T) {
	server, err := Server(view())
	if err != nil {
		t.Fatal(err)
	}
	client, err := Client(view())
	if err != nil {
		t.Fatal(err)
	}
	for name, messages := range map[string][2]proto.Message{
		"user": {server, client},
		"team": {server.GetSelectedTeam(), client.GetSelectedTeam()},
	} {
		fields := messages[0].ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			field := fields.Get(i)
			policy, _ := proto.GetExtension(field.Options(), policyv1.E_Field).(*policyv1.Field)
			if !policy.GetServerOnly() {
				continue
			}
			if !messages[0].ProtoReflect().Has(field) {
				t.Errorf("%s.%s is missing for servers", name, field.Name())
			}
			if messages[1].ProtoReflect().Has(field) {
				t.Errorf("%s.%s is shown to clients", name, field.Name())
			}
		}
	}
}

func TestClient_fields_areFilledAsTheContractSays(t *testing.T) {
	got, err := Client(view())
	if err != nil {
		t.Fatal(err)
	}
	if got.GetSignedUpAtMillis() != 1767323045678 || !got.GetAuthWithEmail() || !got.GetIsRestricted() ||
		got.GetRestrictedReason().GetType() != domain.RestrictedByAdministrator || got.GetDisplayName().GetValue() != "Ada" ||
		got.GetProfileImageUrl() != nil || got.GetSelectedTeam().GetDisplayName() != "Mine" {
		t.Errorf("got %v", got)
	}
	if providers := got.GetOauthProviders(); len(providers) != 2 || providers[0].GetId() != "google" || providers[0].GetAccountId() != "17" ||
		providers[0].GetEmail().GetValue() != "ada@example.org" || providers[1].GetEmail() != nil {
		t.Errorf("providers %v", providers)
	}
}

func TestTokenSubject_fields_followTheUser(t *testing.T) {
	shown := view()
	got := TokenSubject(app.TokenSubject{User: shown.User, RestrictedReason: shown.RestrictedReason})
	if got.GetUserId() != "u" || got.GetName().GetValue() != "Ada" || got.GetEmail().GetValue() != "ada@example.com" || !got.GetEmailVerified() ||
		got.GetSelectedTeamId().GetValue() == "" || !got.GetSignedUpAt().AsTime().Equal(shown.SignedUpAt) ||
		!got.GetIsRestricted() || got.GetRestrictedReason() != domain.RestrictedByAdministrator || got.GetIsAnonymous() || got.GetRequiresTotpMfa() {
		t.Errorf("got %v", got)
	}
	bare := TokenSubject(app.TokenSubject{})
	if bare.GetName() != nil || bare.GetEmail() != nil || bare.GetSelectedTeamId() != nil || bare.GetIsRestricted() {
		t.Errorf("got %v", bare)
	}
}
