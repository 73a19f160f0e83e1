package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/test/client"
	"vestibule.dev/test/database"
	"vestibule.dev/test/events"
)

// leaks searches everything the system has left behind for the secrets that
// passed through it: logs at debug level, streams, error bodies and every row
// of every database. Codes from mails count too. Addresses must not be in logs;
// in events they are part of the user's public representation.
func (l *ledger) leaks(ctx context.Context, databases *database.Set) ([]string, error) {
	if err := l.noteMails(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.secrets) < 20 || len(l.emails) < 5 {
		return nil, fmt.Errorf("only %d secrets and %d addresses were seen: the ledger is broken", len(l.secrets), len(l.emails))
	}
	var found []string
	search := func(place string, text []byte, emails bool) {
		for secret, name := range l.secrets {
			if i := bytes.Index(text, []byte(secret)); i >= 0 {
				found = append(found, fmt.Sprintf("%s is in %s: …%s…", name, place, around(text, i)))
			}
		}
		if !emails {
			return
		}
		for email := range l.emails {
			if i := bytes.Index(text, []byte(email)); i >= 0 {
				found = append(found, fmt.Sprintf("an address is in %s: …%s…", place, around(text, i)))
			}
		}
	}

	logs, err := system.Logs()
	if err != nil || len(logs) == 0 {
		return nil, fmt.Errorf("no logs: %w", err)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		search(filepath.Base(path), text, true)
	}

	stream, err := events.Open(system.NATSURL)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	stored, err := stream.Read(ctx)
	if err != nil {
		return nil, err
	}
	for _, event := range stored {
		search("event "+event.Fact(), append(event.Payload, fmt.Sprint(event.Header)...), false)
	}

	for refusal, code := range l.refusals {
		if code == "MULTI_FACTOR_AUTHENTICATION_REQUIRED" {
			continue // issues its attempt code
		}
		search("error body", []byte(refusal), false)
	}

	for _, service := range databases.Services() {
		if err := rows(ctx, databases.Conn(service), func(table string, row []byte) {
			search("table "+service+"."+table, row, false)
		}); err != nil {
			return nil, fmt.Errorf("database %s: %w", service, err)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// rows calls visit with the text of every row, binary columns decoded.
func rows(ctx context.Context, conn *pgx.Conn, visit func(table string, row []byte)) error {
	found, err := conn.Query(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, table := range tables {
		found, err := conn.Query(ctx, "SELECT t::text FROM "+pgx.Identifier{table}.Sanitize()+" t")
		if err != nil {
			return err
		}
		var row string
		if _, err := pgx.ForEachRow(found, []any{&row}, func() error {
			visit(table, decodeBytes([]byte(row)))
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// decodeBytes replaces the hexadecimal form of binary columns with what they
// hold.
func decodeBytes(row []byte) []byte {
	marker := []byte(`\x`)
	var decoded []byte
	for {
		before, after, ok := bytes.Cut(row, marker)
		decoded = append(decoded, before...)
		if !ok {
			return decoded
		}
		n := 0
		for n < len(after) && bytes.IndexByte([]byte("0123456789abcdef"), after[n]) >= 0 {
			n++
		}
		content := make([]byte, n/2)
		if _, err := hex.Decode(content, after[:n/2*2]); err == nil {
			decoded = append(decoded, content...)
		}
		row = after[n:]
	}
}

func around(text []byte, i int) []byte {
	return bytes.ToValidUTF8(text[max(0, i-80):min(len(text), i+40)], nil)
}

// noteMails keeps the codes of all mails.
func (l *ledger) noteMails(ctx context.Context) error {
	mailbox := client.New(system.MailboxURL)
	var list struct {
		Messages []client.Mail `json:"messages"`
	}
	if err := mailbox.Expect(ctx, http.MethodGet, "/api/v1/messages?limit=2000", nil, &list); err != nil {
		return err
	}
	for _, message := range list.Messages {
		var mail client.Mail
		if err := mailbox.Expect(ctx, http.MethodGet, "/api/v1/message/"+message.ID, nil, &mail); err != nil {
			return err
		}
		if code, err := mail.Code(); err == nil {
			l.note("code", code)
		}
	}
	return nil
}
