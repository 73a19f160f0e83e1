package app

import "context"

// CheckContactChannelVerificationCode checks a code without spending it
// (users.md §3.3). It counts as an attempt.
func (a *App) CheckContactChannelVerificationCode(ctx context.Context, text string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	_, err = a.store.AttemptCode(ctx, req.tenant, CodeEmailVerification, text)
	return err
}
