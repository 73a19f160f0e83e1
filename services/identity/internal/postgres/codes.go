package postgres

import (
	"context"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/services/identity/internal/app"
)

// AttemptCode implements app.CodeStore.
func (s *Store) AttemptCode(ctx context.Context, tenant ids.Tenant, kind app.CodeKind, code string) (*app.Code, error) {
	row, err := s.codes.Attempt(ctx, s.db, tenant, string(kind), code)
	if err != nil {
		return nil, err
	}
	return &app.Code{ID: row.ID, Tenant: row.Tenant, Kind: app.CodeKind(row.Kind), Payload: row.Data}, nil
}

func (t *tx) IssueCode(ctx context.Context, code app.NewCode) (text string, err error) {
	text, _, err = t.codes.Issue(ctx, t.tx, onetime.Code{
		Tenant: code.Tenant, Kind: string(code.Kind), Data: code.Payload, TTL: code.TTL,
	})
	return text, err
}

func (t *tx) ConsumeCode(ctx context.Context, code *app.Code) error {
	return t.codes.Consume(ctx, t.tx, &onetime.Row{
		Tenant: code.Tenant, Kind: string(code.Kind), ID: code.ID, Data: code.Payload,
	})
}

func (t *tx) EnqueueMail(ctx context.Context, mail app.Mail) error {
	return courier.Enqueue(ctx, t.tx, t.sealer, courier.Mail{
		ID:           mail.ID,
		Tenant:       mail.Tenant,
		Template:     mail.Template,
		ToUserID:     mail.UserID,
		ToEmails:     mail.Emails,
		Variables:    mail.Variables,
		HighPriority: true,

		SkipDeliverabilityCheck: mail.SkipDeliverabilityCheck,
	})
}
