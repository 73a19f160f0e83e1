package grpcapi

import (
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/domain/config"
)

// clientProject is the representation of a project that its apps see
// (projects.md §4).
func clientProject(project *app.Rendition) *identityv1.Project {
	c := &project.Client
	return &identityv1.Project{
		Id:          project.Project.ID,
		DisplayName: project.Project.DisplayName,
		Config: &identityv1.ProjectConfig{
			SignUpEnabled:             c.SignUpEnabled,
			CredentialEnabled:         c.CredentialEnabled,
			MagicLinkEnabled:          c.MagicLinkEnabled,
			PasskeyEnabled:            c.PasskeyEnabled,
			ClientTeamCreationEnabled: c.ClientTeamCreationEnabled,
			ClientUserDeletionEnabled: c.ClientUserDeletionEnabled,
			AllowUserApiKeys:          c.AllowUserAPIKeys,
			AllowTeamApiKeys:          c.AllowTeamAPIKeys,
			AllowLocalhost:            c.AllowLocalhost,
			EnabledOauthProviders:     providerIDs(c.EnabledOAuthProviders),
			Domains:                   projectDomains(c.Domains),
		},
	}
}

// adminProject is the representation of a project that its operators see
// (projects.md §5.1).
func adminProject(project *domain.ConfiguredProject) (*identityv1.AdminProject, error) {
	legacy, err := adminConfig(project.Render().LegacyAdmin())
	if err != nil {
		return nil, err
	}
	return &identityv1.AdminProject{
		Id:                  project.ID,
		DisplayName:         project.DisplayName,
		Description:         project.Description,
		LogoUrl:             text(project.Logos[domain.Logo]),
		LogoFullUrl:         text(project.Logos[domain.FullLogo]),
		LogoDarkModeUrl:     text(project.Logos[domain.DarkModeLogo]),
		LogoFullDarkModeUrl: text(project.Logos[domain.FullDarkModeLogo]),
		CreatedAtMillis:     millis(project.CreatedAt),
		IsProductionMode:    project.IsProductionMode,
		OwnerTeamId:         text(project.OwnerTeamID),
		OnboardingStatus:    project.OnboardingStatus,
		Config:              legacy,
	}, nil
}

func adminConfig(c config.AdminConfig) (*identityv1.AdminProjectConfig, error) {
	message := &identityv1.AdminProjectConfig{
		SignUpEnabled:                 c.SignUpEnabled,
		CredentialEnabled:             c.CredentialEnabled,
		MagicLinkEnabled:              c.MagicLinkEnabled,
		PasskeyEnabled:                c.PasskeyEnabled,
		OauthAccountMergeStrategy:     c.OAuthAccountMergeStrategy,
		EnabledOauthProviders:         providerIDs(c.EnabledOAuthProviders),
		ClientTeamCreationEnabled:     c.ClientTeamCreationEnabled,
		CreateTeamOnSignUp:            c.CreateTeamOnSignUp,
		ClientUserDeletionEnabled:     c.ClientUserDeletionEnabled,
		AllowLocalhost:                c.AllowLocalhost,
		Domains:                       projectDomains(c.Domains),
		EmailConfig:                   emailConfig(c.EmailConfig),
		EmailTheme:                    c.EmailTheme,
		TeamCreatorDefaultPermissions: permissionIDs(c.TeamCreatorDefaultPermissions),
		TeamMemberDefaultPermissions:  permissionIDs(c.TeamMemberDefaultPermissions),
		UserDefaultPermissions:        permissionIDs(c.UserDefaultPermissions),
		AllowUserApiKeys:              c.AllowUserAPIKeys,
		AllowTeamApiKeys:              c.AllowTeamAPIKeys,
	}
	for _, p := range c.OAuthProviders {
		provider := &identityv1.AdminOAuthProvider{
			ProviderConfigId:  &p.ProviderConfigID,
			Id:                p.ID,
			Type:              p.Type,
			ClientId:          p.ClientID,
			ClientSecret:      p.ClientSecret,
			FacebookConfigId:  p.FacebookConfigID,
			MicrosoftTenantId: p.MicrosoftTenantID,
		}
		if p.AppleBundleIDs != nil {
			bundles := make([]any, 0, len(p.AppleBundleIDs))
			for _, id := range p.AppleBundleIDs {
				bundles = append(bundles, id)
			}
			var err error
			if provider.AppleBundleIds, err = structpb.NewList(bundles); err != nil {
				return nil, err
			}
		}
		message.OauthProviders = append(message.OauthProviders, provider)
	}
	return message, nil
}

func emailConfig(c config.EmailConfig) *identityv1.AdminEmailConfig {
	return &identityv1.AdminEmailConfig{
		Type:        c.Type,
		Host:        c.Host,
		Port:        c.Port,
		Username:    c.Username,
		Password:    c.Password,
		SenderName:  c.SenderName,
		SenderEmail: c.SenderEmail,
	}
}

func providerIDs(providers []config.ProviderID) []*identityv1.OAuthProviderId {
	messages := make([]*identityv1.OAuthProviderId, 0, len(providers))
	for _, provider := range providers {
		messages = append(messages, &identityv1.OAuthProviderId{Id: provider.ID})
	}
	return messages
}

func projectDomains(domains []config.Domain) []*identityv1.ProjectDomain {
	messages := make([]*identityv1.ProjectDomain, 0, len(domains))
	for _, d := range domains {
		messages = append(messages, &identityv1.ProjectDomain{Domain: d.Domain, HandlerPath: d.HandlerPath})
	}
	return messages
}

func permissionIDs(permissions []config.PermissionID) []*identityv1.PermissionId {
	messages := make([]*identityv1.PermissionId, 0, len(permissions))
	for _, permission := range permissions {
		messages = append(messages, &identityv1.PermissionId{Id: permission.ID})
	}
	return messages
}

// text renders a nullable string.
func text(value *string) *wrapperspb.StringValue {
	if value == nil {
		return nil
	}
	return wrapperspb.String(*value)
}

func millis(t time.Time) float64 { return float64(t.UnixMilli()) }
