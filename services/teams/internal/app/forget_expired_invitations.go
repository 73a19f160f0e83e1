package app

import "context"

// ForgetExpiredInvitations deletes invitations that nobody can accept any more.
func (a *App) ForgetExpiredInvitations(ctx context.Context) error {
	return a.store.ForgetExpiredInvitations(ctx)
}
