package app

import (
	"context"
	"slices"

	"vestibule.dev/pkg/apierr"
)

// AcceptTeamInvitation makes the signed-in user a member of the team that a code
// invites to and spends the code (teams.md §5.5). A refusal leaves the code as it
// is.
func (a *App) AcceptTeamInvitation(ctx context.Context, code string) error {
	req, found, err := a.openInvitation(ctx, code)
	if err != nil {
		return err
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		deleted, err := tx.LockUser(ctx, req.tenant, req.UserID)
		if err != nil {
			return err
		}
		if deleted {
			return apierr.UserAuthenticationRequired()
		}
		if err := tx.ConsumeInvitationCode(ctx, found); err != nil {
			return err
		}
		_, err = join(ctx, tx, req, found.TeamID, req.UserID)
		return err
	})
}

// AcceptTeamInvitationByID makes a user a member who has verified the address
// that was invited, and spends the invitation (teams.md §5.6). Clients accept for
// the signed-in user, who must not be restricted.
func (a *App) AcceptTeamInvitationByID(ctx context.Context, invitationID, userID string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	if req.isClient() {
		if !req.isSelf(userID) {
			return apierr.CannotGetOwnUserWithoutUser()
		}
		if err := a.checkUnrestricted(ctx, req); err != nil {
			return orSignedOut(err)
		}
	} else if err := a.checkOwn(ctx, req, &userID); err != nil {
		return err
	}
	invitation, err := a.store.Invitation(ctx, req.tenant, invitationID)
	if err != nil {
		return err
	}
	if invitation == nil {
		return apierr.VerificationCodeNotFound()
	}
	emails, err := a.users.VerifiedEmails(ctx, req.tenant, userID)
	if err != nil {
		return err
	}
	if !slices.Contains(emails, invitation.RecipientEmail) {
		return apierr.VerificationCodeNotFound()
	}
	return a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		deleted, err := tx.LockUser(ctx, req.tenant, userID)
		if err != nil {
			return err
		}
		taken, err := tx.TakeInvitation(ctx, req.tenant, invitationID, invitation.TeamID)
		if err != nil {
			return err
		}
		if deleted || !taken {
			return apierr.VerificationCodeNotFound()
		}
		if err := tx.ConsumeInvitationCode(ctx, &InvitationCode{ID: invitationID, Tenant: req.tenant, TeamID: invitation.TeamID}); err != nil {
			return err
		}
		_, err = join(ctx, tx, req, invitation.TeamID, userID)
		return err
	})
}

// orSignedOut says in the words of operations on the own user that there is
// none.
func orSignedOut(err error) error {
	if apierr.HasCode(err, apierr.CodeUserAuthenticationRequired) {
		return apierr.CannotGetOwnUserWithoutUser()
	}
	return err
}
