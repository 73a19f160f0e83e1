package config

// BuiltIn is a theme or template that exists in every project.
type BuiltIn struct {
	ID          string // UUID
	DisplayName string
	// Source is the text to render as tsxSource; it is left out when empty.
	Source string
}

func (b BuiltIn) entry() *object {
	o := obj("displayName", b.DisplayName)
	if b.Source != "" {
		o.set("tsxSource", b.Source)
	}
	return o
}

// BuiltIns are the entries of emails.themes and emails.templates that exist
// without being written, in the order in which they are listed. A project
// overrides one by writing the same id, and a null gives the built-in back.
type BuiltIns struct {
	Themes    []BuiltIn
	Templates []BuiltIn
}

// Ids of the built-in themes.
const (
	ThemeLight    = "1df07ae6-abf3-4a40-83a5-a1a2cbe336ac" // the default
	ThemeDark     = "a0172b5d-cff0-463b-83bb-85124697373a"
	ThemeColorful = "c7e2d94f-8a1b-4e6d-b3f5-9d0a2e7c1b8f"
)

// StandardBuiltIns lists the built-ins by id and name, without source: the
// texts belong to the notifications context, which fills in its own when it
// lists or sends. A caller that has them may set Source.
func StandardBuiltIns() BuiltIns {
	return BuiltIns{
		Themes: []BuiltIn{
			{ID: ThemeLight, DisplayName: "Default Light"},
			{ID: ThemeDark, DisplayName: "Default Dark"},
			{ID: ThemeColorful, DisplayName: "Default Colorful"},
		},
		Templates: []BuiltIn{
			{ID: "e7d009ce-8d47-4528-b245-5bf119f2ffa3", DisplayName: "Email Verification"},
			{ID: "a70fb3a4-56c1-4e42-af25-49d25603abd0", DisplayName: "Password Reset"},
			{ID: "822687fe-8d0a-4467-a0d1-416b6e639478", DisplayName: "Magic Link/OTP"},
			{ID: "e84de395-2076-4831-9c19-8e9a96a868e4", DisplayName: "Team Invitation"},
			{ID: "066dd73c-36da-4fd0-b6d6-ebf87683f8bc", DisplayName: "Sign In Invitation"},
			{ID: "70372aee-0441-4d80-974c-2e858e40123a", DisplayName: "Payment Receipt"},
			{ID: "f64b1afe-27ec-4a28-a277-7178f3261f9a", DisplayName: "Payment Failed"},
		},
	}
}
