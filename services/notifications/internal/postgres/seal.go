package postgres

import (
	"encoding/json"
	"fmt"

	"vestibule.dev/pkg/ids"
)

// letterText is the sealed content of a rendered mail.
type letterText struct {
	Subject string `json:"subject"`
	HTML    string `json:"html"`
	Text    string `json:"text"`
	// UnsubscribeURL opens no account, but changes something.
	UnsubscribeURL string `json:"unsubscribe_url,omitempty"`
}

// seal encrypts a value for one column of one row.
func (s *Store) seal(column string, tenant ids.Tenant, id string, value any) ([]byte, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", column, err)
	}
	return s.box.Seal(plain, "emails", column, tenant.ProjectID, tenant.BranchID, id), nil
}

func (s *Store) open(column string, tenant ids.Tenant, id string, sealed []byte, into any) error {
	plain, err := s.box.Open(sealed, "emails", column, tenant.ProjectID, tenant.BranchID, id)
	if err == nil {
		err = json.Unmarshal(plain, into)
	}
	if err != nil {
		return fmt.Errorf("open %s of mail %s: %w", column, id, err)
	}
	return nil
}
