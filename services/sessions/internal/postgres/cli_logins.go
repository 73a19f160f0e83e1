package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/secret"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/postgres/db"
)

// Columns that hold sealed refresh tokens.
const (
	anonymousSession = "anonymous_session"
	completedSession = "completed_session"
)

// CreateCLILogin implements app.Store.
func (s *Store) CreateCLILogin(ctx context.Context, login app.NewCLILogin) (expiresAt time.Time, created bool, err error) {
	params := db.CreateCLILoginParams{
		ProjectID:       login.ProjectID,
		BranchID:        login.BranchID,
		ID:              login.ID,
		PollingCodeHash: secret.HashToken(login.PollingCode),
		LoginCodeHash:   secret.HashToken(login.LoginCode),
		LifetimeSeconds: login.Lifetime.Seconds(),
	}
	if login.AnonymousToken != "" {
		params.AnonymousSession = s.sealToken(login.Tenant, login.ID, anonymousSession, login.AnonymousToken)
	}
	expiresAt, err = s.queries(ctx).CreateCLILogin(ctx, params)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, false, nil
	}
	return expiresAt, err == nil, err
}

// PolledCLILogin implements app.Store.
func (s *Store) PolledCLILogin(ctx context.Context, tenant ids.Tenant, pollingCode string) (*app.PolledCLILogin, error) {
	row, err := s.queries(ctx).PolledCLILogin(ctx, db.PolledCLILoginParams{
		PollingCodeHash: secret.HashToken(pollingCode), ProjectID: tenant.ProjectID, BranchID: tenant.BranchID,
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	login := app.PolledCLILogin(row)
	return &login, nil
}

// UseCLILogin implements app.Store.
func (s *Store) UseCLILogin(ctx context.Context, tenant ids.Tenant, loginID string) (refreshToken string, first bool, err error) {
	sealed, err := s.queries(ctx).UseCLILogin(ctx, db.UseCLILoginParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: loginID,
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "", false, nil
	case err != nil:
		return "", false, err
	}
	refreshToken, err = s.openToken(tenant, loginID, completedSession, sealed)
	return refreshToken, err == nil, err
}

// OpenCLILogin implements app.Store.
func (s *Store) OpenCLILogin(ctx context.Context, tenant ids.Tenant, loginCode string) (*app.OpenCLILogin, error) {
	row, err := s.queries(ctx).OpenCLILogin(ctx, db.OpenCLILoginParams{
		LoginCodeHash: secret.HashToken(loginCode), ProjectID: tenant.ProjectID, BranchID: tenant.BranchID,
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	login := &app.OpenCLILogin{ID: row.ID}
	if row.AnonymousSession != nil {
		login.AnonymousToken, err = s.openToken(tenant, row.ID, anonymousSession, row.AnonymousSession)
	}
	return login, err
}

// ClaimCLILogin implements app.Store.
func (s *Store) ClaimCLILogin(ctx context.Context, tenant ids.Tenant, loginID string) (first bool, err error) {
	rows, err := s.queries(ctx).ClaimCLILogin(ctx, db.ClaimCLILoginParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: loginID,
	})
	return rows == 1, err
}

// CompleteCLILogin implements app.Store.
func (s *Store) CompleteCLILogin(ctx context.Context, tenant ids.Tenant, loginID, refreshToken string) (completed bool, err error) {
	rows, err := s.queries(ctx).CompleteCLILogin(ctx, db.CompleteCLILoginParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: loginID,
		CompletedSession: s.sealToken(tenant, loginID, completedSession, refreshToken),
		TokenHash:        secret.HashToken(refreshToken),
	})
	return rows == 1, err
}

// SessionOfToken implements app.Store.
func (s *Store) SessionOfToken(ctx context.Context, tenant ids.Tenant, refreshToken string) (session app.UsedSession, found bool, err error) {
	row, err := s.queries(ctx).SessionOfToken(ctx, db.SessionOfTokenParams{
		TokenHash: secret.HashToken(refreshToken), ProjectID: tenant.ProjectID, BranchID: tenant.BranchID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return app.UsedSession{}, false, nil
	}
	return app.UsedSession(row), err == nil, err
}

// SweepCLILogins implements app.Store.
func (s *Store) SweepCLILogins(ctx context.Context, batch int) (int, error) {
	deleted, err := s.queries(ctx).SweepCLILogins(ctx, int32(batch))
	return int(deleted), err
}

func (s *Store) sealToken(tenant ids.Tenant, loginID, column, token string) []byte {
	return s.box.Seal([]byte(token), "cli_logins", tenant.ProjectID, tenant.BranchID, loginID, column)
}

func (s *Store) openToken(tenant ids.Tenant, loginID, column string, sealed []byte) (string, error) {
	token, err := s.box.Open(sealed, "cli_logins", tenant.ProjectID, tenant.BranchID, loginID, column)
	if err != nil {
		return "", fmt.Errorf("%s of log-in %s: %w", column, loginID, err)
	}
	return string(token), nil
}
