package hxtemplate

import (
	"errors"
	"strings"
	"testing"
)

const front = "---\nformat: hx-template/1\nsubject: S {{ variables.s }}\ncategory: Marketing\nvariables:\n  s: string\n  n: number?\n  b: boolean?\n  j: json?\npreview:\n  s: sample\n  n: 2\n---\n"

func data(j any) Data {
	name := "Ada <3"
	return Data{
		UserDisplayName: &name, ProjectDisplayName: "P&P",
		Variables: map[string]any{"s": `x"y'<z>&`, "n": 2.0, "b": true, "j": j, "undeclared": "dropped"},
	}
}

func TestRender_values_escapedForTheirPlace(t *testing.T) {
	list := []any{map[string]any{"name": "a<b", "url": "javascript:alert(1)"}, map[string]any{"name": "c", "url": "https://c.example/?a=1&b=2"}}
	for _, tt := range []struct{ source, want string }{
		{`<p>{{ variables.s }}</p>`, `<p>x&#34;y&#39;&lt;z&gt;&amp;</p>`},
		{`<p title="{{variables.s}}">`, `<p title="x&#34;y&#39;&lt;z&gt;&amp;">`},
		{`<p title='{{variables.s}}'>`, `<p title='x&#34;y&#39;&lt;z&gt;&amp;'>`},
		{`<a href="{{ variables.s }}">`, `<a href="#">`},
		{`<a href="https://e.example/{{ variables.s }}?q={{ variables.s }}">`, `<a href="https://e.example/x%22y%27%3Cz%3E&amp;?q=x%22y%27%3Cz%3E%26">`},
		{`<a href="java{{ variables.n }}script:x">`, `<a href="#">`},
		{`<a href="JaVaScRiPt&colon;alert(1)">`, `<a href="#">`},
		{"<a href=\"java\tscript:alert(1)\">", `<a href="#">`},
		{`<a href="data:text/html,x">`, `<a href="#">`},
		{`<a href="/relative">`, `<a href="#">`},
		{`<a href="mailto:a@b.example?subject={{ variables.s }}">`, `<a href="mailto:a@b.example?subject=x%22y%27%3Cz%3E%26">`},
		{`<a href="#top" HREF='vbscript:x'>`, `<a href="#top" HREF='#'>`},
		{`{{#each variables.j}}<a href="{{ this.url }}">{{ this.name }}</a>{{/each}}`,
			`<a href="#">a&lt;b</a><a href="https://c.example/?a=1&amp;b=2">c</a>`},
		{`{{ user.displayName }} {{ project.displayName }} {{ variables.userDisplayName }} {{ variables.projectDisplayName }}`, `Ada &lt;3 P&amp;P Ada &lt;3 P&amp;P`},
		{`{{#if variables.n}}y{{else}}n{{/if}}{{#if unsubscribeLink}}y{{else}}n{{/if}}{{#if variables.j}}y{{else}}n{{/if}}`, `yny`},
		{`<td {{#if variables.b}}class="x"{{/if}}>{{ variables.n }} {{ variables.b }} {{ variables.j.0.name }}{{ variables.j.9.name }}</td>`, `<td class="x">2 true a&lt;b</td>`},
		{`<p class="a{{#if variables.b}} b{{/if}}">`, `<p class="a b">`},
		{`a < b <!-- {x} --> <!DOCTYPE html> <style>p{color:red}</style><script>a<b</script>`, `a < b <!-- {x} --> <!DOCTYPE html> <style>p{color:red}</style><script>a<b</script>`},
		{`<title>{{ variables.s }}</title>`, `<title>x&#34;y&#39;&lt;z&gt;&amp;</title>`},
	} {
		template, err := Parse(front + tt.source)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		out, err := template.Render(nil, data(list))
		if err != nil || out.HTML != tt.want {
			t.Errorf("%s\n renders %s, %v\n want    %s", tt.source, out.HTML, err, tt.want)
		}
		if want := `S x"y'<z>&`; out.Subject != want {
			t.Errorf("subject is %q, want %q", out.Subject, want)
		}
	}
}

