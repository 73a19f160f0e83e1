package app

import (
	"context"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/payments/internal/domain"
)

// CreateTestModePurchase settles a purchase without money (payments.md §6.5).
// Whoever holds the code may do it, so no project in use may be in test mode.
func (a *App) CreateTestModePurchase(ctx context.Context, choice PurchaseChoice) error {
	_, err := onceForCode(ctx, a, choice.FullCode, func(ctx context.Context) (string, error) {
		ctx, code, project, err := a.openCode(ctx, choice.FullCode)
		switch {
		case err != nil:
			return "", err
		case project.Catalog.BlockNewPurchases:
			return "", apierr.NewPurchasesBlocked()
		case !project.Catalog.TestMode:
			return "", apierr.Text(http.StatusForbidden, "The project is not in test mode.")
		}
		return a.settleCode(ctx, code, choice, domain.SourceTestMode)
	})
	return err
}
