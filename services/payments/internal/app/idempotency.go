package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/tenancy"
)

// IdempotencyKey names a request that must take effect once, however often it
// is sent.
type IdempotencyKey struct {
	Operation string
	// Actor is who sent it. Different actors do not share keys.
	Actor string
	Key   string
	// Fingerprint is a digest of the request.
	Fingerprint []byte
}

// IdempotentAnswer is what a request with a key was answered.
type IdempotentAnswer struct {
	Fingerprint []byte
	// Answer is the JSON of the use case's result.
	Answer []byte
}

type idempotencyKey struct{}

// WithIdempotencyKey makes the request of ctx take effect once.
func WithIdempotencyKey(ctx context.Context, key IdempotencyKey) context.Context {
	if key.Actor == "" {
		caller, _ := principal.FromContext(ctx)
		if key.Actor = string(caller.Access); caller.SignedIn() {
			key.Actor += "/" + caller.UserID
		}
	}
	return context.WithValue(ctx, idempotencyKey{}, key)
}

func idempotencyFrom(ctx context.Context) (key IdempotencyKey, ok bool) {
	key, ok = ctx.Value(idempotencyKey{}).(IdempotencyKey)
	return key, ok
}

// errRepeated ends a transaction whose request was answered meanwhile.
var errRepeated = errors.New("the idempotency key has been used")

// once lets a request with an idempotency key take effect once: repeated, it is
// answered as it was before. What attempt does must be done by [commit]. A
// refusal is not remembered, since nothing happened.
func once[T any](ctx context.Context, a *App, tenant ids.Tenant, attempt func(ctx context.Context) (T, error)) (T, error) {
	key, ok := idempotencyFrom(ctx)
	if !ok {
		return attempt(ctx)
	}
	answer, found, err := repeated[T](ctx, a, tenant, key)
	if err != nil || found {
		return answer, err
	}
	result, err := attempt(ctx)
	if err == nil {
		return result, nil
	}
	// The same request may have been let through meanwhile, and be the reason
	// why this one was refused.
	if answer, found, lookErr := repeated[T](ctx, a, tenant, key); lookErr != nil || found {
		return answer, lookErr
	}
	return result, err
}

// repeated returns the answer to the request with the key.
func repeated[T any](ctx context.Context, a *App, tenant ids.Tenant, key IdempotencyKey) (result T, found bool, err error) {
	stored, err := a.store.IdempotentAnswer(ctx, tenant, key)
	if err != nil || stored == nil {
		return result, false, err
	}
	if !bytes.Equal(stored.Fingerprint, key.Fingerprint) {
		return result, false, apierr.Text(http.StatusConflict, "The idempotency key has been used for another request.")
	}
	if err := json.Unmarshal(stored.Answer, &result); err != nil {
		return result, false, fmt.Errorf("read stored answer: %w", err)
	}
	return result, true, nil
}

// commit runs fn in one transaction, and keeps its result there for when the
// request is repeated.
func commit[T any](ctx context.Context, a *App, tenant ids.Tenant, fn func(ctx context.Context, tx Tx) (T, error)) (result T, err error) {
	key, keyed := idempotencyFrom(ctx)
	err = a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if keyed {
			reserved, err := tx.ReserveIdempotencyKey(ctx, tenant, key)
			if err != nil {
				return err
			}
			if !reserved {
				return errRepeated
			}
		}
		var err error
		if result, err = fn(ctx, tx); err != nil || !keyed {
			return err
		}
		answer, err := json.Marshal(result)
		if err != nil {
			return err
		}
		return tx.AnswerIdempotencyKey(ctx, tenant, key, answer)
	})
	return result, err
}

// onceForCode is [once] for requests whose right is a purchase code. It does
// not look for the code, which may have been spent.
func onceForCode[T any](ctx context.Context, a *App, fullCode string, attempt func(ctx context.Context) (T, error)) (T, error) {
	if _, keyed := idempotencyFrom(ctx); !keyed {
		return attempt(ctx)
	}
	var none T
	tenancyID, _, err := splitCode(fullCode)
	if err != nil {
		return none, err
	}
	tenant, found, err := a.store.Tenancy(ctx, tenancyID)
	if err != nil {
		return none, err
	}
	if !found {
		return none, apierr.VerificationCodeNotFound()
	}
	return once(tenancy.ForProject(ctx, tenant.ProjectID), a, tenant, attempt)
}

// nothing is the result of use cases that have none.
type nothing struct{}