func TestParse_unsafeOrUnknown_isRefused(t *testing.T) {
	for _, tt := range []struct{ source, says string }{
		{`<script>{{ variables.s }}</script>`, "script cannot contain"},
		{`<style>{{ variables.s }}</style>`, "style cannot contain"},
		{`<p style="color:{{ variables.s }}">`, "attribute style"},
		{`<p onclick="{{ variables.s }}">`, "attribute onclick"},
		{`<iframe srcdoc="{{ variables.s }}">`, "attribute srcdoc"},
		{`<img srcset="{{ variables.s }}">`, "attribute srcset"},
		{`<meta http-equiv="refresh" content="0;url={{ variables.s }}">`, "attribute content"},
		{`<p {{ variables.s }}>`, "within a tag"},
		{`<{{ variables.s }}>`, "within a tag"},
		{`<p title={{ variables.s }}>`, "must be in quotes"},
		{`<a href=javascript:x>`, "must be in quotes"},
		{`<!-- {{ variables.s }} -->`, "comment"},
		{`<!--> <script>{{ variables.s }}</script>`, "script cannot contain"},
		{`<!-- --!> <script>{{ variables.s }}</script>`, "script cannot contain"},
		{`{{#if variables.b}}<p title="{{else}}<p>{{/if}}x`, "must end where it began"},
		{`<p title="{{#if variables.b}}"{{/if}}>`, "must end where it began"},
		{`<style>{{#if variables.b}}p{}{{/if}}</style>`, "cannot begin here"},
		{`{{ variables.other }}`, "not declared"},
		{`{{ process.env }}`, "not declared"},
		{`{{ variables.s.length }}`, "has no parts"},
		{`{{ user.password }}`, "not declared"},
		{`{{ children }}`, "not declared"},
		{`{{ this }}`, "within {{#each}}"},
		{`{{#each variables.s}}x{{/each}}`, "no list"},
		{`{{ printf "%s" }}`, "is not a value"},
		{`{{> partial }}`, "is not a value"},
		{`{{{ variables.s }}}`, "is not a value"},
		{`{{#if variables.b}}x`, "not closed"},
		{`{{/if}}`, "closes nothing"},
		{`{{#if variables.b}}x{{/each}}`, "not closed"},
		{`{{ variables.s`, "not closed"},
		{`<p title="x`, "ends inside"},
		{strings.Repeat("{{#if variables.b}}", 30) + strings.Repeat("{{/if}}", 30), "nested deeper"},
		{strings.Repeat("x", MaxSource), "larger than"},
	} {
		_, err := Parse(front + tt.source)
		var authors *Error
		if !errors.As(err, &authors) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Parse(%.60q) = %v, want an error that says %q", tt.source, err, tt.says)
		}
	}
}

func TestParse_frontMatter_isChecked(t *testing.T) {
	for _, tt := range []struct{ source, says string }{
		{"export default function Email() {}", "not in the format"},
		{"", "not in the format"},
		{"---\nformat: hx-template/2\n---\n", "must declare"},
		{"---\nformat: hx-template/1\n", "not closed"},
		{"---\nformat: hx-template/1\nscript: x\n---\n", "does not know the key"},
		{"---\nformat: hx-template/1\ncategory: Spam\n---\n", "category"},
		{"---\nformat: hx-template/1\nvariables:\n  a: function\n---\n", "the type of a"},
		{"---\nformat: hx-template/1\nvariables:\n  a b: string\n---\n", "not a name"},
		{"---\nformat: hx-template/1\nvariables:\n  a: string\n  a: number\n---\n", "given twice"},
		{"---\n  a: b\nformat: hx-template/1\n---\n", "belongs to nothing"},
		{"---\nformat hx-template/1\n---\n", "key: value"},
		{"---\nformat: hx-template/1\nsubject: {{ variables.x }}\n---\n", "line 3: variables.x is not declared"},
	} {
		if _, err := Parse(tt.source); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Parse(%q) = %v, want an error that says %q", tt.source, err, tt.says)
		}
	}
	template, err := Parse("\n" + front + "<p>html</p>\n--- text\nplain {{ variables.s }}\n")
	if err != nil {
		t.Fatal(err)
	}
	if template.Category != "Marketing" || template.Preview["s"] != "sample" || template.Preview["n"] != 2.0 || len(template.Variables) != 4 || !template.Variables[1].Optional {
		t.Errorf("front matter is read as %+v", template)
	}
	out, err := template.Render(nil, data(nil))
	if err != nil || !out.HasText || out.Text != "plain x\"y'<z>&\n" || out.HTML != "<p>html</p>\n" {
		t.Errorf("rendered %+v, %v", out, err)
	}
}

