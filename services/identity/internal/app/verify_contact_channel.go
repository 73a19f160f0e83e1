package app

import (
	"context"
	"encoding/json"
	"net/http"

	"vestibule.dev/pkg/apierr"
)

// VerifyContactChannel spends a code and marks the address it was sent to as
// verified (users.md §3.3). The code is spent even when the address is gone.
func (a *App) VerifyContactChannel(ctx context.Context, text string) error {
	req, err := a.request(ctx)
	if err != nil {
		return err
	}
	code, err := a.store.AttemptCode(ctx, req.tenant, CodeEmailVerification, text)
	if err != nil {
		return err
	}
	var proved emailVerification
	if err := json.Unmarshal(code.Payload, &proved); err != nil {
		return err
	}
	gone := false
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.ConsumeCode(ctx, code); err != nil {
			return err
		}
		channelID, err := tx.VerifyEmail(ctx, req.tenant, proved.UserID, proved.Email)
		if gone = channelID == ""; err != nil || gone {
			return err
		}
		return tx.Emit(ctx, ContactChannelVerified{Tenant: req.tenant, UserID: proved.UserID, ChannelID: channelID})
	})
	if err == nil && gone {
		return apierr.Text(http.StatusBadRequest, "The address of this code no longer belongs to its user.")
	}
	return err
}
