package app

import "context"

// SignUpAnonymously creates a user without any credential and a session for
// them (auth.md §6.10). A signed-in user plays no part.
func (a *App) SignUpAnonymously(ctx context.Context) (*SignedIn, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	user := newUser(req.tenant)
	user.IsAnonymous = true
	given := provision(req.config, &user)
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.CreateUser(ctx, &user, nil); err != nil {
			return err
		}
		return tx.Emit(ctx, UserCreated{User: view(&user, nil, req.config), Provision: given})
	})
	if err != nil {
		return nil, err
	}
	return a.firstSignIn(ctx, req, &user, given)
}
