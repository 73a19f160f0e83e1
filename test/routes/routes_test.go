package routes_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoregistry"

	"vestibule.dev/test/routes"
)

// A context whose package nobody imports here would be missing everywhere.
func TestRPCs_everyProtoFile_isRegistered(t *testing.T) {
	const root = "../../proto"
	files, err := filepath.Glob(root + "/*/v1/*.proto")
	if err != nil || len(files) == 0 {
		t.Fatalf("no proto files: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\nservice ") {
			continue
		}
		name := strings.TrimPrefix(filepath.ToSlash(file), root+"/")
		if _, err := protoregistry.GlobalFiles.FindFileByPath(name); err != nil {
			t.Errorf("package routes does not import the package of %s: %v", name, err)
		}
	}
}

func TestAll_knownRoute_hasItsFields(t *testing.T) {
	all := routes.All()
	i := slices.IndexFunc(all, func(r routes.Route) bool { return r.String() == "DELETE /auth/sessions/{id}" })
	if i < 0 {
		t.Fatal("DELETE /auth/sessions/{id} is missing")
	}
	want := map[string]routes.Place{"id": routes.InPath, "user_id": routes.InQuery}
	for _, field := range all[i].Fields {
		if place, ok := want[field.Name]; !ok || place != field.Place {
			t.Errorf("field %s is in place %d", field.Name, field.Place)
		}
		delete(want, field.Name)
	}
	if len(want) > 0 {
		t.Errorf("fields %v are missing", want)
	}
}
