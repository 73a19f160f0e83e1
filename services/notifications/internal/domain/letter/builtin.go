package letter

import (
	"embed"
	"fmt"

	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
)

//go:embed templates/*.hx themes/*.hx starters/*.hx
var files embed.FS

// What new templates and drafts begin as, and what a theme is tried with.
var (
	StarterTemplate = starter("template")
	StarterDraft    = starter("draft")
	SampleMail      = starter("sample")
)

// Template is a built-in template.
type Template struct {
	ID          string // UUID; empty for a notice
	Key         string // as EnqueueEmail names it
	DisplayName string
	Source      string
	Parsed      *hxtemplate.Template
}

// Theme is a built-in theme.
type Theme struct {
	ID          string // UUID
	DisplayName string
	Source      string
	Parsed      *hxtemplate.Template
}

// DefaultThemeID is the theme of a project that selected none, or one that is
// gone.
const DefaultThemeID = "1df07ae6-abf3-4a40-83a5-a1a2cbe336ac"

// Templates are the built-in templates in the order in which they are listed.
var Templates = []Template{
	template("e7d009ce-8d47-4528-b245-5bf119f2ffa3", "email_verification", "Email Verification"),
	template("a70fb3a4-56c1-4e42-af25-49d25603abd0", "password_reset", "Password Reset"),
	template("822687fe-8d0a-4467-a0d1-416b6e639478", "magic_link", "Magic Link/OTP"),
	template("e84de395-2076-4831-9c19-8e9a96a868e4", "team_invitation", "Team Invitation"),
	template("066dd73c-36da-4fd0-b6d6-ebf87683f8bc", "sign_in_invitation", "Sign In Invitation"),
	template("70372aee-0441-4d80-974c-2e858e40123a", "payment_receipt", "Payment Receipt"),
	template("f64b1afe-27ec-4a28-a277-7178f3261f9a", "payment_failed", "Payment Failed"),
}

// Notices are mails of the platform itself. Projects do not see them among their
// templates, and cannot change what they say. They have no theme.
var Notices = []Template{
	template("ecf75ec7-ada7-4d53-a04f-865f83efa404", "api_key_revoked", "API Key Revoked"),
}

// Themes are the built-in themes in the order in which they are listed.
var Themes = []Theme{
	theme(DefaultThemeID, "light", "Default Light"),
	theme("a0172b5d-cff0-463b-83bb-85124697373a", "dark", "Default Dark"),
	theme("c7e2d94f-8a1b-4e6d-b3f5-9d0a2e7c1b8f", "colorful", "Default Colorful"),
}

// TemplateByKey finds a built-in template or a notice by its key.
func TemplateByKey(key string) (*Template, bool) {
	for _, list := range [][]Template{Templates, Notices} {
		for i := range list {
			if list[i].Key == key {
				return &list[i], true
			}
		}
	}
	return nil, false
}

// TemplateByID finds a built-in template.
func TemplateByID(id string) (*Template, bool) {
	for i := range Templates {
		if Templates[i].ID == id {
			return &Templates[i], true
		}
	}
	return nil, false
}

// ThemeByID finds a built-in theme.
func ThemeByID(id string) (*Theme, bool) {
	for i := range Themes {
		if Themes[i].ID == id {
			return &Themes[i], true
		}
	}
	return nil, false
}

func template(id, key, displayName string) Template {
	source := read("templates/" + key + ".hx")
	parsed, err := hxtemplate.Parse(source)
	if err != nil {
		panic(fmt.Sprintf("letter: template %s: %v", key, err)) // the file is part of the program
	}
	return Template{ID: id, Key: key, DisplayName: displayName, Source: source, Parsed: parsed}
}

func theme(id, file, displayName string) Theme {
	source := read("themes/" + file + ".hx")
	parsed, err := hxtemplate.ParseTheme(source)
	if err != nil {
		panic(fmt.Sprintf("letter: theme %s: %v", file, err)) // the file is part of the program
	}
	return Theme{ID: id, DisplayName: displayName, Source: source, Parsed: parsed}
}

func starter(name string) string {
	source := read("starters/" + name + ".hx")
	if _, err := hxtemplate.Parse(source); err != nil {
		panic(fmt.Sprintf("letter: starter %s: %v", name, err)) // the file is part of the program
	}
	return source
}

func read(name string) string {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded above
	}
	return string(content)
}
