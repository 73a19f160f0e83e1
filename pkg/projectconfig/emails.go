package projectconfig

import (
	"encoding/json"
	"errors"

	"vestibule.dev/pkg/secret"
)

// Emails says how mail looks and which server sends it.
type Emails struct {
	Server          EmailServer              `json:"server"`
	SelectedThemeID string                   `json:"selectedThemeId"`
	Themes          map[string]EmailTheme    `json:"themes"`
	Templates       map[string]EmailTemplate `json:"templates"`
}

// EmailServer is the project's mail server. With IsShared, the installation's
// own is used and the other fields do not count.
type EmailServer struct {
	IsShared bool `json:"isShared"`
	// Provider is smtp, resend or managed.
	Provider               string        `json:"provider"`
	Host                   string        `json:"host"`
	Port                   int           `json:"port"`
	Username               string        `json:"username"`
	Password               secret.Secret `json:"password"`
	SenderName             string        `json:"senderName"`
	SenderEmail            string        `json:"senderEmail"`
	ManagedSubdomain       string        `json:"managedSubdomain"`
	ManagedSenderLocalPart string        `json:"managedSenderLocalPart"`
}

// EmailTheme is the frame around the content of mails.
type EmailTheme struct {
	DisplayName string `json:"displayName"`
	TSXSource   string `json:"tsxSource"`
}

// EmailTemplate is the content of one kind of mail.
type EmailTemplate struct {
	DisplayName string      `json:"displayName"`
	TSXSource   string      `json:"tsxSource"`
	Theme       ThemeChoice `json:"themeId"`
}

// ThemeChoice is the theme of a template. The zero value means the theme the
// project has selected.
type ThemeChoice struct {
	// None means no theme at all.
	None bool
	// ID names a theme; empty unless the template chose one.
	ID string
}

// UnmarshalJSON reads a theme id, false for no theme, or null for the project's.
func (c *ThemeChoice) UnmarshalJSON(data []byte) error {
	*c = ThemeChoice{}
	switch string(data) {
	case "null":
		return nil
	case "false":
		c.None = true
		return nil
	}
	if err := json.Unmarshal(data, &c.ID); err != nil {
		return errors.New("themeId is neither an id, false nor null")
	}
	return nil
}
