package config

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sampleIDs are valid ids for every rule that the table names.
var sampleIDs = map[string][]string{
	"id":                  {"a", "B-1", "0"},
	"provider":            {"google", "$mine", "a:b"},
	"permission":          {"read", "x:y"},
	"permissionReference": {"read", "$read_members"},
	"uuid":                {ThemeLight, "70372aee-0441-4d80-974c-2e858e40123a", "11111111-2222-4333-8444-555555555555"},
	"name":                {"n", "$x-y:z"},
}

var plainValues = []any{
	nil, true, false, 0.0, 1.0, -2.5, 465.0, "", "text", "user", "team", "never", "hosted", "google", "reject", "project",
	"include-by-default", "managed", "raise_error", ThemeDark, "when-purchase-expires",
	[]any{1.0, "month"}, []any{0.0, "day"}, []any{}, []any{obj("k", nil)},
}

// drawValue draws a value for n. A valid one is sometimes null, which every
// key accepts.
func drawValue(t *rapid.T, n *node, at levelSet, valid bool, depth int) any {
	if n.container() && (n.typ == nil || rapid.Bool().Draw(t, "container")) && depth < 6 {
		o := &object{}
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			name, child := drawChild(t, n, at, valid)
			if child != nil {
				o.set(name, drawValue(t, child, at, valid, depth+1))
			}
		}
		return o
	}
	fitting := plainValues
	if valid {
		fitting = slices.DeleteFunc(slices.Clone(plainValues), func(v any) bool {
			return v != nil && (n.typ == nil || !n.typ.accepts(v))
		})
	}
	return rapid.SampledFrom(fitting).Draw(t, "value")
}

func drawChild(t *rapid.T, n *node, at levelSet, valid bool) (string, *node) {
	if n.entry != nil {
		var candidates []string
		for rule, samples := range sampleIDs {
			if !valid || idRules[rule].expects == n.ids.expects {
				candidates = append(candidates, samples...)
			}
		}
		slices.Sort(candidates)
		return rapid.SampledFrom(candidates).Draw(t, "id"), n.entry
	}
	names := slices.DeleteFunc(slices.Clone(n.names), func(name string) bool {
		return valid && n.fields[name].levels&at == 0
	})
	if len(names) == 0 {
		return "", nil
	}
	name := rapid.SampledFrom(names).Draw(t, "name")
	return name, n.fields[name]
}

// drawObject draws the root of an override with dotted and nested keys.
func drawObject(t *rapid.T, level Level, valid bool) *object {
	root := &object{}
	for range rapid.IntRange(0, 8).Draw(t, "keys") {
		var path []string
		n := schema
		for range rapid.IntRange(1, 6).Draw(t, "segments") {
			if !n.container() {
				break
			}
			name, child := drawChild(t, n, level.document(), valid)
			if child == nil {
				break
			}
			path, n = append(path, name), child
		}
		root.set(strings.Join(path, "."), drawValue(t, n, level.document(), valid, len(path)))
	}
	return root
}

func drawDocument(t *rapid.T, level Level) Document {
	text := string(appendJSON(nil, drawObject(t, level, true)))
	d, err := ParseDocument(level, text)
	if err != nil {
		t.Fatalf("valid document %s refused: %v", text, err)
	}
	return d
}

var levels = rapid.SampledFrom([]Level{Project, Branch, Environment})

func TestParseDocument_validDocuments_surviveStorage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := levels.Draw(t, "level")
		d := drawDocument(t, level)
		again, dropped, err := LoadDocument(level, d.String())
		if err != nil || len(dropped) > 0 || again.String() != d.String() {
			t.Fatalf("%s loaded as %s, dropped %q, error %v", d, again, dropped, err)
		}
	})
}

func TestParseDocument_anyDocument_isRefusedExactlyWhenLoadingDropsSomething(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := levels.Draw(t, "level")
		text := string(appendJSON(nil, drawObject(t, level, false)))
		_, refused := ParseDocument(level, text)
		loaded, dropped, err := LoadDocument(level, text)
		if err != nil {
			if refused == nil {
				t.Fatalf("%s parses but does not load: %v", text, err)
			}
			return
		}
		if (refused != nil) != (len(dropped) > 0) {
			t.Fatalf("%s: parsing says %v, loading drops %q", text, refused, dropped)
		}
		if _, err := ParseDocument(level, loaded.String()); err != nil {
			t.Fatalf("what was loaded from %s is refused: %v", text, err)
		}
	})
}

