package app

import (
	"context"
	"sync"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/domain"
)

// signUpMethod says how somebody proves who they are when they sign up.
type signUpMethod string

const signUpByPassword signUpMethod = "password"

// signUpReject is the default action that lets nobody in.
const signUpReject = "reject"

// signUp is somebody who asks to become a user, the input of the project's
// sign-up policy (auth.md §4.3).
type signUp struct {
	// Email is normalised; empty when there is none.
	Email  string
	Method signUpMethod
	// CountryCode is empty when unknown.
	CountryCode string
}

// admit applies the project's sign-up policy. It fails with SIGN_UP_REJECTED
// for somebody the project does not want.
func admit(config *projectconfig.Config, _ signUp) error {
	if config.Auth.SignUpRulesDefaultAction == signUpReject {
		return apierr.SignUpRejected()
	}
	return nil
}

// newUser returns a user with a fresh id.
func newUser(tenant ids.Tenant) domain.User {
	return domain.User{Tenant: tenant, ID: ids.NewUUID()}
}

// personalTeam returns the team the user starts with, and makes it the selected
// one; nil when the project creates none.
func personalTeam(config *projectconfig.Config, user *domain.User) *PersonalTeam {
	if !config.Teams.CreatePersonalTeamOnSignUp {
		return nil
	}
	team := &PersonalTeam{ID: ids.NewUUID(), DisplayName: user.PersonalTeamName()}
	user.SelectedTeamID = &team.ID
	return team
}

// firstSignIn opens the first session of a user who was just created, while
// their personal team comes into being.
func (a *App) firstSignIn(ctx context.Context, req request, user *domain.User, team *PersonalTeam) (*SignedIn, error) {
	var calls sync.WaitGroup
	if team != nil {
		calls.Go(func() {
			a.tell(ctx, "create a personal team", func(ctx context.Context) error {
				return a.teams.CreatePersonalTeam(ctx, user.Tenant, user.ID, *team)
			})
		})
	}
	signedIn, err := a.signIn(ctx, req, user, true)
	calls.Wait()
	return signedIn, err
}
