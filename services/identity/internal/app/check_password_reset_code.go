package app

import "context"

// CheckPasswordResetCode checks a code without spending it (auth.md §6.6). It
// counts as an attempt.
func (a *App) CheckPasswordResetCode(ctx context.Context, text string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	_, reset, err := a.passwordResetCode(ctx, req, text)
	if err != nil {
		return err
	}
	return a.checkPasswordReset(ctx, req, reset)
}
