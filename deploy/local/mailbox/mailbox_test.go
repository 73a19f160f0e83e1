package mailbox_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule.dev/deploy/local/mailbox"
)

func start(t *testing.T, dir string) *mailbox.Server {
	t.Helper()
	server, err := mailbox.Start(mailbox.Config{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Stop() // fails when the test has stopped it
	})
	return server
}

func send(t *testing.T, server *mailbox.Server, to []string, mail string) {
	t.Helper()
	mail = strings.ReplaceAll(mail, "\n", "\r\n")
	if err := smtp.SendMail(server.SMTPAddr(), nil, "bounce@vestibule.test", to, []byte(mail)); err != nil {
		t.Fatal(err)
	}
}

func plain(to, subject, text string) string {
	return "From: Vestibule <no-reply@vestibule.test>\nTo: " + to + "\nSubject: " + subject + "\n\n" + text + "\n"
}

type address struct{ Name, Address string }

type listing struct {
	Total         int `json:"total"`
	Count         int `json:"count"`
	MessagesCount int `json:"messages_count"`
	Start         int `json:"start"`
	Messages      []struct {
		ID, MessageID, Subject, Snippet string
		From                            address
		To, Bcc                         []address
		Created                         time.Time
		Attachments                     int
	} `json:"messages"`
}

type message struct {
	ID, MessageID, Subject, Text, HTML, ReturnPath string
	From                                           address
	To, Cc, Bcc, ReplyTo                           []address
	Date                                           time.Time
	Attachments                                    []struct{ FileName, ContentType string }
}

func call(t *testing.T, server *mailbox.Server, method, path, body string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

func get[T any](t *testing.T, server *mailbox.Server, path string) T {
	t.Helper()
	status, body := call(t, server, http.MethodGet, path, "")
	var value T
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, status, body)
	}
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatalf("GET %s: %v in %s", path, err, body)
	}
	return value
}

func search(t *testing.T, server *mailbox.Server, query string) []string {
	t.Helper()
	var subjects []string
	for _, m := range get[listing](t, server, "/api/v1/search?query="+url.QueryEscape(query)).Messages {
		subjects = append(subjects, m.Subject)
	}
	return subjects
}

const verification = `From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <no-reply@vestibule.test>
To: Ada Lovelace <ada@example.com>, bob@example.com
Cc: cc@example.com
Reply-To: help@vestibule.test
Subject: =?utf-8?b?QmVzdMOkdGlnZW4=?=
Message-ID: <one@vestibule.test>
Date: Mon, 02 Jan 2023 15:04:05 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Code: 123=
456 =E2=9C=93
--inner
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: base64

PHA+R3L832U8L3A+
--inner--
--outer
Content-Type: text/csv
Content-Disposition: attachment; filename="list.csv"

a,b
--outer--
`

func TestMessage_multipartMail_isTakenApart(t *testing.T) {
	server := start(t, "")
	send(t, server, []string{"ada@example.com", "bob@example.com", "hidden@example.com"}, verification)

	m := get[message](t, server, "/api/v1/message/latest")
	if m.From != (address{"Grüße", "no-reply@vestibule.test"}) || m.Subject != "Bestätigen" {
		t.Errorf("from %v, subject %q", m.From, m.Subject)
	}
	if len(m.To) != 2 || m.To[0] != (address{"Ada Lovelace", "ada@example.com"}) || m.To[1].Address != "bob@example.com" {
		t.Errorf("to %v", m.To)
	}
	if len(m.Bcc) != 1 || m.Bcc[0].Address != "hidden@example.com" {
		t.Errorf("bcc %v, want the recipient that the mail does not name", m.Bcc)
	}
	if m.MessageID != "one@vestibule.test" || m.ReturnPath != "bounce@vestibule.test" || m.Date.Year() != 2023 {
		t.Errorf("message id %q, return path %q, date %v", m.MessageID, m.ReturnPath, m.Date)
	}
	if strings.TrimSpace(m.Text) != "Code: 123456 ✓" || m.HTML != "<p>Grüße</p>" {
		t.Errorf("text %q, html %q", m.Text, m.HTML)
	}
	if len(m.Attachments) != 1 || m.Attachments[0].FileName != "list.csv" || m.Attachments[0].ContentType != "text/csv" {
		t.Errorf("attachments %v", m.Attachments)
	}
	if byID := get[message](t, server, "/api/v1/message/"+m.ID); byID.ID != m.ID {
		t.Errorf("by id: %v", byID)
	}
	_, raw := call(t, server, http.MethodGet, "/api/v1/message/"+m.ID+"/raw", "")
	if !bytes.Contains(raw, []byte("Delivered-To: hidden@example.com\r\n")) || !bytes.Contains(raw, []byte("--inner--")) {
		t.Errorf("source:\n%s", raw)
	}
	if headers := get[http.Header](t, server, "/api/v1/message/latest/headers"); headers.Get("Reply-To") != "help@vestibule.test" {
		t.Errorf("headers %v", headers)
	}
}

