package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// User implements app.UserStore.
func (s *Store) User(ctx context.Context, tenant ids.Tenant, userID string) (*domain.User, error) {
	row, err := s.queries(ctx).User(ctx, db.UserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID,
	})
	return found(row, err, toUser)
}

// UsersByID implements app.UserStore.
func (s *Store) UsersByID(ctx context.Context, tenant ids.Tenant, userIDs []string) ([]domain.User, error) {
	rows, err := s.queries(ctx).UsersByID(ctx, db.UsersByIDParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserIds: userIDs,
	})
	if err != nil {
		return nil, err
	}
	users := make([]domain.User, 0, len(rows))
	for _, row := range rows {
		user, err := toUser(row)
		if err != nil {
			return nil, err
		}
		users = append(users, *user)
	}
	return users, nil
}

// VerifiedEmails implements app.UserStore.
func (s *Store) VerifiedEmails(ctx context.Context, tenant ids.Tenant, userIDs []string) (map[string][]string, error) {
	rows, err := s.queries(ctx).VerifiedEmails(ctx, db.VerifiedEmailsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserIds: userIDs,
	})
	if err != nil {
		return nil, err
	}
	emails := make(map[string][]string, len(rows))
	for _, row := range rows {
		emails[row.UserID] = append(emails[row.UserID], row.Value)
	}
	return emails, nil
}

// UserContacts implements app.UserStore.
func (s *Store) UserContacts(ctx context.Context, tenant ids.Tenant, userIDs []string) ([]app.UserContact, error) {
	rows, err := s.queries(ctx).UserContacts(ctx, db.UserContactsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserIds: userIDs,
	})
	if err != nil {
		return nil, err
	}
	contacts := make([]app.UserContact, 0, len(rows))
	for _, row := range rows {
		contacts = append(contacts, app.UserContact{
			UserID:       row.ID,
			DisplayName:  row.DisplayName,
			PrimaryEmail: toPrimaryEmail(row.PrimaryEmail, row.PrimaryEmailVerified, row.PrimaryEmailUsedForAuth),
		})
	}
	return contacts, nil
}

// SelectedTeamID implements app.UserStore.
func (s *Store) SelectedTeamID(ctx context.Context, tenant ids.Tenant, userID string) (teamID *string, userExists bool, err error) {
	teamID, err = s.queries(ctx).SelectedTeamID(ctx, db.SelectedTeamIDParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return teamID, err == nil, err
}

// RecordSignIn implements app.UserStore.
func (s *Store) RecordSignIn(ctx context.Context, tenant ids.Tenant, credential *app.Credential, guess *app.Guess) (current bool, err error) {
	params := db.RecordSignInParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: credential.UserID, KnownSince: credential.KnownSince(),
	}
	if guess != nil {
		params.GuessKind, params.GuessSubject, params.GuessSource = string(guess.Kind), guess.Subject, guess.Source
	}
	return s.queries(ctx).RecordSignIn(ctx, params)
}

// RecordActivity implements app.UserStore.
func (s *Store) RecordActivity(ctx context.Context, tenant ids.Tenant, userID string) (*domain.User, int64, error) {
	row, err := s.queries(ctx).RecordActivity(ctx, db.RecordActivityParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID,
	})
	user, err := found(row, err, func(row db.RecordActivityRow) (*domain.User, error) {
		return &domain.User{
			Tenant:            tenant,
			ID:                row.ID,
			DisplayName:       row.DisplayName,
			SelectedTeamID:    row.SelectedTeamID,
			PrimaryEmail:      toPrimaryEmail(row.PrimaryEmail, row.PrimaryEmailVerified, row.PrimaryEmailUsedForAuth),
			RequiresTOTPMFA:   row.RequiresTotpMfa,
			IsAnonymous:       row.IsAnonymous,
			RestrictedByAdmin: row.RestrictedByAdmin,
			SignedUpAt:        row.SignedUpAt,
		}, nil
	})
	return user, row.ConfigVersion, err
}

func (t *tx) CreateUser(ctx context.Context, user *domain.User, passwordHash *string) error {
	params := db.CreateUserParams{
		ProjectID:                       user.ProjectID,
		BranchID:                        user.BranchID,
		ID:                              user.ID,
		DisplayName:                     user.DisplayName,
		ProfileImageUrl:                 user.ProfileImageURL,
		ClientMetadata:                  user.ClientMetadata,
		ClientReadOnlyMetadata:          user.ClientReadOnlyMetadata,
		ServerMetadata:                  user.ServerMetadata,
		SelectedTeamID:                  user.SelectedTeamID,
		IsAnonymous:                     user.IsAnonymous,
		OtpAuthEnabled:                  user.OTPAuthEnabled,
		RestrictedByAdmin:               user.RestrictedByAdmin,
		RestrictedByAdminReason:         user.RestrictedByAdminReason,
		RestrictedByAdminPrivateDetails: user.RestrictedByAdminPrivateDetails,
		CountryCode:                     user.CountryCode,
		RiskScoreBot:                    user.RiskScores.Bot,
		RiskScoreFreeTrialAbuse:         user.RiskScores.FreeTrialAbuse,
		ChannelID:                       ids.NewUUID(),
		PasswordHash:                    passwordHash,
	}
	if email := user.PrimaryEmail; email != nil {
		params.Email, params.EmailVerified, params.EmailUsedForAuth = &email.Value, email.IsVerified, email.UsedForAuth
	}
	row, err := t.queries.CreateUser(ctx, params)
	switch pg.ConstraintName(err) {
	case "contact_channels_used_for_auth_key":
		return apierr.UserEmailAlreadyExists(user.Email(), false).WithCause(err)
	case "users_project_id_fk":
		return apierr.CurrentProjectNotFound(user.ProjectID).WithCause(err)
	}
	if err != nil {
		return err
	}
	user.Version, user.SignedUpAt, user.LastActiveAt = row.Version, row.SignedUpAt, row.LastActiveAt
	return nil
}

