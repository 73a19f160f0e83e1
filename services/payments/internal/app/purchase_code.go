package app

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/payments/internal/domain"
)

// splitCode takes a full code apart: the id of a tenancy, "_" and the code
// itself. Both are case-sensitive.
func splitCode(full string) (tenancyID, code string, err error) {
	tenancyID, code, ok := strings.Cut(full, "_")
	if !ok || full != strings.ToLower(full) || !ids.ValidUUID(tenancyID) || strings.Contains(code, "_") {
		return "", "", apierr.VerificationCodeNotFound()
	}
	return tenancyID, code, nil
}

// projectOfCode reads which branch a full code belongs to and how it is
// configured now. The caller of these routes is nobody, so no version is known.
func (a *App) projectOfCode(ctx context.Context, full string) (project *Project, code string, err error) {
	tenancyID, code, err := splitCode(full)
	if err != nil {
		return nil, "", err
	}
	tenant, found, err := a.store.Tenancy(ctx, tenancyID)
	if err != nil {
		return nil, "", err
	}
	if !found {
		return nil, "", apierr.VerificationCodeNotFound()
	}
	project, err = a.projects.Project(ctx, tenant, 0)
	if errors.Is(err, apierr.CurrentProjectNotFound("")) {
		return nil, "", apierr.VerificationCodeNotFound()
	}
	return project, code, err
}

// openCode reads what an unspent code stands for, and returns a context for
// work on its project. It does not tell spent and expired codes from unknown
// ones (payments.md §6), nor those of users and teams that are gone.
func (a *App) openCode(ctx context.Context, full string) (context.Context, *PurchaseCode, *Project, error) {
	project, text, err := a.projectOfCode(ctx, full)
	if err != nil {
		return ctx, nil, nil, err
	}
	ctx = tenancy.ForProject(ctx, project.Tenant.ProjectID)
	code, err := a.store.FindPurchaseCode(ctx, project.Tenant, text)
	if err != nil {
		return ctx, nil, nil, hideSpent(err)
	}
	gone, err := a.store.CustomerDeleted(ctx, code.Tenant, code.Offer.Customer)
	if err == nil && gone {
		err = apierr.VerificationCodeNotFound()
	}
	return ctx, code, project, err
}

// hideSpent does not tell why a code is no good.
func hideSpent(err error) error {
	if errors.Is(err, apierr.VerificationCodeAlreadyUsed()) || errors.Is(err, apierr.VerificationCodeExpired()) || isCustomerNotFound(err) {
		return apierr.VerificationCodeNotFound()
	}
	return err
}

// checkReturnURL refuses a URL that people must not be sent to; nil is none.
func checkReturnURL(project *Project, returnURL *string) error {
	if returnURL != nil && !project.TrustedURL(*returnURL, false) {
		return apierr.RedirectURLNotWhitelisted(*returnURL)
	}
	return nil
}

// PurchaseChoice is what a customer chose on the checkout page.
type PurchaseChoice struct {
	FullCode string
	PriceID  string
	Quantity int64
}

// settleCode spends a code and settles its purchase without payment. A purchase
// that is refused leaves the code as it is.
func (a *App) settleCode(ctx context.Context, code *PurchaseCode, choice PurchaseChoice, source domain.Source) (subscriptionID string, err error) {
	subscriptionID, err = a.settle(ctx, settlement{
		tenant: code.Tenant, offer: code.Offer, priceID: &choice.PriceID, quantity: choice.Quantity, source: source,
	}, func(ctx context.Context, tx Tx) error { return tx.ConsumePurchaseCode(ctx, code) })
	return subscriptionID, hideSpent(err)
}

var errNotSetUp = apierr.Text(http.StatusBadRequest, "Payments are not set up for this project.")
