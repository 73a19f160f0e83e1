package letter_test

import (
	"errors"
	"strings"
	"testing"

	"vestibule.dev/services/notifications/internal/domain/hxtemplate"
	"vestibule.dev/services/notifications/internal/domain/letter"
)

func TestPlainText_table(t *testing.T) {
	for html, want := range map[string]string{
		"<p>x</p>": "x",
		"<html><head><title>t</title><style>p{}</style></head><body><p>a</p><p>b</p></body></html>": "a\n\nb",
		"a<br>b<br/>c":                                        "a\nb\nc",
		"<p>a  \n b&nbsp;c &amp; &lt;d&gt;</p>":               "a b c & <d>",
		`<a href="https://e.example/?a=1&amp;b=2">Go</a> now`: "Go: https://e.example/?a=1&b=2 now",
		`<a href="https://e.example">https://e.example</a>`:   "https://e.example",
		`<a href="https://e.example">A</a> <a href="https://e.example">B</a> <a href="https://e.example">https://e.example</a>`: "A: https://e.example B",
		`<a href="https://e.example"><img src="x" alt="logo"></a>`:                                                              "https://e.example",
		`<img src="https://e.example/logo.png" alt="logo"><p>x</p>`:                                                             "x",
		`<a href="mailto:a@e.example">a@e.example</a> <a href="#top">up</a>`:                                                    "a@e.example up",
		`<div style="display:none">preview <b>x</b></div><p>x</p>`:                                                              "x",
		`<ul><li>a</li><li>b</li></ul>`:                                                                                         "- a\n- b",
		`<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>`:                                                       "a b\nc",
		`<p>a<b>b</b>c <i> d</i></p>`:                                                                                           "abc d",
		`<p>a</p></div></p><div><div><div>b</div></div></div>`:                                                                  "a\n\nb",
		`<p>never closed <a href="https://e.example">link`:                                                                      "never closed link: https://e.example",
		"<pre>a\n  b</pre>":                   "a\n  b",
		"<script>alert('<p>x</p>')</script>y": "y",
		"":                                    "",
	} {
		if got := letter.PlainText(html); got != want {
			t.Errorf("PlainText(%q) = %q, want %q", html, got, want)
		}
	}
}

// Each built-in says what it must, with each link once in plain text.
func TestRender_builtIns_sayWhatTheyMust(t *testing.T) {
	for key, want := range map[string]string{
		"email_verification": "Verify your email at Analytical Engines",
		"password_reset":     "Reset your password at Analytical Engines",
		"magic_link":         "Sign in to Analytical Engines: Your code is ABC123",
		"team_invitation":    "You have been invited to join Analytical Engines",
		"sign_in_invitation": "You have been invited to sign in at Analytical Engines",
		"payment_receipt":    "Your receipt from Analytical Engines",
		"payment_failed":     "Payment failed for Analytical Engines",
	} {
		template, ok := letter.TemplateByKey(key)
		if !ok {
			t.Fatalf("there is no template %s", key)
		}
		for _, theme := range append([]letter.Theme{{DisplayName: "none"}}, letter.Themes...) {
			got := preview(t, template, theme.Source, nil)
			if got.Subject != want || got.Category != "Transactional" {
				t.Errorf("%s: subject %q, category %q", key, got.Subject, got.Category)
			}
			for name, value := range template.Parsed.Preview {
				if text, ok := value.(string); ok && strings.Count(got.Text, text) == 0 {
					t.Errorf("%s, %s: the text lacks %s", key, theme.DisplayName, name)
				} else if strings.HasPrefix(text, "https://") && strings.Count(got.Text, text) != 1 {
					t.Errorf("%s, %s: the text has the link %d times", key, theme.DisplayName, strings.Count(got.Text, text))
				}
			}
			if strings.Contains(strings.ToLower(got.HTML+got.Text), "unsubscribe") {
				t.Errorf("%s, %s: offers to unsubscribe without a link", key, theme.DisplayName)
			}
			if !strings.Contains(got.HTML, "Hi Ada Lovelace,") {
				t.Errorf("%s, %s: greets nobody", key, theme.DisplayName)
			}
			anonymous := preview(t, template, theme.Source, func(in *letter.Input) { in.UserDisplayName = nil })
			if strings.Contains(anonymous.HTML, "Hi ") {
				t.Errorf("%s, %s: greets somebody without a name", key, theme.DisplayName)
			}
		}
	}
}

func TestRender_optionalValues_leaveNoTrace(t *testing.T) {
	for _, key := range []string{"payment_receipt", "payment_failed"} {
		template, _ := letter.TemplateByKey(key)
		got := preview(t, template, "", func(in *letter.Input) {
			in.Variables = map[string]any{"productName": "Pro", "amount": "$1", "quantity": 3.0}
		})
		if strings.Contains(got.HTML, "<a ") || strings.Contains(got.HTML, "Reason") {
			t.Errorf("%s shows what was not given: %s", key, got.HTML)
		}
	}
}

func TestRender_unsubscribeLink_inBothParts(t *testing.T) {
	const link = "https://api.example.com/unsubscribe-link?code=abc&x=1"
	for _, theme := range letter.Themes {
		got := preview(t, &letter.Templates[0], theme.Source, func(in *letter.Input) { in.UnsubscribeLink = link })
		if !strings.Contains(got.HTML, `href="`+strings.ReplaceAll(link, "&", "&amp;")+`"`) || strings.Count(got.Text, link) != 1 {
			t.Errorf("%s lacks the link", theme.DisplayName)
		}
	}
	withText := preview(t, &letter.Templates[0], letter.Themes[0].Source, func(in *letter.Input) {
		in.UnsubscribeLink = link
		in.Source = "---\nformat: hx-template/1\n---\n<p>x</p>\n--- text\ny\n"
	})
	if withText.Text != "y\n\nUnsubscribe: "+link {
		t.Errorf("the text is %q", withText.Text)
	}
}

func TestRender_raw_isInsertedAsItIs(t *testing.T) {
	got, err := letter.Render(nil, letter.Input{Source: "<p>{{ x }}</p>", Raw: true})
	if err != nil || !strings.Contains(got.HTML, "<p>{{ x }}</p>") || got.Text != "{{ x }}" || got.Subject != "" || got.Category != "" {
		t.Errorf("Render = %+v, %v", got, err)
	}
}

func TestRender_unusableTheme_isTheAuthorsError(t *testing.T) {
	_, err := letter.Render(nil, letter.Input{Source: "x", Raw: true, Theme: "export const Theme = () => null"})
	var authors *hxtemplate.Error
	if !errors.As(err, &authors) {
		t.Errorf("Render = %v", err)
	}
}
