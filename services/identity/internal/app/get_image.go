package app

import (
	"context"
	"net/http"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain"
)

// GetImage reads an uploaded image by the last element of its URL.
func (a *App) GetImage(ctx context.Context, name string) (*domain.Image, error) {
	id, extension, _ := strings.Cut(name, ".")
	if !ids.ValidUUID(id) {
		return nil, errNoImage()
	}
	image, err := a.store.Image(ctx, id)
	if err != nil {
		return nil, err
	}
	if image == nil || extension != string(image.Format) {
		return nil, errNoImage()
	}
	return image, nil
}

func errNoImage() error {
	return apierr.Text(http.StatusNotFound, "There is no such image.")
}

// imageURL is the address an uploaded image is served at.
func (a *App) imageURL(folder string, image *domain.Image) string {
	return a.publicURL + "/api/v1/images/" + folder + "/" + image.ID + "." + string(image.Format)
}
