package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/domain"
	"vestibule.dev/services/teams/internal/postgres/db"
)

// invitationCode is the kind of the codes in invitations.
const invitationCode = "team_invitation"

// codeData is what the code of an invitation stands for. The table of
// invitations forgets those of deleted teams; a code does not.
type codeData struct {
	TeamID string `json:"team_id"`
}

// AttemptInvitationCode implements app.Store.
func (s *Store) AttemptInvitationCode(ctx context.Context, tenant ids.Tenant, code string) (*app.InvitationCode, error) {
	row, err := s.codes.Attempt(ctx, s.db, tenant, invitationCode, code)
	if err != nil {
		return nil, err
	}
	var data codeData
	if err := json.Unmarshal(row.Data, &data); err != nil {
		return nil, fmt.Errorf("read stored invitation: %w", err)
	}
	return &app.InvitationCode{ID: row.ID, Tenant: row.Tenant, TeamID: data.TeamID}, nil
}

// Invitation implements app.Store.
func (s *Store) Invitation(ctx context.Context, tenant ids.Tenant, invitationID string) (*domain.Invitation, error) {
	row, err := s.queries(ctx).Invitation(ctx, db.InvitationParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: invitationID})
	return found(row, err, func(row db.TeamInvitation) domain.Invitation {
		return domain.Invitation{
			Tenant: tenant, ID: row.ID, TeamID: row.TeamID, RecipientEmail: row.RecipientEmail, ExpiresAt: row.ExpiresAt,
		}
	})
}

// InvitationsOfTeam implements app.Store.
func (s *Store) InvitationsOfTeam(ctx context.Context, tenant ids.Tenant, teamID string, limit int) ([]domain.Invitation, error) {
	rows, err := s.queries(ctx).InvitationsOfTeam(ctx, db.InvitationsOfTeamParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, TeamID: teamID, MaxRows: int64(limit),
	})
	return all(rows, err, func(row db.InvitationsOfTeamRow) domain.Invitation {
		return domain.Invitation{
			Tenant: tenant, ID: row.ID, TeamID: row.TeamID, TeamDisplayName: row.TeamDisplayName,
			RecipientEmail: row.RecipientEmail, ExpiresAt: row.ExpiresAt,
		}
	})
}

// InvitationsTo implements app.Store.
func (s *Store) InvitationsTo(ctx context.Context, tenant ids.Tenant, emails []string, limit int) ([]domain.Invitation, error) {
	rows, err := s.queries(ctx).InvitationsTo(ctx, db.InvitationsToParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, Emails: emails, MaxRows: int64(limit),
	})
	return all(rows, err, func(row db.InvitationsToRow) domain.Invitation {
		return domain.Invitation{
			Tenant: tenant, ID: row.ID, TeamID: row.TeamID, TeamDisplayName: row.TeamDisplayName,
			RecipientEmail: row.RecipientEmail, ExpiresAt: row.ExpiresAt,
		}
	})
}

// forgetBatch bounds one deletion, so that it never runs for long.
const forgetBatch = 5000

// ForgetExpiredInvitations implements app.Store.
func (s *Store) ForgetExpiredInvitations(ctx context.Context) error {
	for {
		rows, err := s.queries(ctx).ForgetExpiredInvitations(ctx, forgetBatch)
		if err != nil || rows < forgetBatch {
			return err
		}
	}
}

func (t *tx) CreateInvitation(ctx context.Context, invitation *domain.Invitation) (code string, err error) {
	data, err := json.Marshal(codeData{TeamID: invitation.TeamID})
	if err != nil {
		return "", err
	}
	code, invitation.ID, err = t.codes.Issue(ctx, t.tx, onetime.Code{
		Tenant: invitation.Tenant, Kind: invitationCode, Data: data, TTL: domain.InvitationTTL,
	})
	if err != nil {
		return "", err
	}
	invitation.ExpiresAt, err = t.queries.CreateInvitation(ctx, db.CreateInvitationParams{
		ProjectID: invitation.ProjectID, BranchID: invitation.BranchID, ID: invitation.ID,
		TeamID: invitation.TeamID, RecipientEmail: invitation.RecipientEmail,
		Ttl: pgtype.Interval{Microseconds: domain.InvitationTTL.Microseconds(), Valid: true},
	})
	return code, err
}

func (t *tx) TakeInvitation(ctx context.Context, tenant ids.Tenant, invitationID, teamID string) (taken bool, err error) {
	id, err := t.queries.TakeInvitation(ctx, db.TakeInvitationParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: invitationID, TeamID: teamID,
	})
	row, err := found(id, err, func(id string) string { return id })
	return row != nil, err
}

func (t *tx) ConsumeInvitationCode(ctx context.Context, code *app.InvitationCode) error {
	if err := t.queries.ForgetInvitation(ctx, db.ForgetInvitationParams{
		ProjectID: code.Tenant.ProjectID, BranchID: code.Tenant.BranchID, ID: code.ID,
	}); err != nil {
		return err
	}
	return t.codes.Consume(ctx, t.tx, &onetime.Row{Tenant: code.Tenant, Kind: invitationCode, ID: code.ID})
}

func (t *tx) RevokeInvitationCode(ctx context.Context, tenant ids.Tenant, invitationID string) error {
	return onetime.Revoke(ctx, t.tx, tenant, invitationID)
}

func (t *tx) EnqueueMail(ctx context.Context, mail app.Mail) error {
	return courier.Enqueue(ctx, t.tx, t.sealer, courier.Mail{
		ID: mail.ID, Tenant: mail.Tenant, Template: mail.Template, ToEmails: []string{mail.Email}, Variables: mail.Variables,
		HighPriority: true, SkipDeliverabilityCheck: mail.SkipDeliverabilityCheck,
	})
}
