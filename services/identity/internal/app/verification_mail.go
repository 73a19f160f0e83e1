package app

import (
	"context"
	"encoding/json"
	"time"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
)

// emailVerificationTTL is how long a verification link works (auth.md §12).
const emailVerificationTTL = 7 * 24 * time.Hour

// emailVerification is what the code of a verification mail remembers.
type emailVerification struct {
	UserID string `json:"user_id"`
	// Email is normalised.
	Email string `json:"email"`
}

// verificationMail is a mail with a link that proves an address.
type verificationMail struct {
	// Email is the normalised address to be proved.
	Email string
	// Recipient is the address as typed.
	Recipient string
	// CallbackURL is the page the link leads to; empty for no mail.
	CallbackURL string
	// Requested says that somebody asked for this mail. It is sent also to an
	// address that looks undeliverable.
	Requested bool
}

// send issues the code and queues the mail.
func (m verificationMail) send(ctx context.Context, tx Tx, tenant ids.Tenant, userID string) error {
	if m.CallbackURL == "" {
		return nil
	}
	payload, err := json.Marshal(emailVerification{UserID: userID, Email: m.Email})
	if err != nil {
		return err
	}
	code, err := tx.IssueCode(ctx, NewCode{Tenant: tenant, Kind: CodeEmailVerification, Payload: payload, TTL: emailVerificationTTL})
	if err != nil {
		return err
	}
	link, err := projectconfig.LinkWithCode(m.CallbackURL, code)
	if err != nil {
		return err
	}
	return tx.EnqueueMail(ctx, Mail{
		ID:                      ids.NewUUID(),
		Tenant:                  tenant,
		Template:                "email_verification",
		UserID:                  userID,
		Emails:                  []string{m.Recipient},
		Variables:               map[string]string{"emailVerificationLink": link},
		SkipDeliverabilityCheck: m.Requested,
	})
}
