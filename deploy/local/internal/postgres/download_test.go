package postgres

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
)

// repository serves the archive of testdata as a Maven repository does. It
// holds scripts that say they are version 17 and one, pg_ctl, that fails.
func repository(t *testing.T) (url string, downloads *atomic.Int64) {
	t.Helper()
	archive, err := os.ReadFile("testdata/postgres.txz")
	if err != nil {
		t.Fatal(err)
	}
	var jar bytes.Buffer
	writer := zip.NewWriter(&jar)
	file, err := writer.Create("postgres-linux-x86_64.txz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(archive); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(jar.Bytes())
	downloads = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			_, _ = w.Write([]byte(hex.EncodeToString(sum[:])))
			return
		}
		downloads.Add(1)
		_, _ = w.Write(jar.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL, downloads
}

func TestFetch_missingBinaries_areDownloadedOnce(t *testing.T) {
	url, downloads := repository(t)
	download := Download{Dir: t.TempDir(), Repository: url}
	for range 2 {
		binaries, err := download.Fetch()
		if err != nil || binaries.Major != 17 {
			t.Fatalf("got %v (%v)", binaries, err)
		}
	}
	if n := downloads.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

func TestFetch_noRepository_fails(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := (Download{Dir: t.TempDir(), Repository: server.URL}).Fetch(); err == nil {
		t.Error("binaries from nowhere")
	}
}
