package app

import (
	"context"
	"encoding/json"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/profileimage"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/teams/internal/domain"
)

// NewTeam is what a team begins with. Metadata is any JSON; nil stands for null.
type NewTeam struct {
	DisplayName            string
	ProfileImageURL        *string
	ClientMetadata         json.RawMessage
	ClientReadOnlyMetadata json.RawMessage
	ServerMetadata         json.RawMessage
	// CreatorUserID becomes the first member; nil names nobody.
	CreatorUserID *string
	// AddCurrentUser is the old way to name the signed-in user; nil when it is
	// not used.
	AddCurrentUser *bool
}

// CreateTeam creates a team (teams.md §2.2). A client creates for the signed-in
// user and nobody else. The creator gets the project's default permissions of
// team creators.
func (a *App) CreateTeam(ctx context.Context, in NewTeam) (*domain.Team, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	team, err := a.createTeam(ctx, req, &in)
	if err != nil && req.SignedIn() {
		// What comes first for those who are not signed in comes first for those
		// who are no more.
		if gone := a.checkCaller(ctx, req, withoutCreator(req, &in, err)); gone != nil {
			return nil, gone
		}
	}
	return team, err
}

// withoutCreator says in the place of an error that the signed-in user was
// deleted, if that comes before.
func withoutCreator(req request, in *NewTeam, err error) error {
	switch {
	case in.CreatorUserID != nil && req.isSelf(*in.CreatorUserID):
		return apierr.CannotGetOwnUserWithoutUser()
	case in.CreatorUserID != nil && in.AddCurrentUser != nil:
		return err
	case req.isClient():
		return apierr.UserAuthenticationRequired()
	case in.AddCurrentUser != nil && *in.AddCurrentUser:
		return errNobodyToAdd()
	}
	return err
}

func errNobodyToAdd() error {
	return apierr.Text(http.StatusUnauthorized, "There is no signed-in user who could be added to the team.")
}

func (a *App) createTeam(ctx context.Context, req request, in *NewTeam) (*domain.Team, error) {
	creatorUserID, err := creatorOf(req, in)
	if err != nil {
		return nil, err
	}
	imageURL, image, err := a.readImage(in.ProfileImageURL, domain.TeamProfileImages)
	if err != nil {
		return nil, err
	}
	if creatorUserID != "" && !req.isClient() {
		if err := a.requireUser(ctx, req, creatorUserID); err != nil {
			return nil, err
		}
	}
	team := domain.Team{
		Tenant: req.tenant, ID: ids.NewUUID(), DisplayName: in.DisplayName, ProfileImageURL: imageURL,
		ClientMetadata: in.ClientMetadata, ClientReadOnlyMetadata: in.ClientReadOnlyMetadata, ServerMetadata: in.ServerMetadata,
	}
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := enterAsCreator(ctx, tx, req, creatorUserID); err != nil {
			return err
		}
		if _, err := tx.CreateTeam(ctx, &team); err != nil {
			return err
		}
		if image != nil {
			if err := tx.SaveImage(ctx, ImageOwner{Tenant: req.tenant, TeamID: team.ID}, image); err != nil {
				return err
			}
		}
		if creatorUserID != "" {
			membership := domain.Membership{Tenant: req.tenant, TeamID: team.ID, UserID: creatorUserID}
			if _, err := tx.CreateMembership(ctx, membership); err != nil {
				return err
			}
			given := req.project.RBAC.Defined(projectconfig.ScopeTeam, req.project.RBAC.DefaultPermissions.TeamCreator)
			if _, err := tx.GrantTeamPermissions(ctx, membership, req.project.Version, given...); err != nil {
				return err
			}
		}
		return tx.Emit(ctx, TeamCreated{Team: team, CreatorUserID: creatorUserID})
	})
	if err != nil {
		return nil, err
	}
	return &team, nil
}

// creatorOf checks who may create a team and returns who becomes its first
// member; empty for nobody.
func creatorOf(req request, in *NewTeam) (userID string, err error) {
	if in.CreatorUserID != nil && in.AddCurrentUser != nil {
		return "", apierr.Text(http.StatusBadRequest, "creator_user_id and add_current_user exclude each other.")
	}
	if !req.isClient() {
		switch {
		case in.CreatorUserID != nil:
			return *in.CreatorUserID, nil
		case in.AddCurrentUser == nil || !*in.AddCurrentUser:
			return "", nil
		case !req.SignedIn():
			return "", errNobodyToAdd()
		}
		return req.UserID, nil
	}
	if !req.SignedIn() {
		return "", apierr.UserAuthenticationRequired()
	}
	if !req.project.Teams.AllowClientTeamCreation {
		return "", apierr.Text(http.StatusForbidden, "This project does not let clients create teams.")
	}
	if in.ProfileImageURL != nil {
		if err := profileimage.CheckClient(*in.ProfileImageURL); err != nil {
			return "", err
		}
	}
	if in.CreatorUserID != nil && !req.isSelf(*in.CreatorUserID) {
		return "", apierr.Text(http.StatusForbidden, "Clients may create teams for their own user only.")
	}
	return req.UserID, nil
}

// enterAsCreator waits for other changes of the creator, if there is one, who
// may be deleted by now.
func enterAsCreator(ctx context.Context, tx Tx, req request, creatorUserID string) error {
	if creatorUserID == "" {
		return req.enter(ctx, tx)
	}
	deleted, err := tx.LockUser(ctx, req.tenant, creatorUserID)
	switch {
	case err != nil || !deleted:
		return err
	case req.isClient():
		return apierr.UserAuthenticationRequired()
	}
	return apierr.UserNotFound()
}
