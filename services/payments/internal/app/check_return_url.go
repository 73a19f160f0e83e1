package app

import "context"

// CheckReturnURL tells whether people may be sent to a URL after a purchase. It
// also works when the code has been spent (payments.md §6.3).
func (a *App) CheckReturnURL(ctx context.Context, fullCode string, returnURL *string) error {
	project, _, err := a.projectOfCode(ctx, fullCode)
	if err != nil {
		return err
	}
	return checkReturnURL(project, returnURL)
}
