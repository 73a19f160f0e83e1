package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/secret"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/sessions/internal/app"
	"vestibule.dev/services/sessions/internal/domain"
	"vestibule.dev/services/sessions/internal/postgres/db"
)

// Encode turns an event into its published form.
type Encode func(ctx context.Context, event app.Event) (*eventsv1.Envelope, error)

// Store implements app.Store.
type Store struct {
	db     *pg.DB
	box    *secret.Box
	encode Encode
}

// NewStore returns a Store that seals private keys in box and publishes events
// through the outbox in the form encode gives them.
func NewStore(database *pg.DB, box *secret.Box, encode Encode) *Store {
	return &Store{db: database, box: box, encode: encode}
}

// RunTx implements app.Store.
func (s *Store) RunTx(ctx context.Context, fn func(ctx context.Context, tx app.Tx) error) error {
	return s.db.RunTx(ctx, func(ctx context.Context, pgxTx pgx.Tx) error {
		return fn(ctx, &tx{tx: pgxTx, queries: db.New(pgxTx), box: s.box, encode: s.encode})
	})
}

func (s *Store) queries(ctx context.Context) *db.Queries { return db.New(s.db.Querier(ctx)) }

// TouchSession implements app.Store.
func (s *Store) TouchSession(ctx context.Context, tenant ids.Tenant, refreshToken string, ipInfo *domain.IPInfo) (used app.UsedSession, found bool, err error) {
	encoded, err := encodeIPInfo(ipInfo)
	if err != nil {
		return app.UsedSession{}, false, err
	}
	row, err := s.queries(ctx).TouchSession(ctx, db.TouchSessionParams{
		TokenHash: secret.HashToken(refreshToken), ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, LastIpInfo: encoded,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return app.UsedSession{}, false, nil
	}
	return app.UsedSession(row), err == nil, err
}

// SessionIDOfToken implements app.Store.
func (s *Store) SessionIDOfToken(ctx context.Context, tenant ids.Tenant, userID, refreshToken string) (string, error) {
	id, err := s.queries(ctx).SessionIDOfToken(ctx, db.SessionIDOfTokenParams{
		TokenHash: secret.HashToken(refreshToken), ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// SessionExists implements app.Store.
func (s *Store) SessionExists(ctx context.Context, tenant ids.Tenant, sessionID, ownerID string) (bool, error) {
	return s.queries(ctx).SessionExists(ctx, db.SessionExistsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: sessionID, OwnerID: orNull(ownerID),
	})
}

// SessionsOfUser implements app.Store.
func (s *Store) SessionsOfUser(ctx context.Context, tenant ids.Tenant, userID string, withImpersonations bool) ([]domain.Session, error) {
	rows, err := s.queries(ctx).SessionsOfUser(ctx, db.SessionsOfUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, WithImpersonations: withImpersonations,
	})
	if err != nil {
		return nil, err
	}
	sessions := make([]domain.Session, 0, len(rows))
	for _, row := range rows {
		ipInfo, err := decodeIPInfo(row.LastIpInfo)
		if err != nil {
			return nil, fmt.Errorf("session %s: %w", row.ID, err)
		}
		sessions = append(sessions, domain.Session{
			Tenant:          tenant,
			ID:              row.ID,
			UserID:          row.UserID,
			CreatedAt:       row.CreatedAt,
			LastActiveAt:    row.LastActiveAt,
			LastIPInfo:      ipInfo,
			IsImpersonation: row.IsImpersonation,
		})
	}
	return sessions, nil
}

// SweepSessions implements app.Store.
func (s *Store) SweepSessions(ctx context.Context, retention time.Duration, batch int) (int, error) {
	deleted, err := s.queries(ctx).SweepExpiredSessions(ctx, db.SweepExpiredSessionsParams{
		KeptSeconds: retention.Seconds(), Batch: int32(batch),
	})
	return int(deleted), err
}

// SweepOrphans implements app.Store.
func (s *Store) SweepOrphans(ctx context.Context) error {
	queries := s.queries(ctx)
	for _, sweep := range []func(context.Context) (int64, error){
		queries.SweepSessionsOfDeletedUsers,
		queries.SweepSessionsOfDeletedProjects,
		queries.SweepAuthorizationCodesOfDeletedProjects,
		queries.SweepSigningKeysOfDeletedProjects,
		queries.SweepAPIKeysOfDeletedUsers,
		queries.SweepAPIKeysOfDeletedTeams,
		queries.SweepAPIKeysOfDeletedProjects,
		queries.SweepCLILoginsOfDeletedProjects,
		queries.SweepDeletedUsers,
		queries.SweepDeletedTeams,
	} {
		if _, err := sweep(ctx); err != nil {
			return err
		}
	}
	return nil
}

func encodeIPInfo(info *domain.IPInfo) ([]byte, error) {
	if info == nil {
		return nil, nil
	}
	return json.Marshal(info)
}

func decodeIPInfo(encoded []byte) (*domain.IPInfo, error) {
	if encoded == nil {
		return nil, nil
	}
	info := new(domain.IPInfo)
	if err := json.Unmarshal(encoded, info); err != nil {
		return nil, fmt.Errorf("decode last_ip_info: %w", err)
	}
	return info, nil
}

func orNull(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}
