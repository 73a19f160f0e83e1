package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/teams/internal/domain"
)

// NewInvitation asks for a mail that invites to a team.
type NewInvitation struct {
	TeamID string
	// Email is as typed.
	Email string
	// CallbackURL is the page that receives the code.
	CallbackURL string
}

// SendTeamInvitationCode invites somebody to a team by mail and returns the id of
// the invitation (teams.md §5.1). Clients need $invite_members. Whether the
// address belongs to a user plays no part. Of invitations that come too often
// there is no mail; they are listed and can be accepted as any.
func (a *App) SendTeamInvitationCode(ctx context.Context, in NewInvitation) (invitationID string, err error) {
	req, err := a.request(ctx)
	if err != nil {
		return "", err
	}
	// Mails are counted for those who may send them alone, and outside the
	// transaction, so that nobody waits for the count of another.
	if err := a.mayInvite(ctx, req, &in); err != nil {
		return "", err
	}
	mails, err := a.mayMail(ctx, req.tenant, in.Email)
	if err != nil {
		return "", err
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := req.enter(ctx, tx); err != nil {
			return err
		}
		if req.isClient() {
			if err := a.authorize(ctx, tx, req, in.TeamID, apierr.UserAuthenticationRequired(), domain.InviteMembers); err != nil {
				return err
			}
		}
		team, err := a.requireTeam(ctx, req, in.TeamID)
		if err != nil {
			return err
		}
		invitation := domain.Invitation{Tenant: req.tenant, TeamID: team.ID, RecipientEmail: domain.NormalizeEmail(in.Email)}
		code, err := tx.CreateInvitation(ctx, &invitation)
		if err != nil {
			return err
		}
		invitationID = invitation.ID
		if !mails {
			return nil
		}
		link, err := projectconfig.LinkWithCode(in.CallbackURL, code)
		if err != nil {
			return err
		}
		return tx.EnqueueMail(ctx, Mail{
			ID: ids.NewUUID(), Tenant: req.tenant, Template: "team_invitation", Email: in.Email,
			Variables:               map[string]string{"teamInvitationLink": link, "teamDisplayName": team.DisplayName},
			SkipDeliverabilityCheck: true,
		})
	})
	return invitationID, err
}

// mayInvite checks, in the order of the contract, whether there may be such an
// invitation.
func (a *App) mayInvite(ctx context.Context, req request, in *NewInvitation) error {
	if req.isClient() {
		if !req.SignedIn() {
			return apierr.UserAuthenticationRequired()
		}
		if _, err := a.authorizeRead(ctx, req, in.TeamID, apierr.UserAuthenticationRequired(), domain.InviteMembers); err != nil {
			return err
		}
	}
	if !req.project.TrustedURL(in.CallbackURL, false) {
		return apierr.RedirectURLNotWhitelisted(in.CallbackURL)
	}
	if req.isClient() {
		return nil // who is a member has a team
	}
	_, err := a.requireTeam(ctx, req, in.TeamID)
	return err
}