func TestApply_anyDocuments_followTheRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDocument(t, Environment), drawDocument(t, Environment)
		want := &object{}
		for _, m := range a.root.all() {
			displaced := slices.ContainsFunc(b.root.all(), func(over member) bool {
				return m.key == over.key || strings.HasPrefix(m.key, over.key+".")
			})
			if !displaced {
				want.set(m.key, m.value)
			}
		}
		for _, m := range b.root.all() {
			want.set(m.key, m.value)
		}
		if got := a.Apply(b).String(); got != (Document{root: want}).String() {
			t.Fatalf("%s over %s = %s, want %s", b, a, got, Document{root: want})
		}
	})
}

func TestApply_threeDocuments_isAssociative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawDocument(t, Environment), drawDocument(t, Environment), drawDocument(t, Environment)
		if left, right := a.Apply(b).Apply(c), a.Apply(b.Apply(c)); left.String() != right.String() {
			t.Fatalf("(%s · %s) · %s\n= %s\n≠ %s", a, b, c, left, right)
		}
	})
}

func TestReset_everyKey_leavesTheDefaults(t *testing.T) {
	defaults := string(Render(Document{}, Document{}, Document{}, StandardBuiltIns()).JSON())
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t, Environment).Reset(schema.names)
		if !d.IsEmpty() || string(Render(Document{}, Document{}, d, StandardBuiltIns()).JSON()) != defaults {
			t.Fatalf("left %s", d)
		}
	})
}

func TestReset_anyKeys_removesThemAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t, Environment)
		var all, kept []string
		for path := range leaves(d) {
			all = append(all, path)
		}
		slices.Sort(all)
		if len(all) == 0 {
			return
		}
		key := rapid.SampledFrom(all).Draw(t, "key")
		segments := strings.Split(key, ".")
		key = strings.Join(segments[:rapid.IntRange(1, len(segments)).Draw(t, "cut")], ".")
		for _, path := range all {
			if path != key && !strings.HasPrefix(path, key+".") {
				kept = append(kept, path)
			}
		}
		after := d.Reset([]string{key})
		got := slices.Sorted(func(yield func(string) bool) {
			for path := range leaves(after) {
				if !yield(path) {
					return
				}
			}
		})
		if !slices.Equal(got, kept) {
			t.Fatalf("reset of %s in %s left %s", key, d, after)
		}
		if _, err := ParseDocument(Environment, after.String()); err != nil {
			t.Fatal(err)
		}
	})
}

// leaves maps the dotted paths of all plain values of a document, and of its
// empty objects, to the number of times each is written.
func leaves(d Document) map[string]int {
	found := map[string]int{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		o, ok := v.(*object)
		if !ok || o.len() == 0 {
			found[path]++
			return
		}
		for _, m := range o.all() {
			walk(path+"."+m.key, m.value)
		}
	}
	for _, m := range d.root.all() {
		walk(m.key, m.value)
	}
	return found
}

func TestRender_anyDocuments_isValidAndStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		project, branch, environment := drawDocument(t, Project), drawDocument(t, Branch), drawDocument(t, Environment)
		r := Render(project, branch, environment, StandardBuiltIns())

		c := checker{at: atProject | atBranch | atEnvironment}
		c.members(schema, r.root)
		if len(c.problems) > 0 {
			t.Fatalf("rendered %s\nbut %q", r.JSON(), c.problems)
		}
		if !json.Valid(r.JSON()) {
			t.Fatalf("not JSON: %s", r.JSON())
		}

		// What was rendered says the same when it is written as overrides.
		upper, lower := &object{}, &object{}
		for _, m := range r.root.all() {
			if schema.fields[m.key].levels == atProject {
				upper.set(m.key, m.value)
			} else {
				lower.set(m.key, m.value)
			}
		}
		again := Render(Document{Project, upper}, Document{}, Document{Environment, lower}, StandardBuiltIns())
		if string(again.JSON()) != string(r.JSON()) {
			t.Fatalf("rendered  %s\nand again %s", r.JSON(), again.JSON())
		}
		if _, err := json.Marshal(r.LegacyAdmin()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRender_switches_dottedAndNestedAreEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dotted, nested := &object{}, &object{}
		for _, r := range rows {
			n := r.typ
			if r.level == Project || strings.Contains(r.path, "<") || !n.accepts(true) || !rapid.Bool().Draw(t, "set") {
				continue
			}
			value := rapid.Bool().Draw(t, "value")
			dotted.set(r.path, value)
			o := nested
			segments := strings.Split(r.path, ".")
			for _, segment := range segments[:len(segments)-1] {
				if !o.has(segment) {
					o.set(segment, &object{})
				}
				o, _ = o.get(segment).(*object)
			}
			o.set(segments[len(segments)-1], value)
		}
		a := Render(Document{}, Document{}, Document{Environment, dotted}, StandardBuiltIns())
		b := Render(Document{}, Document{}, Document{Environment, nested}, StandardBuiltIns())
		if string(a.JSON()) != string(b.JSON()) {
			t.Fatalf("dotted %s\nnested %s", a.JSON(), b.JSON())
		}
	})
}

