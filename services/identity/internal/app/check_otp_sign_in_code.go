package app

import "context"

// CheckOTPSignInCode checks a code without spending it (auth.md §6.8). It
// counts as an attempt.
func (a *App) CheckOTPSignInCode(ctx context.Context, text string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	_, err = a.store.AttemptCode(ctx, req.tenant, CodeOTP, text)
	return err
}
