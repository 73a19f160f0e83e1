package app

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"

	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/domain"
)

// Deps are the ports of the use cases.
type Deps struct {
	Store    Store
	Configs  Configs
	Sessions Sessions
	Teams    Teams
	Hasher   Hasher
	Sealer   Sealer
	Logger   *slog.Logger
	// OAuth is the providers that people sign in with.
	OAuth              OAuthProviders
	AuthorizationCodes AuthorizationCodes
	AccessTokens       AccessTokens
	// Conditions evaluates the conditions of sign-up rules.
	Conditions Conditions
	// RulesBudget is how long the rules of a project may keep one sign-up; 0
	// means 500 ms.
	RulesBudget time.Duration
	// Bots verifies bot challenges; nil lets everybody pass.
	Bots      BotVerifier
	BotPolicy BotPolicy
	// Limits are the usual ones when empty.
	Limits Limits
	// Fingerprint stands for a text where it is only to be recognised. Nobody
	// finds the text by trying.
	Fingerprint func(use, text string) string
	// Renditions shows rendered configurations.
	Renditions Renditions
	// Announce tells whoever remembers projects that one changed.
	Announce func(projectID string)
	// Clock tells the time that authenticator apps and answers go by.
	Clock clock.Clock
	// Pause waits for a while, or until the context is done.
	Pause func(ctx context.Context, d time.Duration) error
	// PublicURL is the origin under which the API is reached, without a
	// trailing slash.
	PublicURL string
}

// App runs the use cases.
type App struct {
	store     Store
	configs   Configs
	sessions  Sessions
	teams     Teams
	hasher    Hasher
	sealer    Sealer
	logger    *slog.Logger
	clock     clock.Clock
	pause     func(ctx context.Context, d time.Duration) error
	publicURL string

	oauth              OAuthProviders
	authorizationCodes AuthorizationCodes
	accessTokens       AccessTokens
	// refreshes are the exchanges of providers' refresh tokens under way.
	refreshes singleflight.Group

	conditions  Conditions
	rulesBudget time.Duration
	bots        BotVerifier
	botPolicy   BotPolicy
	limits      Limits
	fingerprint func(use, text string) string

	renditions Renditions
	announce   func(projectID string)
}

// New returns an App over its ports.
func New(deps Deps) *App {
	if deps.Limits == (Limits{}) {
		deps.Limits = DefaultLimits()
	}
	return &App{
		store:     deps.Store,
		configs:   deps.Configs,
		sessions:  deps.Sessions,
		teams:     deps.Teams,
		hasher:    deps.Hasher,
		sealer:    deps.Sealer,
		logger:    deps.Logger,
		clock:     deps.Clock,
		pause:     deps.Pause,
		publicURL: deps.PublicURL,

		oauth:              deps.OAuth,
		authorizationCodes: deps.AuthorizationCodes,
		accessTokens:       deps.AccessTokens,

		conditions:  deps.Conditions,
		rulesBudget: cmp.Or(deps.RulesBudget, rulesBudget),
		bots:        deps.Bots,
		botPolicy:   deps.BotPolicy,
		limits:      deps.Limits,
		fingerprint: deps.Fingerprint,

		renditions: deps.Renditions,
		announce:   deps.Announce,
	}
}

// UserView is a user as the API shows them.
type UserView struct {
	domain.User

	// SelectedTeam is nil when none is selected.
	SelectedTeam *domain.Team
	// RestrictedReason is empty when the user is not restricted.
	RestrictedReason string
}

// view shows a user. A selected team that the user is no longer a member of is
// shown as none.
func view(user *domain.User, team *domain.Team, config *projectconfig.Config) UserView {
	v := UserView{
		User:             *user,
		SelectedTeam:     team,
		RestrictedReason: user.RestrictedReason(config.Onboarding.RequireEmailVerification),
	}
	if team == nil {
		v.SelectedTeamID = nil
	}
	return v
}

// request is what every use case of a request begins with.
type request struct {
	principal.Principal

	tenant ids.Tenant
	config *projectconfig.Config
}

// request reads who is calling and how their project is configured.
func (a *App) request(ctx context.Context) (request, error) {
	caller, tenant, err := projectRequest(ctx)
	if err != nil {
		return request{}, err
	}
	config, err := a.configs.Get(ctx, tenant, caller.ConfigVersion)
	if err != nil {
		return request{}, err
	}
	return request{Principal: caller, tenant: tenant, config: config}, nil
}

// isClient reports whether the fields and rights of clients apply.
func (r request) isClient() bool { return !r.Access.Trusted() }

// selectedTeam reads the team that the user selected; nil when there is none or
// the user is no longer a member.
func (a *App) selectedTeam(ctx context.Context, tenant ids.Tenant, userID string, teamID *string) (*domain.Team, error) {
	if teamID == nil {
		return nil, nil
	}
	return a.teams.Membership(ctx, tenant, *teamID, userID)
}

// tellBudget bounds a call that only makes visible at once what an event
// ensures later.
const tellBudget = time.Second

// tell makes a call whose effect an event ensures anyway. A failure is logged
// and otherwise ignored.
func (a *App) tell(ctx context.Context, what string, call func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, tellBudget)
	defer cancel()
	if err := call(ctx); err != nil {
		a.logger.WarnContext(ctx, "left to the event", slog.String("call", what), slog.Any("error", err))
	}
}