func TestRender_variables_checked(t *testing.T) {
	template, err := Parse(front)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		variables map[string]any
		says      string
	}{
		{nil, "s is missing"},
		{map[string]any{"s": 1.0}, "s must be of type string"},
		{map[string]any{"s": "x", "n": "1"}, "n must be of type number"},
		{map[string]any{"s": "x", "b": "true"}, "b must be of type boolean"},
	} {
		if _, err := template.Render(nil, Data{Variables: tt.variables}); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Render with %v: %v, want an error that says %q", tt.variables, err, tt.says)
		}
	}
}

func TestRender_limits_hold(t *testing.T) {
	items := make([]any, 2000)
	for i := range items {
		items[i] = items[:0:0]
	}
	for _, tt := range []struct {
		source string
		j      any
		says   string
	}{
		{`{{#each variables.j}}a{{#if variables.b}}b{{/if}}{{#if variables.b}}b{{/if}}c{{/each}}`, items, "more than 10000 parts"},
		{`{{ variables.j }}`, strings.Repeat("x", MaxOutput+1), "larger than"},
		{`{{ variables.j }}{{ variables.j }}`, strings.Repeat("x", MaxOutput/2+1), "larger than"},
		{`<a href="{{ variables.j }}">`, strings.Repeat("&", MaxOutput/2), "larger than"},
		{`{{ variables.j }}`, map[string]any{}, "is not a text"},
		{`{{#each variables.j}}x{{/each}}`, "text", "no list"},
	} {
		template, err := Parse(front + tt.source)
		if err != nil {
			t.Fatal(err)
		}
		_, err = template.Render(nil, data(tt.j))
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want an error that says %q", tt.source, err, tt.says)
		}
	}
}

func TestParseTheme_children_onceBetweenElements(t *testing.T) {
	const front = "---\nformat: hx-template/1\n---\n"
	for source, says := range map[string]string{
		"<body></body>":                             "must place",
		`<p title="{{ children }}">`:                "between elements",
		"<b>{{ children }}{{ children }}</b>":       "placed once",
		"<textarea>{{ children }}</textarea>":       "between elements",
		"{{#if variables.x}}{{ children }}{{/if}}}": "not declared",
	} {
		if _, err := ParseTheme(front + source); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseTheme(%q) = %v, want an error that says %q", source, err, says)
		}
	}
	theme, err := ParseTheme(front + "<body>{{ children }}</body>")
	if err != nil {
		t.Fatal(err)
	}
	out, err := theme.Render(nil, Data{Children: "<p>{{ variables.x }}</p>"})
	if err != nil || out.HTML != "<body><p>{{ variables.x }}</p></body>" {
		t.Errorf("rendered %q, %v", out.HTML, err)
	}
}

// Whatever the source and the values: no panic, no markup from a value, within
// the limits.
func FuzzRender(f *testing.F) {
	for _, source := range []string{
		front + "<p>{{ variables.s }}</p>", front + `<a href="{{ variables.s }}">{{#if variables.b}}x{{else}}y{{/if}}</a>`,
		front + "{{#each variables.j}}{{ this.a }}{{/each}}", front + "<!-- x --><style>a{}</style>\n--- text\n{{ variables.s }}",
		"---\n---", "export default () => null", front + `<p title='{{ variables.s }}' {{#if variables.n}}class="a"{{/if}}>`,
	} {
		f.Add(source, "value")
		f.Add(source, `"><zzz onload='x'>`+"\r\n\u202e")
	}
	f.Fuzz(func(t *testing.T, source, value string) {
		template, err := Parse(source)
		if err != nil {
			return
		}
		variables := map[string]any{}
		for _, v := range template.Variables {
			switch v.Kind {
			case String:
				variables[v.Name] = value
			case Number:
				variables[v.Name] = float64(len(value))
			case Boolean:
				variables[v.Name] = true
			case JSON:
				variables[v.Name] = []any{value, map[string]any{"a": value}}
			}
		}
		const marker = "<zzz"
		marked := strings.Contains(source, marker)
		for name, v := range variables {
			if text, ok := v.(string); ok {
				variables[name] = text + marker + "\"'>"
			}
		}
		out, err := template.Render(nil, Data{Variables: variables, ProjectDisplayName: value + marker})
		if err != nil {
			return
		}
		if !marked && strings.Contains(out.HTML, marker) {
			t.Errorf("a value became markup: %q", out.HTML)
		}
		if len(out.HTML) > MaxOutput || strings.ContainsAny(out.Subject, "\r\n") {
			t.Errorf("limits are broken: %d bytes, subject %q", len(out.HTML), out.Subject)
		}
	})
}