func TestMessage_brokenMails_areShownAllTheSame(t *testing.T) {
	for name, mail := range map[string]string{
		"no header":          "just text",
		"no closing border":  "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhalf",
		"unknown encoding":   "Subject: x\nContent-Transfer-Encoding: rot13\n\nuryyb",
		"unknown charset":    "Subject: x\nContent-Type: text/plain; charset=klingon\n\nhello",
		"bad base64":         "Subject: x\nContent-Transfer-Encoding: base64\n\n!!!!",
		"bad address":        "Subject: x\nTo: <<>>\n\nhello",
		"no body and no end": "Subject: x",
	} {
		t.Run(name, func(t *testing.T) {
			server := start(t, "")
			send(t, server, []string{"ada@example.com"}, mail)
			if m := get[message](t, server, "/api/v1/message/latest"); m.Bcc[0].Address != "ada@example.com" {
				t.Errorf("got %+v", m)
			}
		})
	}
}

func TestMessages_pages_newestFirst(t *testing.T) {
	server := start(t, "")
	for i := range 5 {
		send(t, server, []string{"ada@example.com"}, plain("ada@example.com", fmt.Sprintf("mail %d", i), "text"))
	}
	page := get[listing](t, server, "/api/v1/messages?start=1&limit=2")
	if page.Total != 5 || page.MessagesCount != 5 || page.Count != 2 || page.Start != 1 {
		t.Errorf("numbers %+v", page)
	}
	if page.Messages[0].Subject != "mail 3" || page.Messages[1].Subject != "mail 2" || page.Messages[0].Snippet != "text" {
		t.Errorf("messages %+v", page.Messages)
	}
	if beyond := get[listing](t, server, "/api/v1/messages?start=9"); beyond.Messages == nil || len(beyond.Messages) != 0 {
		t.Errorf("beyond the end: %+v", beyond)
	}
	for _, path := range []string{"/api/v1/messages?start=-1", "/api/v1/messages?limit=x", "/api/v1/search?query="} {
		if status, _ := call(t, server, http.MethodGet, path, ""); status != http.StatusBadRequest {
			t.Errorf("GET %s: %d, want 400", path, status)
		}
	}
}

