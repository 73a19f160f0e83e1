package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/postgres/db"
)

// IdempotentAnswer implements app.Store.
func (s *Store) IdempotentAnswer(ctx context.Context, tenant ids.Tenant, key app.IdempotencyKey) (*app.IdempotentAnswer, error) {
	row, err := db.New(s.db.Querier(ctx)).IdempotentAnswer(ctx, db.IdempotentAnswerParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Operation: key.Operation, Actor: key.Actor, Key: key.Key,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	answer := &app.IdempotentAnswer{Fingerprint: row.Fingerprint, Answer: row.Answer}
	if row.SealedAnswer != nil {
		answer.Answer, err = s.sealer.Open(row.SealedAnswer, answerPlace(tenant, key)...)
	}
	return answer, err
}

// answerPlace is where a sealed answer belongs: it opens nowhere else.
func answerPlace(tenant ids.Tenant, key app.IdempotencyKey) []string {
	return []string{"idempotency_keys", tenant.ProjectID, tenant.BranchID, key.Operation, key.Actor, key.Key}
}

func (t *tx) ReserveIdempotencyKey(ctx context.Context, tenant ids.Tenant, key app.IdempotencyKey) (bool, error) {
	n, err := t.queries.ReserveIdempotencyKey(ctx, db.ReserveIdempotencyKeyParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Operation: key.Operation, Actor: key.Actor, Key: key.Key,
		Fingerprint: key.Fingerprint,
	})
	return n == 1, err
}

func (t *tx) AnswerIdempotencyKey(ctx context.Context, tenant ids.Tenant, key app.IdempotencyKey, answer []byte) error {
	return t.queries.AnswerIdempotencyKey(ctx, db.AnswerIdempotencyKeyParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Operation: key.Operation, Actor: key.Actor, Key: key.Key,
		SealedAnswer: t.sealer.Seal(answer, answerPlace(tenant, key)...),
	})
}

// Forget deletes what is kept for a while only: answers to requests with an
// idempotency key and the ids of the payment provider's events.
func Forget(ctx context.Context, database *pg.DB) error {
	queries := db.New(database.Querier(ctx))
	return errors.Join(queries.ForgetIdempotencyKeys(ctx), queries.ForgetStripeEvents(ctx))
}
