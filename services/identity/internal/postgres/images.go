package postgres

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/profileimage"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// Image implements app.ImageStore.
func (s *Store) Image(ctx context.Context, id string) (*domain.Image, error) {
	ctx = tenancy.ForAllProjects(ctx) // images are public, under random names
	row, err := s.queries(ctx).Image(ctx, id)
	return found(row, err, func(row db.ImageRow) (*domain.Image, error) {
		return &domain.Image{ID: row.ID, Format: profileimage.Format(row.Format), Bytes: row.Bytes}, nil
	})
}

func (t *tx) SaveProfileImage(ctx context.Context, tenant ids.Tenant, userID string, image domain.Image) error {
	return t.queries.SaveProfileImage(ctx, db.SaveProfileImageParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
		ID: image.ID, Format: string(image.Format), Bytes: image.Bytes,
	})
}

func (t *tx) DeleteProfileImages(ctx context.Context, tenant ids.Tenant, userID string) error {
	return t.queries.DeleteProfileImages(ctx, db.DeleteProfileImagesParams{
		ProjectID: tenant.ProjectID, BranchID: tenant.BranchID, UserID: userID,
	})
}
