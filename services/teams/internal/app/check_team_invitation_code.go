package app

import "context"

// CheckTeamInvitationCode checks the code of an invitation without spending it
// (teams.md §5.4).
func (a *App) CheckTeamInvitationCode(ctx context.Context, code string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	_, err = a.store.AttemptInvitationCode(ctx, req.tenant, code)
	return err
}
