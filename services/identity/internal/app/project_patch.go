package app

import (
	"net/http"
	"slices"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/patch"
	"vestibule.dev/pkg/profileimage"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// ProjectPatch is a partial update of a project (projects.md §5.1).
type ProjectPatch struct {
	DisplayName      patch.Field[string]
	Description      patch.Field[string]
	Logos            [domain.LogoKinds]patch.Field[string]
	IsProductionMode patch.Field[bool]
	OnboardingStatus patch.Field[string]
	// Config is a partial legacy configuration as decoded JSON; nil when
	// absent.
	Config map[string]any
}

// changesFields reports whether the patch concerns the project's own row.
func (p *ProjectPatch) changesFields() bool {
	return p.DisplayName.IsSet() || p.Description.IsSet() || p.IsProductionMode.IsSet() || p.OnboardingStatus.IsSet() ||
		slices.ContainsFunc(p.Logos[:], patch.Field[string].IsSet)
}

// projectUpdate is a checked patch.
type projectUpdate struct {
	fields *ProjectPatch
	// override is what the legacy configuration amounts to.
	override config.Document
	logos    [domain.LogoKinds]patch.Field[string]
	// uploads are the images among the logos.
	uploads []domain.Image
}

// prepareProject checks a patch.
func (a *App) prepareProject(fields *ProjectPatch) (*projectUpdate, error) {
	update := &projectUpdate{fields: fields, logos: fields.Logos}
	var problems []string
	if update.override, problems = config.LegacyPatch(fields.Config, ids.NewUUID); problems != nil {
		return nil, apierr.SchemaError(problems...)
	}
	for kind, logo := range fields.Logos {
		value, ok := logo.Get()
		if !ok {
			continue
		}
		image, err := profileimage.Parse(value)
		if err != nil {
			return nil, err
		}
		if image != nil {
			image.ID = ids.NewUUID()
			update.uploads = append(update.uploads, *image)
			update.logos[kind] = patch.Value(a.imageURL(domain.ProjectLogos, image))
		}
	}
	return update, nil
}

// applyTo sets the fields of the project.
func (u *projectUpdate) applyTo(project *domain.Project) {
	project.DisplayName = u.fields.DisplayName.Or(project.DisplayName)
	project.Description = u.fields.Description.Or(project.Description)
	project.IsProductionMode = u.fields.IsProductionMode.Or(project.IsProductionMode)
	project.OnboardingStatus = u.fields.OnboardingStatus.Or(project.OnboardingStatus)
	for kind, logo := range u.logos {
		project.Logos[kind] = logo.OrPointer(project.Logos[kind])
	}
}

// checkTheme refuses a theme that the configuration does not have.
func (u *projectUpdate) checkTheme(rendered config.Rendered) error {
	theme, named := u.fields.Config["email_theme"]
	if !named {
		return nil
	}
	if id, _ := theme.(string); !rendered.HasTheme(id) {
		return apierr.Text(http.StatusBadRequest, "The e-mail theme named by config.email_theme does not exist.")
	}
	return nil
}

func errConfigurationTooLarge() error {
	return apierr.Text(http.StatusBadRequest, "The three levels of the configuration are too large together.")
}
