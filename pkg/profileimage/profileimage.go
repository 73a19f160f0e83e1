// Package profileimage promises that what is served as a picture is one: the
// pictures of users, teams, members and projects are read from the fields of the
// API contract in one place (users.md §1.5), and recognised by their bytes.
package profileimage

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image/gif"
	"image/jpeg"
	"image/png"
	"regexp"
	"strings"

	"vestibule.dev/pkg/apierr"
)

// MaxSize limits an uploaded image, as base64 characters and as bytes.
const MaxSize = 1_000_000

// Caching lets everybody keep a picture for a year: another picture has another
// URL.
const Caching = "public, max-age=31536000, immutable"

// badRequest is the HTTP status of images that are refused.
const badRequest = 400

// Format is the detected format of an image and the extension it is
// served under.
type Format string

// Formats that are recognised.
const (
	PNG  Format = "png"
	JPEG Format = "jpeg"
	GIF  Format = "gif"
	BMP  Format = "bmp"
	WebP Format = "webp"
)

// ContentType is the media type an image is served with. It follows what the
// bytes are, never what their uploader called them.
func (f Format) ContentType() string { return "image/" + string(f) }

// Image is an uploaded image.
type Image struct {
	// ID is random and the only thing that protects an image from being found.
	ID     string
	Format Format
	Bytes  []byte
}

var (
	imageDataURL       = regexp.MustCompile(`^data:image/[A-Za-z0-9]+;base64,`)
	clientImageDataURL = regexp.MustCompile(`^data:image/(?:png|jpg|jpeg|gif|bmp|webp);base64,`)
)

// CheckClient refuses image fields that a client may not set: anything but
// a data URL of a usual image type (users.md §1.5).
func CheckClient(value string) error {
	if value != "" && !clientImageDataURL.MatchString(value) {
		return apierr.Text(badRequest, "The image must be a base64 data URL of type png, jpg, jpeg, gif, bmp or webp.")
	}
	return nil
}

// Parse reads the value of an image field. The image is nil when the value
// is an ordinary URL, to be stored as it is. The id is the caller's to choose.
func Parse(value string) (*Image, error) {
	prefix := imageDataURL.FindString(value)
	if prefix == "" {
		if lower := strings.ToLower(value); strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://") {
			return nil, nil
		}
		return nil, apierr.Text(badRequest, "The image must be an http or https URL or a base64 data URL of an image.")
	}
	text := value[len(prefix):]
	if len(text) > MaxSize {
		return nil, apierr.Text(badRequest, "The image is too large: at most 1,000,000 bytes are accepted.")
	}
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, apierr.Text(badRequest, "The image is not valid base64.")
	}
	format, ok := Detect(content)
	if !ok {
		return nil, apierr.Text(badRequest, "The image is not in a known image format.")
	}
	return &Image{Format: format, Bytes: content}, nil
}

// Detect reports the format of an image. It reads headers only, so that a
// small file that promises a huge picture costs nothing.
func Detect(content []byte) (Format, bool) {
	if _, err := png.DecodeConfig(bytes.NewReader(content)); err == nil {
		return PNG, true
	}
	if _, err := jpeg.DecodeConfig(bytes.NewReader(content)); err == nil {
		return JPEG, true
	}
	if _, err := gif.DecodeConfig(bytes.NewReader(content)); err == nil {
		return GIF, true
	}
	switch {
	case isWebP(content):
		return WebP, true
	case isBMP(content):
		return BMP, true
	}
	return "", false
}

// isWebP checks the RIFF container (RFC 9649, section 2.4) and that its first
// chunk is one of the three a picture begins with.
func isWebP(content []byte) bool {
	if len(content) < 20 || string(content[:4]) != "RIFF" || string(content[8:12]) != "WEBP" {
		return false
	}
	switch string(content[12:16]) {
	case "VP8 ", "VP8L", "VP8X":
		return true
	}
	return false
}

// isBMP checks the file header and that the picture's header has one of the
// sizes that exist.
func isBMP(content []byte) bool {
	if len(content) < 26 || string(content[:2]) != "BM" {
		return false
	}
	pixels := binary.LittleEndian.Uint32(content[10:14])
	if uint64(pixels) > uint64(len(content)) {
		return false
	}
	switch binary.LittleEndian.Uint32(content[14:18]) {
	case 12, 16, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}
