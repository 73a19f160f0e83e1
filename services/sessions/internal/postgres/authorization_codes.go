package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/postgres/db"
)

// AuthorizationCode implements app.AuthorizationCodeStore.
func (s *Store) AuthorizationCode(ctx context.Context, tenant ids.Tenant, code string) (*app.KnownCode, error) {
	hash := secret.HashToken(code)
	row, err := s.queries(ctx).AuthorizationCode(ctx, db.AuthorizationCodeParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CodeHash: hash,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	known := &app.KnownCode{
		AuthorizationCode: domain.AuthorizationCode{
			Tenant:        tenant,
			UserID:        row.UserID,
			RedirectURI:   row.RedirectUri,
			Challenge:     domain.CodeChallenge{Text: row.CodeChallenge, Method: row.CodeChallengeMethod},
			IsNewUser:     row.IsNewUser,
			AfterCallback: row.AfterCallbackRedirectUrl,
		},
		IsUsed:     row.IsUsed,
		HasExpired: row.HasExpired,
	}
	if row.IssuedSessionID != nil {
		known.IssuedSessionID = *row.IssuedSessionID
	}
	if row.HandedOverSessionID != nil && row.HandedOverRefreshToken != nil {
		token, err := s.box.Open(row.HandedOverRefreshToken, refreshTokenPlace(tenant, hash)...)
		if err != nil {
			return nil, fmt.Errorf("refresh token of an authorization code: %w", err)
		}
		known.HandedOver = &domain.HandedOverSession{SessionID: *row.HandedOverSessionID, RefreshToken: string(token)}
	}
	return known, nil
}

// SweepAuthorizationCodes implements app.AuthorizationCodeStore.
func (s *Store) SweepAuthorizationCodes(ctx context.Context, batch int) (int, error) {
	deleted, err := s.queries(ctx).SweepAuthorizationCodes(ctx, int32(batch))
	return int(deleted), err
}

func (t *tx) CreateAuthorizationCode(ctx context.Context, text string, code domain.AuthorizationCode) (created bool, err error) {
	hash := secret.HashToken(text)
	params := db.CreateAuthorizationCodeParams{
		ProjectID:                code.ProjectID,
		BranchID:                 code.BranchID,
		CodeHash:                 hash,
		UserID:                   code.UserID,
		RedirectUri:              code.RedirectURI,
		CodeChallenge:            code.Challenge.Text,
		CodeChallengeMethod:      code.Challenge.Method,
		IsNewUser:                code.IsNewUser,
		AfterCallbackRedirectUrl: code.AfterCallback,
		LifetimeSeconds:          domain.AuthorizationCodeLifetime.Seconds(),
	}
	if session := code.HandedOver; session != nil {
		params.HandedOverSessionID = &session.SessionID
		params.HandedOverRefreshToken = t.box.Seal([]byte(session.RefreshToken), refreshTokenPlace(code.Tenant, hash)...)
	}
	rows, err := t.queries.CreateAuthorizationCode(ctx, params)
	return rows == 1, err
}

func (t *tx) SpendAuthorizationCode(ctx context.Context, tenant ids.Tenant, text, sessionID string) (spent bool, err error) {
	rows, err := t.queries.SpendAuthorizationCode(ctx, db.SpendAuthorizationCodeParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, CodeHash: secret.HashToken(text), IssuedSessionID: orNull(sessionID),
	})
	return rows == 1, err
}

func (t *tx) DeleteAuthorizationCodesOfUser(ctx context.Context, tenant ids.Tenant, userID, keptSessionID string, madeBefore time.Time) error {
	return t.queries.DeleteAuthorizationCodesOfUser(ctx, db.DeleteAuthorizationCodesOfUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
		KeptSessionID: orNull(keptSessionID), MadeBefore: timeOrNull(madeBefore),
	})
}

func (t *tx) TouchSessionOfUser(ctx context.Context, tenant ids.Tenant, userID, sessionID string, ipInfo *domain.IPInfo) (found bool, err error) {
	encoded, err := encodeIPInfo(ipInfo)
	if err != nil {
		return false, err
	}
	rows, err := t.queries.TouchSessionOfUser(ctx, db.TouchSessionOfUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: sessionID, UserID: userID, LastIpInfo: encoded,
	})
	return rows == 1, err
}

// refreshTokenPlace names where the sealed refresh token of a code is stored.
func refreshTokenPlace(tenant ids.Tenant, codeHash []byte) []string {
	return []string{"authorization_codes.handed_over_refresh_token", tenant.ProjectID, tenant.BranchID, hex.EncodeToString(codeHash)}
}
