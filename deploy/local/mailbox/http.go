package mailbox

import (
	"embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

// NewHandler serves the web page and the API over the mails of store.
func NewHandler(store *Store) http.Handler {
	page, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the embedded directory is there or the build has failed
	}
	h := &handler{store: store}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(page))
	mux.HandleFunc("GET /api/v1/messages", h.list)
	mux.HandleFunc("DELETE /api/v1/messages", h.delete)
	mux.HandleFunc("GET /api/v1/search", h.search)
	mux.HandleFunc("GET /api/v1/message/{id}", h.message)
	mux.HandleFunc("GET /api/v1/message/{id}/headers", h.headers)
	mux.HandleFunc("GET /api/v1/message/{id}/raw", h.raw)
	mux.HandleFunc("GET /view/{file}", h.view)
	return guard(mux)
}

type handler struct {
	store *Store
}

// summary is a mail in a list, as Mailpit writes it.
type summary struct {
	ID          string
	MessageID   string
	Read        bool
	From        Address
	To          []Address
	Cc          []Address
	Bcc         []Address
	ReplyTo     []Address
	Subject     string
	Created     time.Time
	Tags        []string
	Size        int
	Attachments int
	Snippet     string
}

// messages is a page of a list, as Mailpit writes it.
type messages struct {
	Total         int       `json:"total"`          // mails in the mailbox
	Unread        int       `json:"unread"`         // nothing is ever marked as read: equals total
	Count         int       `json:"count"`          // mails in this page
	MessagesCount int       `json:"messages_count"` // mails that match
	Start         int       `json:"start"`
	Tags          []string  `json:"tags"`
	Messages      []summary `json:"messages"`
}

func (h *handler) list(w http.ResponseWriter, r *http.Request) { h.page(w, r, Query{}) }

func (h *handler) search(w http.ResponseWriter, r *http.Request) {
	query := r.FormValue("query")
	if strings.TrimSpace(query) == "" {
		http.Error(w, "the parameter query is missing", http.StatusBadRequest)
		return
	}
	h.page(w, r, ParseQuery(query))
}

const defaultLimit = 50

func (h *handler) page(w http.ResponseWriter, r *http.Request, query Query) {
	start, err := number(r, "start", 0)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	limit, err := number(r, "limit", defaultLimit)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	found := h.store.Find(query)
	first := min(start, len(found))
	last := min(first+min(limit, maxMessages), len(found))
	total := h.store.Len()
	answer := messages{
		Total: total, Unread: total, Count: last - first, MessagesCount: len(found), Start: start,
		Tags: []string{}, Messages: make([]summary, 0, last-first),
	}
	for _, m := range found[first:last] {
		answer.Messages = append(answer.Messages, summary{
			ID: m.ID, MessageID: m.MessageID, From: m.From, To: m.To, Cc: m.Cc, Bcc: m.Bcc, ReplyTo: m.ReplyTo,
			Subject: m.Subject, Created: m.created, Tags: m.Tags, Size: m.Size,
			Attachments: len(m.Attachments), Snippet: m.snippet(),
		})
	}
	writeJSON(w, answer)
}

func number(r *http.Request, name string, fallback int) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, errors.New("the parameter " + name + " must be a number from 0 on")
	}
	return n, nil
}

// delete takes {"IDs": ["…"]}; without a body, or without ids, it deletes all.
func (h *handler) delete(w http.ResponseWriter, r *http.Request) {
	var body struct{ IDs []string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body)
	if err != nil && !errors.Is(err, io.EOF) {
		http.Error(w, "the body must be JSON: "+err.Error(), http.StatusBadRequest)
		return
	}
	h.store.Delete(body.IDs...)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok")
}

func (h *handler) message(w http.ResponseWriter, r *http.Request) {
	if m, ok := h.find(w, r.PathValue("id")); ok {
		writeJSON(w, m)
	}
}

func (h *handler) headers(w http.ResponseWriter, r *http.Request) {
	if m, ok := h.find(w, r.PathValue("id")); ok {
		writeJSON(w, m.headers)
	}
}

func (h *handler) raw(w http.ResponseWriter, r *http.Request) {
	if m, ok := h.find(w, r.PathValue("id")); ok {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(m.source)
	}
}

// viewPolicy lets a mail show its own styles and pictures and lets its links
// open in a new tab. Nothing in it runs and it belongs to no origin.
const viewPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; " +
	"img-src http: https: data:; style-src 'unsafe-inline'; font-src http: https: data:; base-uri 'self'; form-action 'none'"

// view shows the HTML of a mail as a page of its own: /view/{id}.html.
func (h *handler) view(w http.ResponseWriter, r *http.Request) {
	if m, ok := h.find(w, strings.TrimSuffix(r.PathValue("file"), ".html")); ok {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", viewPolicy)
		_, _ = io.WriteString(w, `<!doctype html><base target="_blank">`+m.HTML)
	}
}

func (h *handler) find(w http.ResponseWriter, id string) (*Message, bool) {
	m, ok := h.store.Get(id)
	if !ok {
		http.Error(w, "there is no such message", http.StatusNotFound)
	}
	return m, ok
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a reader that went away is its own affair
}

const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"frame-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard keeps web pages of other origins out. Mails hold codes and links that
// sign people in; a page in the developer's browser could read them by letting
// its own name resolve to the loopback address, so only addresses and
// localhost are names of this server.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localName(r.Host) {
			http.Error(w, "the mailbox answers under localhost or an IP address only", http.StatusForbidden)
			return
		}
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", pagePolicy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

func localName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}
