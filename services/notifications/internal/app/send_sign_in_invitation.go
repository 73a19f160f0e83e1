package app

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
)

// SendSignInInvitation invites somebody to sign in at the project
// (notifications.md §6.9). It fails with REDIRECT_URL_NOT_WHITELISTED.
func (a *App) SendSignInInvitation(ctx context.Context, email, callbackURL string) error {
	req, config, err := a.configured(ctx)
	if err != nil {
		return err
	}
	if !config.TrustedURL(callbackURL, false) {
		return apierr.RedirectURLNotWhitelisted(callbackURL)
	}
	return a.EnqueueEmail(ctx, BuiltInEmail{
		Tenant: req.tenant, ID: ids.NewUUID(), Template: "sign_in_invitation", Emails: []string{email},
		Variables:               map[string]string{"teamDisplayName": config.DisplayName, "signInInvitationLink": callbackURL},
		SkipDeliverabilityCheck: true,
	})
}
