package postgres

import (
	"context"

	"vestibule.dev/pkg/profileimage"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/teams/internal/app"
	"vestibule.dev/services/teams/internal/postgres/db"
)

// Image implements app.Store.
func (s *Store) Image(ctx context.Context, id string) (*profileimage.Image, error) {
	ctx = tenancy.ForAllProjects(ctx) // images are public, under random names
	row, err := s.queries(ctx).Image(ctx, id)
	return found(row, err, func(row db.ImageRow) profileimage.Image {
		return profileimage.Image{ID: row.ID, Format: profileimage.Format(row.Format), Bytes: row.Bytes}
	})
}

func (t *tx) SaveImage(ctx context.Context, owner app.ImageOwner, image *profileimage.Image) error {
	if err := t.queries.DeleteImages(ctx, db.DeleteImagesParams{
		ProjectID: owner.Tenant.ProjectID, BranchID: owner.Tenant.BranchID, TeamID: owner.TeamID, UserID: owner.UserID,
	}); err != nil || image == nil {
		return err
	}
	return t.queries.CreateImage(ctx, db.CreateImageParams{
		ProjectID: owner.Tenant.ProjectID, BranchID: owner.Tenant.BranchID, TeamID: owner.TeamID, UserID: owner.UserID,
		ID: image.ID, Format: string(image.Format), Bytes: image.Bytes,
	})
}
