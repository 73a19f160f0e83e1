package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"vestibule.dev/deploy/local/devfile"
	"vestibule.dev/pkg/ids"
)

var welcomeText = template.Must(template.New("welcome").Parse(`
vestibule is ready after {{.Took}}.

  API      {{.Dev.BaseURL}}/api/v1
  Docs     {{.Dev.BaseURL}}/docs
  Mailbox  {{.Dev.MailboxURL}}{{if .MailsGoTo}}  (mails go to {{.MailsGoTo}} instead){{end}}
  Data     {{.DataDir}}  (logs/, dev.json with all addresses and keys)

  Project "dev"
    id                      {{.Project.ID}}
    publishable client key  {{.Project.PublishableClientKey}}
    secret server key       {{.Project.SecretServerKey}}
    super secret admin key  {{.Project.SuperSecretAdminKey}}

Sign somebody up:

  curl {{.Dev.BaseURL}}/api/v1/auth/password/sign-up \
    -H 'Content-Type: application/json' \
    -H 'X-Hexclave-Access-Type: client' \
    -H 'X-Hexclave-Project-Id: {{.Project.ID}}' \
    -H 'X-Hexclave-Publishable-Client-Key: {{.Project.PublishableClientKey}}' \
    -d '{"email": "{{.Email}}", "password": "correct horse battery staple"}'

Other backends may call the services by gRPC: addresses and a service
credential are in dev.json; bin/vestibule-dev credential issues narrower ones.

Ctrl-C stops everything; the next start continues with the same data.

`))

// welcome says where everything is and what to try first.
func (s *stack) welcome() {
	var text strings.Builder
	err := welcomeText.Execute(&text, struct {
		Took      time.Duration
		Dev       devfile.File
		Project   devfile.Project
		MailsGoTo string
		DataDir   string
		Email     string
	}{
		Took:      time.Since(s.began).Round(100 * time.Millisecond),
		Dev:       s.dev,
		Project:   s.dev.Projects[projectDev],
		MailsGoTo: hostOf(s.settings.SMTPURL),
		DataDir:   fromHere(s.settings.DataDir),
		// New at every start, so that the command works again and again.
		Email: fmt.Sprintf("ada.%s@example.com", ids.RequestID()[:6]),
	})
	if err != nil {
		panic(err) // the template is constant and so is the type of its data
	}
	s.console.print(text.String())
}

// fromHere shortens a path below the working directory.
func fromHere(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	relative, err := filepath.Rel(here, path)
	if err != nil || strings.HasPrefix(relative, "..") {
		return path
	}
	return relative
}
