package letter

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
)

//go:embed translations
var translated embed.FS

// Translations are the built-in templates in other languages than English.
type Translations struct {
	// tags are the languages; English, the first, has no sources.
	tags    []language.Tag
	sources []map[string]string // by key of the template
	matcher language.Matcher
}

// LoadTranslations returns the translations that come with the program and
// those of an operator, which win; more is nil for none.
//
// A directory named after a language (BCP 47), such as pt-BR, holds one file
// for each template it translates, such as magic_link.hx. A translation
// declares the variables of its template.
func LoadTranslations(more fs.FS) (*Translations, error) {
	t := &Translations{tags: []language.Tag{language.English}, sources: []map[string]string{nil}}
	own, err := fs.Sub(translated, "translations")
	if err != nil {
		return nil, err
	}
	for _, files := range []fs.FS{own, more} {
		if files == nil {
			continue
		}
		if err := t.add(files); err != nil {
			return nil, err
		}
	}
	t.matcher = language.NewMatcher(t.tags)
	return t, nil
}

func (t *Translations) add(files fs.FS) error {
	found, err := fs.Glob(files, "*/*.hx")
	if err != nil {
		return err
	}
	for _, name := range found {
		tag, err := language.Parse(path.Dir(name))
		if err != nil {
			return fmt.Errorf("translation %s: %s is no language", name, path.Dir(name))
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		key := strings.TrimSuffix(path.Base(name), ".hx")
		if err := checkTranslation(key, string(content)); err != nil {
			return fmt.Errorf("translation %s: %w", name, err)
		}
		at := slices.Index(t.tags, tag)
		if at < 0 {
			at = len(t.tags)
			t.tags, t.sources = append(t.tags, tag), append(t.sources, map[string]string{})
		}
		if t.sources[at] == nil { // other words for English
			t.sources[at] = map[string]string{}
		}
		t.sources[at][key] = string(content)
	}
	return nil
}

func checkTranslation(key, source string) error {
	template, ok := TemplateByKey(key)
	if !ok {
		return fmt.Errorf("there is no template %s", key)
	}
	parsed, err := hxtemplate.Parse(source)
	switch {
	case err != nil:
		return err
	case !parsed.HasSubject() || parsed.Category != template.Parsed.Category:
		return fmt.Errorf("it must set a subject, and the category %s", template.Parsed.Category)
	case !slices.Equal(parsed.Variables, template.Parsed.Variables):
		return fmt.Errorf("it must declare the variables of the template, in their order")
	}
	return nil
}

// Source is the template in the language that fits best: locale is a BCP 47 tag
// or a list as in the header Accept-Language, and empty for English.
func (t *Translations) Source(template *Template, locale string) string {
	if t == nil || locale == "" {
		return template.Source
	}
	wanted, _, err := language.ParseAcceptLanguage(locale)
	if err != nil || len(wanted) == 0 {
		return template.Source
	}
	_, at, confidence := t.matcher.Match(wanted...)
	if source, ok := t.sources[at][template.Key]; ok && confidence >= language.High {
		return source
	}
	return template.Source
}
