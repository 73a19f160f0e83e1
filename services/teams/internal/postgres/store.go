package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	eventsv1 "vestibule.dev/proto/events/v1"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/postgres/db"
)

// Encode turns an event into its published form.
type Encode func(ctx context.Context, event app.Event) (*eventsv1.Envelope, error)

// Store implements app.Store.
type Store struct {
	db     *pg.DB
	encode Encode
}

// NewStore returns a Store that publishes events through the outbox in the
// form encode gives them.
func NewStore(database *pg.DB, encode Encode) *Store {
	return &Store{db: database, encode: encode}
}

// RunTx implements app.Store.
func (s *Store) RunTx(ctx context.Context, fn func(ctx context.Context, tx app.Tx) error) error {
	return s.db.RunTx(ctx, func(ctx context.Context, pgxTx pgx.Tx) error {
		return fn(ctx, &tx{tx: pgxTx, queries: db.New(pgxTx), encode: s.encode})
	})
}

// Team implements app.Store.
func (s *Store) Team(ctx context.Context, tenant ids.Tenant, teamID string) (*domain.Team, error) {
	row, err := db.New(s.db.Querier(ctx)).Team(ctx, db.TeamParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: teamID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	team := toTeam(row)
	return &team, nil
}

// Membership implements app.Store.
func (s *Store) Membership(ctx context.Context, tenant ids.Tenant, teamID, userID string) (*app.Membership, error) {
	row, err := db.New(s.db.Querier(ctx)).Membership(ctx, db.MembershipParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID, UserID: userID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &app.Membership{Team: toTeam(row.Team), Granted: row.Granted}, nil
}

// TeamMembers implements app.Store.
func (s *Store) TeamMembers(ctx context.Context, tenant ids.Tenant, teamID string) ([]app.TeamMember, error) {
	rows, err := db.New(s.db.Querier(ctx)).TeamMembers(ctx, db.TeamMembersParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID,
	})
	if err != nil {
		return nil, err
	}
	members := make([]app.TeamMember, 0, len(rows))
	for _, row := range rows {
		members = append(members, app.TeamMember{UserID: row.UserID, Granted: row.Granted})
	}
	return members, nil
}

// TeamIDsOfMember implements app.Store.
func (s *Store) TeamIDsOfMember(ctx context.Context, tenant ids.Tenant, userID string) ([]string, error) {
	return db.New(s.db.Querier(ctx)).TeamIDsOfMember(ctx, db.TeamIDsOfMemberParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
}

func toTeam(row db.Team) domain.Team {
	return domain.Team{
		Tenant:                 ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID},
		ID:                     row.ID,
		DisplayName:            row.DisplayName,
		ProfileImageURL:        row.ProfileImageUrl,
		ClientMetadata:         row.ClientMetadata,
		ClientReadOnlyMetadata: row.ClientReadOnlyMetadata,
		ServerMetadata:         row.ServerMetadata,
		Version:                row.Version,
		CreatedAt:              row.CreatedAt,
	}
}
