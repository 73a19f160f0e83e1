package events

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pbjson"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/userpb"
)

// Aggregates whose facts are published.
const (
	aggregateUser           = "user"
	aggregateContactChannel = "contact_channel"
	aggregateSignUpRule     = "sign_up_rule"
)

// Encode gives an event its published form.
func Encode(ctx context.Context, event app.Event) (*eventsv1.Envelope, error) {
	switch event := event.(type) {
	case app.UserCreated:
		user, err := representation(&event.User)
		if err != nil {
			return nil, err
		}
		created := &eventsv1.UserCreated{
			UserId: event.User.ID, User: user,
			PermissionIds: event.Provision.PermissionIDs, ConfigVersion: event.Provision.ConfigVersion,
		}
		if team := event.Provision.PersonalTeam; team != nil {
			created.PersonalTeam = &eventsv1.PersonalTeam{
				TeamId: team.ID, DisplayName: team.DisplayName, PermissionIds: team.PermissionIDs,
			}
		}
		envelope := newEnvelope(ctx, event.User.Tenant, aggregateUser, event.User.ID, "created", event.User.Version)
		envelope.Payload = &eventsv1.Envelope_UserCreated{UserCreated: created}
		return envelope, nil
	case app.UserUpdated:
		user, err := representation(&event.User)
		if err != nil {
			return nil, err
		}
		envelope := newEnvelope(ctx, event.User.Tenant, aggregateUser, event.User.ID, "updated", event.User.Version)
		updated := &eventsv1.UserUpdated{UserId: event.User.ID, User: user}
		if naming := event.TeamNaming; naming != nil {
			updated.TeamNaming = &eventsv1.TeamNaming{DisplayName: naming.DisplayName, PrimaryEmail: naming.PrimaryEmail}
		}
		envelope.Payload = &eventsv1.Envelope_UserUpdated{UserUpdated: updated}
		return envelope, nil
	case app.UserDeleted:
		envelope := newEnvelope(ctx, event.Tenant, aggregateUser, event.UserID, "deleted", event.Version)
		envelope.Payload = &eventsv1.Envelope_UserDeleted{UserDeleted: &eventsv1.UserDeleted{
			UserId: event.UserID, TeamIds: event.TeamIDs,
		}}
		return envelope, nil
	case app.PasswordChanged:
		envelope := newEnvelope(ctx, event.Tenant, aggregateUser, event.UserID, "password_changed", 0)
		envelope.Payload = &eventsv1.Envelope_PasswordChanged{PasswordChanged: &eventsv1.PasswordChanged{
			UserId: event.UserID, KeptSessionId: event.KeptSessionID, RevokesSessions: event.RevokesSessions,
		}}
		return envelope, nil
	case app.PasskeyRegistered:
		envelope := newEnvelope(ctx, event.Tenant, aggregateUser, event.UserID, "passkey_registered", 0)
		envelope.Payload = &eventsv1.Envelope_PasskeyRegistered{PasskeyRegistered: &eventsv1.PasskeyRegistered{UserId: event.UserID}}
		return envelope, nil
	case app.ContactChannelCreated:
		channel, err := pbjson.Struct(userpb.ContactChannel(&event.Channel))
		if err != nil {
			return nil, err
		}
		envelope := newEnvelope(ctx, event.Channel.Tenant, aggregateContactChannel, event.Channel.ID, "created", 0)
		envelope.Payload = &eventsv1.Envelope_ContactChannelCreated{ContactChannelCreated: &eventsv1.ContactChannelCreated{
			UserId: event.Channel.UserID, ContactChannelId: event.Channel.ID, ContactChannel: channel,
		}}
		return envelope, nil
	case app.ContactChannelUpdated:
		channel, err := pbjson.Struct(userpb.ContactChannel(&event.Channel))
		if err != nil {
			return nil, err
		}
		envelope := newEnvelope(ctx, event.Channel.Tenant, aggregateContactChannel, event.Channel.ID, "updated", 0)
		envelope.Payload = &eventsv1.Envelope_ContactChannelUpdated{ContactChannelUpdated: &eventsv1.ContactChannelUpdated{
			UserId: event.Channel.UserID, ContactChannelId: event.Channel.ID, ContactChannel: channel,
		}}
		return envelope, nil
	case app.ContactChannelDeleted:
		envelope := newEnvelope(ctx, event.Tenant, aggregateContactChannel, event.ChannelID, "deleted", 0)
		envelope.Payload = &eventsv1.Envelope_ContactChannelDeleted{ContactChannelDeleted: &eventsv1.ContactChannelDeleted{
			UserId: event.UserID, ContactChannelId: event.ChannelID,
		}}
		return envelope, nil
	case app.ContactChannelVerified:
		envelope := newEnvelope(ctx, event.Tenant, aggregateContactChannel, event.ChannelID, "verified", 0)
		envelope.Payload = &eventsv1.Envelope_ContactChannelVerified{ContactChannelVerified: &eventsv1.ContactChannelVerified{
			UserId: event.UserID, ContactChannelId: event.ChannelID,
		}}
		return envelope, nil
	case app.SignUpRuleTriggered:
		envelope := newEnvelope(ctx, event.Tenant, aggregateSignUpRule, event.RuleID, "triggered", 0)
		envelope.Payload = &eventsv1.Envelope_SignUpRuleTriggered{SignUpRuleTriggered: &eventsv1.SignUpRuleTriggered{
			RuleId: event.RuleID, Action: event.Action, AuthMethod: event.Facts.AuthMethod, OauthProvider: event.Facts.OAuthProvider,
			CountryCode: event.Facts.CountryCode, EmailDomain: event.Facts.EmailDomain,
		}}
		return envelope, nil
	}
	return encodeProject(ctx, event)
}

const (
	// maxTeam bounds, in bytes, what of an event the selected team may take.
	maxTeam = 256 << 10
	// maxTeamName bounds the name, in characters, of a team that takes more.
	maxTeamName = 256
)

// representation is the user as server callers see them. A selected team that is
// very large is told by its name alone: what is written into a
// team must not keep its members from changing anything of theirs.
func representation(user *app.UserView) (*structpb.Struct, error) {
	message, err := userpb.Server(user)
	if err != nil {
		return nil, err
	}
	if proto.Size(message.GetSelectedTeam()) > maxTeam {
		told, name := *user, []rune(user.SelectedTeam.DisplayName)
		told.SelectedTeam = &domain.Team{
			ID: user.SelectedTeam.ID, DisplayName: string(name[:min(len(name), maxTeamName)]), CreatedAt: user.SelectedTeam.CreatedAt,
		}
		if message, err = userpb.Server(&told); err != nil {
			return nil, err
		}
	}
	return pbjson.Struct(message)
}

func newEnvelope(ctx context.Context, tenant ids.Tenant, aggregate, id, fact string, version int64) *eventsv1.Envelope {
	return outbox.NewEnvelope(ctx, outbox.Fact{
		Context: "identity", Aggregate: aggregate, ID: id, Name: fact, Tenant: tenant, Version: version,
	})
}
