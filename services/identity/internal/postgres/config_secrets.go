package postgres

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/domain/config"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// sealedSecret begins the text that stands for a secret in a stored
// configuration. What has no such beginning is from before secrets were sealed.
const sealedSecret = "sealed:"

// seal replaces the secrets of a document by what only the key ring opens, and
// only where it is stored.
func (o outlets) seal(tenant ids.Tenant, document config.Document) (config.Document, error) {
	return document.MapSecrets(func(path, secret string) (string, error) {
		sealed := o.sealer.Seal([]byte(secret), secretPlace(tenant, document.Level(), path)...)
		return sealedSecret + base64.StdEncoding.EncodeToString(sealed), nil
	})
}

// open reverses seal.
func (o outlets) open(tenant ids.Tenant, document config.Document) (config.Document, error) {
	return document.MapSecrets(func(path, text string) (string, error) {
		encoded, ok := strings.CutPrefix(text, sealedSecret)
		if !ok {
			return text, nil
		}
		sealed, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return "", fmt.Errorf("sealed %s of project %s: %w", path, tenant.ProjectID, err)
		}
		secret, err := o.sealer.Open(sealed, secretPlace(tenant, document.Level(), path)...)
		if err != nil {
			return "", fmt.Errorf("sealed %s of project %s: %w", path, tenant.ProjectID, err)
		}
		return string(secret), nil
	})
}

func secretPlace(tenant ids.Tenant, level config.Level, path string) []string {
	return []string{"config_overrides.document", tenant.ProjectID, tenant.BranchID, string(level), path}
}

// replaceSealed replaces the sealed secrets of a stored configuration and not a
// letter of the rest. Secrets from before they were sealed are none.
func replaceSealed(stored []byte, replacement func(sealed []byte) []byte) ([]byte, error) {
	document, _, err := toDocument(config.Environment, stored)
	if err != nil {
		return nil, err
	}
	_, err = document.MapSecrets(func(path, text string) (string, error) {
		encoded, ok := strings.CutPrefix(text, sealedSecret)
		if !ok {
			return text, nil
		}
		sealed, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return "", fmt.Errorf("sealed %s: %w", path, err)
		}
		other := base64.StdEncoding.EncodeToString(replacement(sealed))
		stored = bytes.ReplaceAll(stored, []byte(sealedSecret+encoded), []byte(sealedSecret+other))
		return text, nil
	})
	return stored, err
}

// ResealOverrides seals the secrets of all stored configurations, also those
// from before secrets were sealed, and returns how many documents it wrote. It
// changes nothing of what they say, so that no version grows.
func (s *Store) ResealOverrides(ctx context.Context) (written int, err error) {
	rows, err := s.queries(ctx).EnvironmentOverrides(ctx, string(config.Environment))
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		changed := false
		err := s.db.RunTx(ctx, func(ctx context.Context, pgxTx pgx.Tx) error {
			queries := db.New(pgxTx)
			stored, err := queries.LockOverride(ctx, db.LockOverrideParams{ProjectID: row.ProjectID, BranchID: row.BranchID, Level: string(config.Environment)})
			if err != nil {
				return err
			}
			tenant := ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}
			document, _, err := toDocument(config.Environment, stored)
			if err != nil {
				return err
			}
			if document, err = s.open(tenant, document); err != nil {
				return err
			}
			sealed, err := s.seal(tenant, document)
			if err != nil {
				return err
			}
			if changed = sealed.String() != document.String(); !changed {
				return nil
			}
			return queries.ReplaceOverride(ctx, db.ReplaceOverrideParams{
				ProjectID: row.ProjectID, BranchID: row.BranchID, Level: string(config.Environment), Document: []byte(sealed.String()),
			})
		})
		if err != nil {
			return written, err
		}
		if changed {
			written++
		}
	}
	return written, nil
}
