package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
)

// CLILoginStatus is how far a log-in has come, as its program is told.
type CLILoginStatus string

// The stages of a log-in.
const (
	CLILoginWaiting CLILoginStatus = "waiting"
	CLILoginSuccess CLILoginStatus = "success"
	CLILoginExpired CLILoginStatus = "expired"
	CLILoginUsed    CLILoginStatus = "used"
)

// PollCLILogin tells a program how far its log-in has come, and hands over the
// refresh token with CLILoginSuccess, once (auth.md §8.2). It fails with
// INVALID_POLLING_CODE.
func (a *App) PollCLILogin(ctx context.Context, tenant ids.Tenant, pollingCode string) (status CLILoginStatus, refreshToken string, err error) {
	login, err := a.Store.PolledCLILogin(ctx, tenant, pollingCode)
	switch {
	case err != nil:
		return "", "", err
	case login == nil:
		return "", "", apierr.InvalidPollingCode()
	case login.Expired:
		return CLILoginExpired, "", nil
	case login.Used:
		return CLILoginUsed, "", nil
	case !login.Completed:
		return CLILoginWaiting, "", nil
	}
	refreshToken, first, err := a.Store.UseCLILogin(ctx, tenant, login.ID)
	if err != nil {
		return "", "", err
	}
	if !first {
		return CLILoginUsed, "", nil
	}
	return CLILoginSuccess, refreshToken, nil
}
