// Command generate writes the documentation that is made from sources: the
// comments of the protos for the description of the API, docs/errors.md and
// docs/events.md. It runs in the root of the repository.
package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	files, err := generate(os.DirFS(root))
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(root, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns the content of all files by their path from the root of the
// repository.
func generate(root fs.FS) (map[string][]byte, error) {
	protos, err := compile(root)
	if err != nil {
		return nil, err
	}
	comments, err := commentsOf(protos)
	if err != nil {
		return nil, err
	}
	events, err := eventsOf(protos)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"gateway/internal/docs/comments.json": comments,
		"docs/errors.md":                      errorsPage(),
		"docs/events.md":                      events,
	}, nil
}
