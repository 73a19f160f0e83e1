package hxtemplate

import "strings"

// kindHTML is the kind of a theme's content.
const kindHTML Kind = "html"

// scope knows which values a template may name.
type scope struct {
	known          map[string]Kind
	loops          int // open {{#each}} blocks
	theme          bool
	placesChildren bool
}

func newScope(variables []Variable, theme bool) *scope {
	known := map[string]Kind{
		"user.displayName":                 String,
		"project.displayName":              String,
		"variables.projectDisplayName":     String,
		"variables.userDisplayName":        String,
		"unsubscribeLink":                  String,
		"projectLogos.logoUrl":             String,
		"projectLogos.logoFullUrl":         String,
		"projectLogos.logoDarkModeUrl":     String,
		"projectLogos.logoFullDarkModeUrl": String,
	}
	for _, v := range variables {
		known["variables."+v.Name] = v.Kind
	}
	if theme {
		known["children"] = kindHTML
	}
	return &scope{known: known, theme: theme}
}

// resolve reads a path and returns the kind of value it leads to; values
// within JSON are JSON.
func (s *scope) resolve(text string, line int) (path, Kind, error) {
	p := path(strings.Split(strings.TrimSpace(text), "."))
	for i, segment := range p {
		if !isIdentifier(segment) && (i == 0 || !isIndex(segment)) {
			return nil, "", failure(line, "{{ %s }} is not a value: only paths such as variables.name, and the blocks #if and #each, are understood", excerpt(text))
		}
	}
	if p[0] == "this" {
		if s.loops == 0 {
			return nil, "", failure(line, "\"this\" has a meaning within {{#each}} only")
		}
		return p, JSON, nil
	}
	for length := len(p); length > 0; length-- {
		kind, ok := s.known[p[:length].String()]
		if !ok {
			continue
		}
		if length < len(p) && kind != JSON {
			return nil, "", failure(line, "%s is a %s and has no parts", p[:length], kind)
		}
		return p, kind, nil
	}
	return nil, "", failure(line, "%s is not declared", excerpt(p.String()))
}

func isIndex(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// excerpt shortens what an error repeats of the source.
func excerpt(s string) string {
	const limit = 60
	runes := []rune(strings.ToValidUTF8(s, "\ufffd"))
	if len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return string(runes)
}
