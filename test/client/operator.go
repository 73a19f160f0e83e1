package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"vestibule.dev/test/stack"
)

// FreshEmail is an address nobody has used before.
func FreshEmail(name string) string {
	return strings.ToLower(fmt.Sprintf("%s-%s@example.com", name, rand.Text()))
}

// Operator is a signed-in user of project internal with a team that can own
// projects.
type Operator struct {
	Tokens
	Email    string
	Password string
	TeamID   string
	// Client calls project internal as the operator.
	Client *Client

	base string
}

// NewOperator signs an operator up.
func NewOperator(ctx context.Context, base string, internal stack.Project) (Operator, error) {
	o := Operator{Email: FreshEmail("operator"), Password: rand.Text(), base: base}
	visitor := For(base, internal, Public)
	var err error
	if o.Tokens, err = visitor.SignUp(ctx, o.Email, o.Password); err != nil {
		return Operator{}, fmt.Errorf("operator: %w", err)
	}
	o.Client = visitor.SignedIn(o.Tokens)
	// The team is there at once, or comes with the event if there was a hitch.
	err = Poll(ctx, func(ctx context.Context) error {
		var user struct {
			TeamID *string `json:"selected_team_id"`
		}
		if err := o.Client.Expect(ctx, http.MethodGet, "/users/me", nil, &user); err != nil {
			return err
		}
		if user.TeamID == nil {
			return fmt.Errorf("%s has no personal team", o.UserID)
		}
		o.TeamID = *user.TeamID
		return nil
	})
	if err != nil {
		return Operator{}, fmt.Errorf("operator: %w", err)
	}
	return o, nil
}

// Administer calls a project as admin by the operator's own access token,
// without any key.
func (o Operator) Administer(projectID string) *Client {
	return New(o.base).With("Project-Id", projectID).With("Access-Type", string(Admin)).
		With("Admin-Access-Token", o.AccessToken)
}

// NewProject signs an operator up who creates a project.
func NewProject(ctx context.Context, base string, internal stack.Project, name string, config map[string]any) (stack.Project, error) {
	operator, err := NewOperator(ctx, base, internal)
	if err != nil {
		return stack.Project{}, err
	}
	return operator.NewProject(ctx, name, config)
}

// NewProject creates a project with a set of keys. The config is the nested
// form of operator clients; nil means what new projects get.
func (o Operator) NewProject(ctx context.Context, name string, config map[string]any) (stack.Project, error) {
	body := map[string]any{"display_name": name, "owner_team_id": o.TeamID}
	if config != nil {
		body["config"] = config
	}
	var project stack.Project
	if err := o.Client.Expect(ctx, http.MethodPost, "/internal/projects", body, &project); err != nil {
		return stack.Project{}, err
	}
	id := project.ID
	err := o.Administer(id).Expect(ctx, http.MethodPost, "/internal/api-keys", map[string]any{
		"description":                name,
		"expires_at_millis":          time.Now().Add(24 * time.Hour).UnixMilli(),
		"has_publishable_client_key": true,
		"has_secret_server_key":      true,
		"has_super_secret_admin_key": true,
	}, &project)
	project.ID = id // the answer's id is the key set's
	return project, err
}

// Configure applies a document to one of the project's overrides: project,
// branch or environment. Keys may be dotted.
func (c *Client) Configure(ctx context.Context, level string, override map[string]any) error {
	document, err := json.Marshal(override)
	if err != nil {
		return err
	}
	return c.Expect(ctx, http.MethodPatch, "/internal/config/override/"+level,
		map[string]any{"config_override_string": string(document)}, nil)
}
