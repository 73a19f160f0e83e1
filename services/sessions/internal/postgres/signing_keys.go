package postgres

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"time"

	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/postgres/db"
)

// SigningKeys implements app.Store.
func (s *Store) SigningKeys(ctx context.Context, audience domain.Audience) ([]domain.SigningKey, error) {
	rows, err := s.queries(ctx).SigningKeys(ctx, db.SigningKeysParams{
		ProjectID: audience.ProjectID, Audience: audience.String(),
	})
	if err != nil {
		return nil, err
	}
	keys := make([]domain.SigningKey, 0, len(rows))
	for _, row := range rows {
		private, err := s.openPrivateKey(row.PrivateKey, audience, row.Kid)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", row.Kid, err)
		}
		keys = append(keys, domain.SigningKey{
			PublicKey:   domain.PublicKey{KID: row.Kid, X: row.X, Y: row.Y},
			Audience:    audience,
			State:       domain.KeyState(row.State),
			Private:     private,
			CreatedAt:   row.CreatedAt,
			ActivatedAt: orZero(row.ActivatedAt),
			RetiredAt:   orZero(row.RetiredAt),
		})
	}
	return keys, nil
}

// AudiencesDue implements app.Store.
func (s *Store) AudiencesDue(ctx context.Context, activatedBy, retiredBy time.Time, after string, page int) ([]domain.Audience, error) {
	rows, err := s.queries(ctx).AudiencesDue(ctx, db.AudiencesDueParams{
		After: after, ActivatedBy: activatedBy, RetiredBy: retiredBy, Page: int32(page),
	})
	if err != nil {
		return nil, err
	}
	audiences := make([]domain.Audience, 0, len(rows))
	for _, row := range rows {
		audience, ok := domain.ParseAudience(row)
		if !ok {
			return nil, fmt.Errorf("signing keys of malformed audience %q", row)
		}
		audiences = append(audiences, audience)
	}
	return audiences, nil
}

func (s *Store) openPrivateKey(sealed []byte, audience domain.Audience, kid string) (*ecdsa.PrivateKey, error) {
	encoded, err := s.box.Open(sealed, place(audience, kid)...)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(encoded)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("private key is a %T", parsed)
	}
	return private, nil
}

// place binds a sealed private key to its row.
func place(audience domain.Audience, kid string) []string {
	return []string{"signing_keys", audience.String(), kid}
}

func (t *tx) CreateSigningKey(ctx context.Context, key domain.SigningKey) (created bool, err error) {
	encoded, err := x509.MarshalPKCS8PrivateKey(key.Private)
	if err != nil {
		return false, fmt.Errorf("encode signing key %s: %w", key.KID, err)
	}
	rows, err := t.queries.CreateSigningKey(ctx, db.CreateSigningKeyParams{
		ProjectID:   key.Audience.ProjectID,
		Audience:    key.Audience.String(),
		Kid:         key.KID,
		State:       string(key.State),
		PrivateKey:  t.box.Seal(encoded, place(key.Audience, key.KID)...),
		X:           key.X,
		Y:           key.Y,
		CreatedAt:   key.CreatedAt,
		ActivatedAt: timeOrNull(key.ActivatedAt),
	})
	return rows == 1, err
}

func (t *tx) RetireSigningKey(ctx context.Context, key domain.SigningKey, at time.Time) (retired bool, err error) {
	rows, err := t.queries.RetireSigningKey(ctx, db.RetireSigningKeyParams{
		ProjectID: key.Audience.ProjectID, Audience: key.Audience.String(), Kid: key.KID, At: at,
	})
	return rows == 1, err
}

func (t *tx) ActivateSigningKey(ctx context.Context, key domain.SigningKey, at time.Time) (activated bool, err error) {
	rows, err := t.queries.ActivateSigningKey(ctx, db.ActivateSigningKeyParams{
		ProjectID: key.Audience.ProjectID, Audience: key.Audience.String(), Kid: key.KID, At: at,
	})
	return rows == 1, err
}

func (t *tx) DeleteSigningKey(ctx context.Context, key domain.SigningKey) (deleted bool, err error) {
	rows, err := t.queries.DeleteSigningKey(ctx, db.DeleteSigningKeyParams{
		ProjectID: key.Audience.ProjectID, Audience: key.Audience.String(), Kid: key.KID, State: string(key.State),
	})
	return rows == 1, err
}

func (t *tx) DeleteSigningKeys(ctx context.Context, audience domain.Audience) error {
	return t.queries.DeleteSigningKeys(ctx, db.DeleteSigningKeysParams{
		ProjectID: audience.ProjectID, Audience: audience.String(),
	})
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
