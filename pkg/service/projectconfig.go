package service

import (
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	identityv1 "vestibule.dev/proto/identity/v1"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
)

// FromProto reads a project's configuration as identity hands it out.
func FromProto(tenant ids.Tenant, res *identityv1.GetProjectConfigResponse) (*projectconfig.Config, error) {
	config, err := projectconfig.Parse(res.GetConfig())
	if err != nil {
		return nil, fmt.Errorf("configuration of project %s: %w", tenant.ProjectID, err)
	}
	config.Tenant = tenant
	config.Version = res.GetVersion()
	config.DisplayName = res.GetDisplayName()
	config.Logos = projectconfig.Logos{
		URL:             text(res.GetLogoUrl()),
		FullURL:         text(res.GetLogoFullUrl()),
		DarkModeURL:     text(res.GetLogoDarkModeUrl()),
		FullDarkModeURL: text(res.GetLogoFullDarkModeUrl()),
	}
	return config, nil
}

func text(value *wrapperspb.StringValue) string { return value.GetValue() }
