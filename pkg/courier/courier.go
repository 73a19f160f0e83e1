package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
)

// channel is notified by every transaction that enqueues.
const channel = "courier"

// Mail is what the notifications context needs to compose and send a mail.
type Mail struct {
	// ID is a UUID by which the receiver recognises a mail handed over twice.
	ID     string     `json:"id"`
	Tenant ids.Tenant `json:"tenant"`
	// Template is the kind of mail, such as "email_verification".
	Template string `json:"template"`
	// ToUserID is the user it is for; empty for an address without user.
	ToUserID string `json:"to_user_id,omitempty"`
	// ToEmails are the addresses; empty for the user's primary one.
	ToEmails []string `json:"to_emails,omitempty"`
	// Variables fill the template. They may hold codes.
	Variables map[string]string `json:"variables,omitempty"`
	// HighPriority puts the mail before bulk mail.
	HighPriority bool `json:"high_priority,omitempty"`
	// SkipDeliverabilityCheck sends also to addresses that look undeliverable.
	SkipDeliverabilityCheck bool `json:"skip_deliverability_check,omitempty"`
}

// Status returns a reading of how many mails wait to be handed over, and of how
// long the oldest has.
func Status(db *pg.DB) func(ctx context.Context) (waiting int64, oldest time.Duration, err error) {
	return func(ctx context.Context) (waiting int64, oldest time.Duration, err error) {
		var seconds float64
		err = db.Querier(ctx).QueryRow(ctx, `
SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM courier_mails`).Scan(&waiting, &seconds)
		return waiting, time.Duration(seconds * float64(time.Second)), err
	}
}

// Sealer encrypts mails and binds them to their row; *secret.Box is one.
type Sealer interface {
	Seal(plaintext []byte, place ...string) []byte
	Open(sealed []byte, place ...string) ([]byte, error)
}

// Enqueue writes mails in the transaction of the change that calls for them, in
// one statement. A mail whose id is already waiting is not added again.
func Enqueue(ctx context.Context, tx pgx.Tx, sealer Sealer, mails ...Mail) error {
	if len(mails) == 0 {
		return nil
	}
	n := len(mails)
	projects, mailIDs, payloads := make([]string, n), make([]string, n), make([][]byte, n)
	for i, mail := range mails {
		if mail.Tenant.ProjectID == "" || mail.ID == "" || mail.Template == "" {
			return errors.New("courier: a mail needs a project, an id and a template")
		}
		plaintext, err := json.Marshal(newParcel(ctx, mail))
		if err != nil {
			return fmt.Errorf("courier: encode mail: %w", err)
		}
		projects[i], mailIDs[i] = mail.Tenant.ProjectID, mail.ID
		payloads[i] = sealer.Seal(plaintext, place(mail.Tenant.ProjectID, mail.ID)...)
	}
	pg.NotifyAfterCommit(ctx, channel)
	_, err := tx.Exec(ctx, `-- name: EnqueueMails
INSERT INTO courier_mails (project_id, id, payload)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::bytea[])
ON CONFLICT ON CONSTRAINT courier_mails_pkey DO NOTHING`, projects, mailIDs, payloads)
	return err
}

// PurgeProject deletes the waiting mails of a project.
func PurgeProject(ctx context.Context, tx pgx.Tx, projectID string) error {
	_, err := tx.Exec(ctx, `-- name: PurgeMails
DELETE FROM courier_mails WHERE project_id = $1`, projectID)
	return err
}

// place is what a sealed mail is bound to.
func place(projectID, id string) []string { return []string{"courier_mails", projectID, id} }