func TestSearch_fieldsAndText_allMustMatch(t *testing.T) {
	server := start(t, "")
	send(t, server, []string{"ada@example.com"}, plain("Ada <ada@example.com>", "Verify your address", "code ABC"))
	send(t, server, []string{"bob@example.com"}, plain("bob@example.com", "Verify your address", "code DEF"))
	send(t, server, []string{"ada@example.com"}, plain("ada@example.com", "Welcome", "hello Bob"))
	for query, want := range map[string]string{
		"to:ada@example.com":                "Welcome,Verify your address",
		"to:ADA@example.com":                "Welcome,Verify your address",
		"to:ada@example.com subject:verify": "Verify your address",
		`subject:"your address" def`:        "Verify your address",
		"from:no-reply@vestibule.test bob":  "Welcome,Verify your address",
		"to:ada@example.com -verify":        "Welcome",
		"-to:ada":                           "Verify your address",
		"nothing":                           "",
		"http://x":                          "",
	} {
		if got := strings.Join(search(t, server, query), ","); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}

func TestDelete_someAndAll(t *testing.T) {
	server := start(t, t.TempDir())
	for i := range 3 {
		send(t, server, []string{"ada@example.com"}, plain("ada@example.com", fmt.Sprint(i), "x"))
	}
	id := get[message](t, server, "/api/v1/message/latest").ID
	if status, body := call(t, server, http.MethodDelete, "/api/v1/messages", `{"IDs":["`+id+`"]}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if status, _ := call(t, server, http.MethodGet, "/api/v1/message/"+id, ""); status != http.StatusNotFound {
		t.Errorf("deleted mail: %d, want 404", status)
	}
	if got := get[listing](t, server, "/api/v1/messages"); got.Total != 2 {
		t.Errorf("%d left, want 2", got.Total)
	}
	call(t, server, http.MethodDelete, "/api/v1/messages", "")
	if got := get[listing](t, server, "/api/v1/messages"); got.Total != 0 {
		t.Errorf("%d left, want none", got.Total)
	}
	if status, _ := call(t, server, http.MethodGet, "/api/v1/message/latest", ""); status != http.StatusNotFound {
		t.Errorf("latest of none: %d, want 404", status)
	}
}

func TestStart_directory_keepsMails(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	send(t, first, []string{"ada@example.com", "hidden@example.com"}, verification)
	before := get[message](t, first, "/api/v1/message/latest")
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	after := get[message](t, start(t, dir), "/api/v1/message/latest")
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("after a restart\n%+v\nbefore\n%+v", after, before)
	}
}

func TestRcpt_provokedFailures_haveTheirCodes(t *testing.T) {
	server := start(t, "")
	for to, want := range map[string]int{"tempfail@example.com": 450, "Reject@anything.test": 554} {
		err := smtp.SendMail(server.SMTPAddr(), nil, "a@vestibule.test", []string{to}, []byte(plain(to, "x", "y")))
		var refused *textproto.Error
		if !errors.As(err, &refused) || refused.Code != want {
			t.Errorf("%s: got %v, want %d", to, err, want)
		}
	}
	if got := get[listing](t, server, "/api/v1/messages"); got.Total != 0 {
		t.Errorf("%d mails kept, want none", got.Total)
	}
}

func TestAuth_anyCredentials_areTaken(t *testing.T) {
	server := start(t, "")
	auth := smtp.PlainAuth("", "user", "password", "127.0.0.1")
	err := smtp.SendMail(server.SMTPAddr(), auth, "a@vestibule.test", []string{"ada@example.com"}, []byte("Subject: x\r\n\r\ny"))
	if err != nil {
		t.Error(err)
	}
}

func TestView_html_runsNothing(t *testing.T) {
	server := start(t, "")
	send(t, server, []string{"ada@example.com"}, "Content-Type: text/html\n\n<script>alert(1)</script><a href=https://x.test>go</a>")
	m := get[message](t, server, "/api/v1/message/latest")
	response, err := http.Get(server.URL() + "/view/" + m.ID + ".html")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox ") || strings.Contains(policy, "allow-scripts") ||
		strings.Contains(policy, "allow-same-origin") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
}

func TestPage_otherHostNames_areRefused(t *testing.T) {
	server := start(t, "")
	for host, want := range map[string]int{
		"":                  http.StatusOK,
		"localhost:1":       http.StatusOK,
		"[::1]:1":           http.StatusOK,
		"attacker.example":  http.StatusForbidden,
		"localhost.example": http.StatusForbidden,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("host %q: %d, want %d", host, response.StatusCode, want)
		}
	}
}
