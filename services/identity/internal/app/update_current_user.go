package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/profileimage"
)

// UpdateCurrentUser changes the signed-in user (users.md §2.2).
func (a *App) UpdateCurrentUser(ctx context.Context, fields UserPatch) (*UserView, error) {
	req, err := a.request(ctx)
	if err != nil {
		return nil, err
	}
	if image, ok := fields.ProfileImageURL.Get(); ok && req.isClient() {
		if err := profileimage.CheckClient(image); err != nil {
			return nil, err
		}
	}
	if !req.SignedIn() {
		return nil, apierr.CannotGetOwnUserWithoutUser()
	}
	updated, err := a.updateUser(ctx, req, req.UserID, fields)
	if apierr.HasCode(err, apierr.CodeUserNotFound) {
		return nil, apierr.CannotGetOwnUserWithoutUser()
	}
	return updated, err
}