func TestLegacyPatch_anyJSON_yieldsValidOverridesOrProblems(t *testing.T) {
	fields := []string{
		"sign_up_enabled", "require_email_verification", "oauth_account_merge_strategy", "email_theme", "oauth_providers",
		"domains", "email_config", "user_default_permissions", "unknown",
	}
	inner := []string{"id", "type", "client_id", "client_secret", "domain", "handler_path", "host", "port", "apple_bundle_ids", "x"}
	scalars := []any{nil, true, 1.0, 0.5, "", "google", "shared", "standard", "https://a", "/h", "link_method", ThemeDark}
	drawObject := func(t *rapid.T) any {
		o := map[string]any{}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(inner), rapid.ID[string]).Draw(t, "inner") {
			o[name] = rapid.SampledFrom(append(scalars, []any{"a", 1.0}, []any{map[string]any{}})).Draw(t, "value")
		}
		return o
	}
	rapid.Check(t, func(t *rapid.T) {
		config := map[string]any{}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(fields), rapid.ID[string]).Draw(t, "fields") {
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				config[name] = rapid.SampledFrom(scalars).Draw(t, "value")
			case 1:
				config[name] = drawObject(t)
			default:
				config[name] = []any{drawObject(t), drawObject(t)}
			}
		}
		ids := 0
		d, problems := LegacyPatch(config, func() string { ids++; return strings.Repeat("n", ids) })
		if (len(problems) > 0) != d.IsEmpty() && len(config) > 0 {
			t.Fatalf("%v: %s and %q", config, d, problems)
		}
		if _, err := ParseDocument(Environment, d.String()); err != nil {
			t.Fatalf("%s: %v", d, err)
		}
	})
}

func FuzzParseDocument(f *testing.F) {
	for _, text := range []string{
		`{}`,
		`{"teams":{"allowClientTeamCreation":true},"teams.allowClientTeamCreation":null}`,
		`{"payments.catalogs":{"c":{}},"payments":{"offers":{"p":{"catalogId":"c"}}}}`,
		`{"domains.trustedDomains":[{"baseUrl":"https://a"}],"emails.theme":"x","workflows.a.b":1}`,
		`{"payments.products.p":{"prices":{"a":{"USD":"1"}},"isAddOnTo":{"q":true}},"payments.products.p.prices.a.interval":[1,"day"]}`,
		`{"customDashboards.d":{"a":[1,[{"b":null}]]},"customDashboards.d.c.e":1e308}`,
		"{\"emails.server.host\":\"\\ud800\xff\"}",
		`{"__proto__":{"a":1},"a":NaN,"a":1e999}`,
		`[[[[[[[[`,
	} {
		f.Add(uint8(2), text)
	}
	order := []Level{Project, Branch, Environment}
	f.Fuzz(func(t *testing.T, l uint8, text string) {
		level := order[int(l)%len(order)]
		d, err := ParseDocument(level, text)
		if err != nil {
			return
		}
		again, err := ParseDocument(level, d.String())
		if err != nil || again.String() != d.String() {
			t.Fatalf("%s stored as %s, read as %s, error %v", text, d, again, err)
		}
		var r Rendered
		switch level {
		case Project:
			r = Render(d, Document{}, Document{}, StandardBuiltIns())
		case Branch:
			r = Render(Document{}, d, Document{}, StandardBuiltIns())
		default:
			r = Render(Document{}, Document{}, d, StandardBuiltIns())
		}
		c := checker{at: atProject | atBranch | atEnvironment}
		c.members(schema, r.root)
		if len(c.problems) > 0 || !json.Valid(r.JSON()) {
			t.Fatalf("%s rendered as %s: %q", text, r.JSON(), c.problems)
		}
		r.LegacyAdmin()
		if !d.Reset(schema.names).IsEmpty() {
			t.Fatalf("reset left %s", d.Reset(schema.names))
		}
	})
}
