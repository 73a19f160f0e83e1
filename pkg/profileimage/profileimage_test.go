package profileimage

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

func encoded(t *testing.T, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	picture := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White})
	var buf bytes.Buffer
	if err := encode(&buf, picture); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func bmp() []byte {
	content := make([]byte, 58)
	copy(content, "BM")
	binary.LittleEndian.PutUint32(content[10:], 54)
	binary.LittleEndian.PutUint32(content[14:], 40)
	return content
}

func webp(chunk string) []byte {
	content := make([]byte, 30)
	copy(content, "RIFF")
	copy(content[8:], "WEBP"+chunk)
	return content
}

func TestParse_dataURLs_areRecognisedByTheirBytes(t *testing.T) {
	images := map[Format][]byte{
		PNG:  encoded(t, func(w *bytes.Buffer, m image.Image) error { return png.Encode(w, m) }),
		JPEG: encoded(t, func(w *bytes.Buffer, m image.Image) error { return jpeg.Encode(w, m, nil) }),
		GIF:  encoded(t, func(w *bytes.Buffer, m image.Image) error { return gif.Encode(w, m, nil) }),
		BMP:  bmp(),
		WebP: webp("VP8X"),
	}
	for format, content := range images {
		got, err := Parse("data:image/whatever;base64," + base64.StdEncoding.EncodeToString(content))
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		if got.Format != format || !bytes.Equal(got.Bytes, content) || got.Format.ContentType() != "image/"+string(format) {
			t.Errorf("%s: got %s, %d bytes", format, got.Format, len(got.Bytes))
		}
	}
}

func TestParse_ordinaryURL_isKept(t *testing.T) {
	for _, value := range []string{"https://example.com/a.png", "HTTP://example.com"} {
		if got, err := Parse(value); got != nil || err != nil {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
}

func TestParse_anythingElse_isRefused(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for name, value := range map[string]string{
		"other scheme":     "ftp://example.com/a.png",
		"script":           "javascript:alert(1)",
		"bare base64":      b64(bmp()),
		"not an image":     "data:image/png;base64," + b64([]byte("<svg xmlns='http://www.w3.org/2000/svg'/>")),
		"svg":              "data:image/svg+xml;base64," + b64([]byte("<svg/>")),
		"html":             "data:text/html;base64," + b64([]byte("<p>")),
		"nothing":          "data:image/png;base64,",
		"bad base64":       "data:image/png;base64,%%%",
		"too large":        "data:image/png;base64," + strings.Repeat("A", MaxSize+4),
		"webp of sound":    "data:image/webp;base64," + b64(webp("ABCD")),
		"bmp cut short":    "data:image/bmp;base64," + b64(bmp()[:20]),
		"bmp without body": "data:image/bmp;base64," + b64(append(append([]byte("BM"), make([]byte, 8)...), bytes.Repeat([]byte{0xff}, 30)...)),
	} {
		if got, err := Parse(value); err == nil {
			t.Errorf("%s is accepted as %s", name, got.Format)
		}
	}
}

func TestCheckClient_values_onlyUsualDataURLs(t *testing.T) {
	for value, want := range map[string]bool{
		"":                               true,
		"data:image/png;base64,AAAA":     true,
		"data:image/jpg;base64,":         true,
		"data:image/webp;base64,AAAA":    true,
		"data:image/tiff;base64,AAAA":    false,
		"data:image/svg+xml;base64,AAAA": false,
		"data:image/png,AAAA":            false,
		"https://example.com/a.png":      false,
		" data:image/png;base64,AAAA":    false,
	} {
		if err := CheckClient(value); (err == nil) != want {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func FuzzParse_anyContent_neverPanics(f *testing.F) {
	f.Add(bmp())
	f.Add(webp("VP8 "))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := Parse("data:image/png;base64," + base64.StdEncoding.EncodeToString(content))
		if err == nil && got.Format == "" {
			t.Error("an image without format")
		}
	})
}
