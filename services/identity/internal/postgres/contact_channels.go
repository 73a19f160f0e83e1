package postgres

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// ContactChannels implements app.ContactChannelStore.
func (s *Store) ContactChannels(ctx context.Context, tenant ids.Tenant, filter app.ContactChannelFilter) ([]domain.ContactChannel, error) {
	rows, err := s.queries(ctx).ContactChannels(ctx, db.ContactChannelsParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID,
		UserID: domain.NilIfEmpty(&filter.UserID), ChannelID: domain.NilIfEmpty(&filter.ChannelID),
	})
	if err != nil {
		return nil, err
	}
	channels := make([]domain.ContactChannel, 0, len(rows))
	for _, row := range rows {
		channels = append(channels, domain.ContactChannel{
			Tenant: tenant, UserID: row.UserID, ID: row.ID, Type: row.Type, Value: row.Value,
			IsPrimary: row.IsPrimary, IsVerified: row.IsVerified, UsedForAuth: row.UsedForAuth,
		})
	}
	return channels, nil
}

// ContactChannel implements app.ContactChannelStore.
func (s *Store) ContactChannel(ctx context.Context, tenant ids.Tenant, userID, channelID string) (*domain.ContactChannel, bool, error) {
	row, err := s.queries(ctx).ContactChannel(ctx, db.ContactChannelParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, ChannelID: channelID,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if row.ID == nil {
		return nil, true, nil
	}
	return &domain.ContactChannel{
		Tenant: tenant, UserID: userID, ID: *row.ID, Type: domain.ContactChannelEmail, Value: *row.Value,
		IsPrimary: *row.IsPrimary, IsVerified: *row.IsVerified, UsedForAuth: *row.UsedForAuth,
	}, true, nil
}

func (t *tx) DemotePrimaryEmail(ctx context.Context, tenant ids.Tenant, userID string) error {
	return t.queries.DemotePrimaryEmail(ctx, db.DemotePrimaryEmailParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
}

func (t *tx) PutPrimaryEmail(ctx context.Context, tenant ids.Tenant, userID string, email app.PrimaryEmailPut) (*domain.PrimaryEmail, error) {
	params := db.PutPrimaryEmailParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
		ID: ids.NewUUID(), Value: email.Value, UsedForAuth: email.UsedForAuth,
	}
	if verified, ok := email.Verified.Get(); ok {
		params.IsVerified = &verified
	}
	row, err := t.queries.PutPrimaryEmail(ctx, params)
	if pg.ConstraintName(err) == "contact_channels_used_for_auth_key" {
		return nil, apierr.UserEmailAlreadyExists(email.Value, false).WithCause(err)
	}
	if err != nil {
		return nil, err
	}
	return &domain.PrimaryEmail{Value: row.Value, IsVerified: row.IsVerified, UsedForAuth: row.UsedForAuth}, nil
}

func (t *tx) CreateContactChannel(ctx context.Context, channel *domain.ContactChannel) error {
	err := t.queries.CreateContactChannel(ctx, db.CreateContactChannelParams{
		ProjectID: channel.ProjectID, BranchID: channel.BranchID, UserID: channel.UserID, ID: channel.ID,
		Type: channel.Type, Value: channel.Value,
		IsPrimary: channel.IsPrimary, IsVerified: channel.IsVerified, UsedForAuth: channel.UsedForAuth,
	})
	return contactChannelError(err, channel.Type, channel.Value)
}

func (t *tx) UpdateContactChannel(ctx context.Context, channel *domain.ContactChannel) error {
	err := t.queries.UpdateContactChannel(ctx, db.UpdateContactChannelParams{
		ProjectID: channel.ProjectID, BranchID: channel.BranchID, UserID: channel.UserID, ID: channel.ID,
		Value: channel.Value, IsPrimary: channel.IsPrimary, IsVerified: channel.IsVerified, UsedForAuth: channel.UsedForAuth,
	})
	return contactChannelError(err, channel.Type, "")
}

// contactChannelError tells why an address is not free. PostgreSQL checks the
// indexes of a table in the order in which they were made: the user's own
// addresses come before those that others sign in with.
func contactChannelError(err error, channelType, value string) error {
	switch pg.ConstraintName(err) {
	case "contact_channels_value_key":
		return apierr.Text(http.StatusBadRequest, "The user already has a contact channel with this value.").WithCause(err)
	case "contact_channels_used_for_auth_key":
		return apierr.ContactChannelAlreadyUsedForAuthBySomeoneElse(channelType, value, false).WithCause(err)
	}
	return err
}

func (t *tx) DeleteContactChannel(ctx context.Context, tenant ids.Tenant, userID, channelID string) (deleted bool, err error) {
	rows, err := t.queries.DeleteContactChannel(ctx, db.DeleteContactChannelParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, ID: channelID,
	})
	return rows == 1, err
}

func (t *tx) VerifyEmail(ctx context.Context, tenant ids.Tenant, userID, email string) (channelID string, err error) {
	channelID, err = t.queries.VerifyEmail(ctx, db.VerifyEmailParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID, Value: email,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return channelID, err
}
