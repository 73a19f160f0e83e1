package app

import (
	"context"
	"net/http"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/profileimage"
)

// readImage reads the value of an image field (users.md §1.5): the URL to be
// stored and, if there is one, the image to be uploaded that it leads to.
func (a *App) readImage(value *string, folder string) (url *string, image *profileimage.Image, err error) {
	if value == nil {
		return nil, nil, nil
	}
	if image, err = profileimage.Parse(*value); err != nil || image == nil {
		return value, nil, err
	}
	image.ID = ids.NewUUID()
	return new(a.publicURL + "/api/v1/images/" + folder + "/" + image.ID + "." + string(image.Format)), image, nil
}

// readImagePatch is readImage for a field that may be left out.
func (a *App) readImagePatch(value patch.Field[string], folder string) (url patch.Field[string], image *profileimage.Image, err error) {
	text, ok := value.Get()
	if !ok {
		return value, nil, nil
	}
	read, image, err := a.readImage(&text, folder)
	if err != nil {
		return value, nil, err
	}
	return patch.FromPointer(read), image, nil
}

// GetTeamImage reads an uploaded image by the last element of its URL.
func (a *App) GetTeamImage(ctx context.Context, name string) (*profileimage.Image, error) {
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
