package app

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/notifications/internal/domain"
)

// Unsubscribe follows the link of a mail: it switches the category of the mail
// off for its recipient, once (notifications.md §2.2). again is true for a link
// that was followed before, which changes nothing.
//
// It fails with VERIFICATION_CODE_NOT_FOUND and VERIFICATION_CODE_EXPIRED.
func (a *App) Unsubscribe(ctx context.Context, code string) (again bool, err error) {
	if utf8.RuneCountInString(code) != ids.SecretLength {
		return false, apierr.Text(http.StatusBadRequest, "The link is incomplete.")
	}
	// The code of the link says which project's it is.
	err = a.Store.RunTx(tenancy.ForAllProjects(ctx), func(ctx context.Context, tx Tx) error {
		subscription, spent, err := tx.SpendUnsubscribeLink(ctx, strings.ToLower(code))
		again = !spent
		if err != nil || !spent {
			return err
		}
		// A user who is gone wants nothing any more.
		_, err = savePreference(ctx, tx, subscription, false)
		return err
	})
	return again, err
}

// unsubscribeLink makes the link for a mail; nil when the mail needs none.
func (a *App) unsubscribeLink(userID string, category *domain.Category) *domain.UnsubscribeLink {
	if userID == "" || category == nil || !category.CanDisable {
		return nil
	}
	code := ids.Secret()
	return &domain.UnsubscribeLink{
		Code: code, UserID: userID, CategoryID: category.ID,
		URL: a.cfg.PublicURL + "/api/v1/emails/unsubscribe-link?code=" + code,
	}
}
