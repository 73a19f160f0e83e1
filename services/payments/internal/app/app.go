package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/payments/internal/domain"
)

// Deps are the ports of the use cases.
type Deps struct {
	Store    Store
	Projects Projects
	Users    Users
	Teams    Teams
	// Stripe may be nil.
	Stripe Stripe
	Clock  clock.Clock
	// StripePublishableKey is the key with which a browser talks to the payment
	// provider; empty if there is none.
	StripePublishableKey string
	// Fee is what the platform keeps of every charge, in percent.
	Fee domain.Decimal
	// CheckoutURL is the origin under which the checkout page is reached, and
	// DashboardURL where operators look after their projects; both without a
	// trailing slash.
	CheckoutURL, DashboardURL string
}

// App runs the use cases.
type App struct {
	store    Store
	projects Projects
	users    Users
	teams    Teams
	stripe   Stripe
	clock    clock.Clock

	stripePublishableKey string
	fee                  domain.Decimal
	checkoutURL          string
	dashboardURL         string
}

// New returns an App over its ports.
func New(deps Deps) *App {
	a := &App{
		store: deps.Store, projects: deps.Projects, users: deps.Users, teams: deps.Teams, stripe: deps.Stripe, clock: deps.Clock,
		stripePublishableKey: deps.StripePublishableKey, fee: deps.Fee, checkoutURL: deps.CheckoutURL, dashboardURL: deps.DashboardURL,
	}
	if a.stripe == nil {
		a.stripe = NoStripe{}
	}
	return a
}

// request is what every use case of a project's request begins with.
type request struct {
	principal.Principal

	tenant  ids.Tenant
	project *Project
}

// request reads who is calling and what their project sells.
func (a *App) request(ctx context.Context) (request, error) {
	caller, ok := principal.FromContext(ctx)
	if !ok || caller.ProjectID == "" {
		return request{}, apierr.AccessTypeRequired()
	}
	tenant := ids.Tenant{ProjectID: caller.ProjectID, BranchID: caller.BranchID}
	project, err := a.projects.Project(ctx, tenant, caller.ConfigVersion)
	if err != nil {
		return request{}, err
	}
	return request{Principal: caller, tenant: tenant, project: project}, nil
}