func (t *tx) LockUser(ctx context.Context, tenant ids.Tenant, userID string) (*domain.User, error) {
	err := db.New(pg.Queued(t.tx)).LockUser(ctx, db.LockUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID,
	})
	if err != nil {
		return nil, err
	}
	// A statement of its own: its snapshot must be younger than the lock.
	row, err := t.queries.User(ctx, db.UserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID,
	})
	return found(row, err, toUser)
}

func (t *tx) UpdateUser(ctx context.Context, user *domain.User, fields app.UserRow) error {
	totpSecret, _ := fields.TOTPSecret.Get()
	row, err := t.queries.UpdateUser(ctx, db.UpdateUserParams{
		ProjectID:                       user.ProjectID,
		BranchID:                        user.BranchID,
		ID:                              user.ID,
		DisplayName:                     user.DisplayName,
		ProfileImageUrl:                 user.ProfileImageURL,
		ClientMetadata:                  user.ClientMetadata,
		ClientReadOnlyMetadata:          user.ClientReadOnlyMetadata,
		ServerMetadata:                  user.ServerMetadata,
		SelectedTeamID:                  user.SelectedTeamID,
		IsAnonymous:                     user.IsAnonymous,
		OtpAuthEnabled:                  user.OTPAuthEnabled,
		RequiresTotpMfa:                 user.RequiresTOTPMFA,
		SetsTotpSecret:                  fields.TOTPSecret.IsSet(),
		TotpSecret:                      totpSecret,
		RestrictedByAdmin:               user.RestrictedByAdmin,
		RestrictedByAdminReason:         user.RestrictedByAdminReason,
		RestrictedByAdminPrivateDetails: user.RestrictedByAdminPrivateDetails,
		CountryCode:                     user.CountryCode,
		RiskScoreBot:                    user.RiskScores.Bot,
		RiskScoreFreeTrialAbuse:         user.RiskScores.FreeTrialAbuse,
		SignedUpNow:                     fields.SignedUpNow,
	})
	if err != nil {
		return err
	}
	user.Version, user.SignedUpAt = row.Version, row.SignedUpAt
	return nil
}

func (t *tx) DeleteUser(ctx context.Context, tenant ids.Tenant, userID string) (version int64, err error) {
	version, err = t.queries.DeleteUser(ctx, db.DeleteUserParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return version, err
}

func (t *tx) EnableOTP(ctx context.Context, tenant ids.Tenant, userID string) error {
	return t.queries.EnableOTP(ctx, db.EnableOTPParams{ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID})
}

func (t *tx) ClearSelectedTeam(ctx context.Context, tenant ids.Tenant, userID, teamID string) error {
	return t.queries.ClearSelectedTeam(ctx, db.ClearSelectedTeamParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, ID: userID, TeamID: teamID,
	})
}

func toUser(row db.UserDetail) (*domain.User, error) {
	user := &domain.User{
		Tenant:                          ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID},
		ID:                              row.ID,
		DisplayName:                     row.DisplayName,
		ProfileImageURL:                 row.ProfileImageUrl,
		ClientMetadata:                  row.ClientMetadata,
		ClientReadOnlyMetadata:          row.ClientReadOnlyMetadata,
		ServerMetadata:                  row.ServerMetadata,
		SelectedTeamID:                  row.SelectedTeamID,
		HasPassword:                     row.HasPassword,
		HasPasskey:                      row.HasPasskey,
		OTPAuthEnabled:                  row.OtpAuthEnabled,
		RequiresTOTPMFA:                 row.RequiresTotpMfa,
		IsAnonymous:                     row.IsAnonymous,
		RestrictedByAdmin:               row.RestrictedByAdmin,
		RestrictedByAdminReason:         row.RestrictedByAdminReason,
		RestrictedByAdminPrivateDetails: row.RestrictedByAdminPrivateDetails,
		CountryCode:                     row.CountryCode,
		RiskScores:                      domain.RiskScores{Bot: row.RiskScoreBot, FreeTrialAbuse: row.RiskScoreFreeTrialAbuse},
		Version:                         row.Version,
		SignedUpAt:                      row.SignedUpAt,
		LastActiveAt:                    row.LastActiveAt,
	}
	if row.PrimaryEmail != nil {
		user.PrimaryEmail = &domain.PrimaryEmail{
			Value: *row.PrimaryEmail, IsVerified: row.PrimaryEmailVerified, UsedForAuth: row.PrimaryEmailUsedForAuth,
		}
	}
	if row.OauthAccounts != nil {
		var accounts [][3]*string
		if err := json.Unmarshal(row.OauthAccounts, &accounts); err != nil {
			return nil, fmt.Errorf("read oauth accounts: %w", err)
		}
		for _, account := range accounts {
			user.OAuthAccounts = append(user.OAuthAccounts, domain.OAuthAccount{
				ProviderConfigID: *account[0], AccountID: *account[1], Email: account[2],
			})
		}
	}
	return user, nil
}

// toPrimaryEmail makes an address of a channel that may not be there.
func toPrimaryEmail(value *string, verified, usedForAuth *bool) *domain.PrimaryEmail {
	if value == nil {
		return nil
	}
	return &domain.PrimaryEmail{Value: *value, IsVerified: *verified, UsedForAuth: *usedForAuth}
}
