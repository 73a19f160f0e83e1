package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vestibule.dev/pkg/apierr"
)

const root = "../../../.."

func TestGenerate_committedFiles_areFresh(t *testing.T) {
	files, err := generate(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if string(got) != string(want) {
			t.Errorf("%s is stale: run tools/generate.sh docs", name)
		}
	}
}

func TestErrorsPage_everyCode_isNamed(t *testing.T) {
	page := string(errorsPage())
	for _, spec := range apierr.Catalog() {
		if !strings.Contains(page, "`"+spec.Code+"`") {
			t.Errorf("%s is missing", spec.Code)
		}
	}
}

func TestGenerate_pages_standAlone(t *testing.T) {
	files, err := generate(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if strings.Contains(string(text), "§") {
			t.Errorf("%s points into the API contract, which its readers do not have", name)
		}
	}
}
