package app

import "context"

// CheckPasswordResetCode checks a code without spending it (auth.md §6.6). It
// counts as an attempt.
func (a *App) CheckPasswordResetCode(ctx context.Context, text string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	_, err = a.store.AttemptCode(ctx, req.tenant, CodePasswordReset, text)
	return err
}
