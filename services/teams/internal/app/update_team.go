package app

import (
	"context"
	"encoding/json"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/profileimage"
	"vestibule.dev/services/teams/internal/domain"
)

// TeamPatch holds the fields of a team that change (teams.md §1).
type TeamPatch struct {
	DisplayName            patch.Field[string]
	ProfileImageURL        patch.Field[string]
	ClientMetadata         patch.Field[json.RawMessage]
	ClientReadOnlyMetadata patch.Field[json.RawMessage]
	ServerMetadata         patch.Field[json.RawMessage]
}

func (p *TeamPatch) applyTo(team *domain.Team) {
	team.DisplayName = p.DisplayName.Or(team.DisplayName)
	team.ProfileImageURL = p.ProfileImageURL.OrPointer(team.ProfileImageURL)
	team.ClientMetadata = p.ClientMetadata.Or(team.ClientMetadata)
	team.ClientReadOnlyMetadata = p.ClientReadOnlyMetadata.Or(team.ClientReadOnlyMetadata)
	team.ServerMetadata = p.ServerMetadata.Or(team.ServerMetadata)
}

// UpdateTeam changes a team (teams.md §2.4). Clients need $update_team.
func (a *App) UpdateTeam(ctx context.Context, teamID string, fields TeamPatch) (*domain.Team, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if req.isClient() {
		if value, ok := fields.ProfileImageURL.Get(); ok {
			if err := profileimage.CheckClient(value); err != nil {
				return nil, err
			}
		}
	}
	imageURL, image, err := a.readImagePatch(fields.ProfileImageURL, domain.TeamProfileImages)
	if err != nil {
		return nil, err
	}
	fields.ProfileImageURL = imageURL
	if req.isClient() && !req.SignedIn() {
		return nil, apierr.UserAuthenticationRequired()
	}
	var team *domain.Team
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := req.enter(ctx, tx); err != nil {
			return err
		}
		if req.isClient() {
			if err := a.authorize(ctx, tx, req, teamID, apierr.UserNotFound(), domain.UpdateTeam); err != nil {
				return err
			}
		}
		if team, err = tx.LockTeam(ctx, req.tenant, teamID); err != nil {
			return err
		}
		if team == nil {
			return apierr.TeamNotFound(teamID)
		}
		fields.applyTo(team)
		team.Version++
		if err := tx.UpdateTeam(ctx, team); err != nil {
			return err
		}
		if fields.ProfileImageURL.IsSet() {
			if err := tx.SaveImage(ctx, ImageOwner{Tenant: req.tenant, TeamID: teamID}, image); err != nil {
				return err
			}
		}
		return tx.Emit(ctx, TeamUpdated{Team: *team})
	})
	if err != nil {
		return nil, err
	}
	return team, nil
}
