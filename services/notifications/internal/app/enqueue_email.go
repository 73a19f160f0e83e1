package app

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/notifications/internal/domain"
	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

const (
	maxRecipients = 100
	maxAddress    = 320 // characters, RFC 3696 erratum 1690
	// maxText is how many characters of a value other than a link a mail
	// shows. Names have no upper bound of their own.
	maxText = 1000
)

// BuiltInEmail asks for a mail made from one of the built-in templates.
type BuiltInEmail struct {
	ids.Tenant

	// ID makes asking again harmless.
	ID       string
	Template string // key
	UserID   string
	Emails   []string
	// Variables are texts; those a template declares as numbers are read as
	// such.
	Variables map[string]string
	// Locale is a BCP 47 tag or a list as in Accept-Language; empty for the
	// installation's.
	Locale                  string
	SkipDeliverabilityCheck bool
}

// EnqueueEmail queues one mail. Queueing the same id again changes nothing. It
// fails with SCHEMA_ERROR when no mail could be made of what is asked for.
func (a *App) EnqueueEmail(ctx context.Context, ask BuiltInEmail) error {
	template, variables, err := check(ask)
	if err != nil {
		return err
	}
	config, err := a.Configs.Get(ctx, ask.Tenant, 0)
	if err != nil {
		return err
	}
	source, themeID := a.chooseSource(config, template, ask.Locale)
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.CreateEmail(ctx, domain.NewEmail{
			Tenant:                  ask.Tenant,
			ID:                      ask.ID,
			Source:                  source,
			ThemeID:                 themeID,
			Variables:               variables,
			SkipDeliverabilityCheck: ask.SkipDeliverabilityCheck,
			HighPriority:            true,
			Recipient:               domain.NewRecipient(ask.UserID, ask.Emails),
			CreatedWith:             domain.FromProgrammaticCall,
			TemplateID:              template.ID,
		})
		return err
	})
}

// check finds everything that is wrong with the request.
func check(ask BuiltInEmail) (*letter.Template, map[string]any, error) {
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !ids.ValidUUID(ask.ID) {
		problem("id must be a UUID")
	}
	if ask.ProjectID == "" || ask.BranchID == "" {
		problem("project_id and branch_id must be given")
	}
	if ask.UserID != "" && !ids.ValidUUID(ask.UserID) {
		problem("user_id must be a UUID")
	}
	switch {
	case ask.UserID == "" && len(ask.Emails) == 0:
		problem("a mail needs a user or an address")
	case len(ask.Emails) > maxRecipients:
		problem("a mail has at most %d addresses", maxRecipients)
	}
	for i, email := range ask.Emails {
		if email == "" || len(email) > maxAddress || hxtemplate.SingleLine(email) != email {
			problem("emails[%d] is not an address", i)
		}
	}
	template, ok := letter.TemplateByKey(ask.Template)
	if !ok {
		problem("template %q does not exist", letter.Shorten(ask.Template, 60))
		return nil, nil, apierr.SchemaError(problems...)
	}
	variables := readVariables(template, ask.Variables)
	if err := template.Parsed.CheckVariables(variables); err != nil {
		problem("variables: %s", err)
	}
	if len(problems) > 0 {
		return nil, nil, apierr.SchemaError(problems...)
	}
	return template, variables, nil
}

// readVariables keeps what the template declares, in its types.
func readVariables(template *letter.Template, given map[string]string) map[string]any {
	variables := map[string]any{}
	for _, declared := range template.Parsed.Variables {
		text, ok := given[declared.Name]
		switch {
		case !ok || text == "" && declared.Optional:
		case declared.Kind == hxtemplate.Number:
			number, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
				variables[declared.Name] = text // refused for its type
				continue
			}
			variables[declared.Name] = number
		case strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://"):
			variables[declared.Name] = text
		default:
			variables[declared.Name] = letter.Shorten(text, maxText)
		}
	}
	return variables
}

// chooseSource copies the text of a built-in template as the project has it, or
// else in the language that fits best, and resolves its theme. Projects on the
// shared server cannot change templates, and nobody can change a notice.
func (a *App) chooseSource(config *projectconfig.Config, template *letter.Template, locale string) (source, themeID string) {
	if _, changeable := letter.TemplateByID(template.ID); !changeable {
		return a.Translations.Source(template, cmp.Or(locale, a.cfg.Locale)), ""
	}
	chosen, _ := findTemplate(config, template.ID)
	source = chosen.Source
	if source == template.Source {
		source = a.Translations.Source(template, cmp.Or(locale, a.cfg.Locale))
	}
	return source, resolveTheme(config, chosen.Theme)
}
