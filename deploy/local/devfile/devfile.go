// Package devfile is dev.json, the file in which a running dev stack tells
// tools where everything is.
//
// The file is there exactly while the stack is ready for requests: it is
// written when everything answers and removed on a clean exit. It holds keys
// and passwords and is readable by its owner alone.
package devfile

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Name of the file in the data directory.
const Name = "dev.json"

// File is the content of dev.json.
type File struct {
	BaseURL    string             `json:"base_url"`
	MailboxURL string             `json:"mailbox_url"`
	SMTPAddr   string             `json:"smtp_addr"`
	NATSURL    string             `json:"nats_url"`
	GRPC       map[string]string  `json:"grpc"`      // service → host:port
	Ops        map[string]string  `json:"ops"`       // process → host:port of its metrics
	Databases  map[string]string  `json:"databases"` // service → postgres URL, for all projects
	PIDs       map[string]int     `json:"pids"`      // process → id of its current run
	Projects   map[string]Project `json:"projects"`  // "internal" and "dev"
	// ServiceCredential lets backends call the gRPC addresses, for everything.
	ServiceCredential string `json:"service_credential"`
}

// Project is a seeded project and its keys.
type Project struct {
	ID                   string `json:"id"`
	PublishableClientKey string `json:"publishable_client_key"`
	SecretServerKey      string `json:"secret_server_key"`
	SuperSecretAdminKey  string `json:"super_secret_admin_key"`
}

// Read reads the file of the stack that keeps its data in dataDir. While no
// stack runs there the error is fs.ErrNotExist.
func Read(dataDir string) (File, error) {
	var file File
	content, err := os.ReadFile(filepath.Join(dataDir, Name))
	if err != nil {
		return File{}, err
	}
	return file, json.Unmarshal(content, &file)
}

// Write puts the file in place in one step: readers see the old content or
// the new one.
func (f File) Write(dataDir string) error { return WriteJSON(filepath.Join(dataDir, Name), f) }

// Remove takes the file away; none being there is fine.
func Remove(dataDir string) error {
	err := os.Remove(filepath.Join(dataDir, Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// WriteJSON replaces the file at path in one step, readable by its owner alone.
func WriteJSON(path string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already when all went well
	_, err = temporary.Write(append(content, '\n'))
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
