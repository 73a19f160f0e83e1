package mailbox

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of a store. The oldest mails go first when one is reached.
const (
	maxMessages = 2000
	maxBytes    = 64 << 20
)

// Store keeps mails in memory, newest first, and in files too when it has a
// directory. It may be used by many goroutines.
type Store struct {
	dir string

	mu       sync.RWMutex
	messages []*Message // newest first
	bytes    int
}

// NewStore returns a store. With a directory it begins with the mails that are
// there and writes each new one to a file; an empty dir means memory alone.
func NewStore(dir string) (*Store, error) {
	s := &Store{dir: dir}
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+extension))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		message, err := load(file)
		if err != nil {
			return nil, err
		}
		s.messages = append(s.messages, message)
		s.bytes += message.Size
	}
	slices.SortFunc(s.messages, func(a, b *Message) int {
		return cmp.Or(b.created.Compare(a.created), cmp.Compare(a.ID, b.ID))
	})
	s.forget(s.overflow())
	return s, nil
}

// Add keeps a mail and returns its id.
func (s *Store) Add(envelope Envelope, source []byte) (string, error) {
	id, now := rand.Text(), time.Now()
	source = append(deliveryHeaders(envelope), source...)
	message := parse(id, now, envelope, source)
	if s.dir != "" {
		// One crash may lose the last mails; this is a mailbox for tests.
		if err := os.WriteFile(s.file(id), source, 0o600); err != nil {
			return "", err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = slices.Insert(s.messages, 0, message)
	s.bytes += message.Size
	s.forget(s.overflow())
	return id, nil
}

// Get returns a mail by id; "latest" is the newest one.
func (s *Store) Get(id string) (*Message, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if id == "latest" {
		if len(s.messages) == 0 {
			return nil, false
		}
		return s.messages[0], true
	}
	i := slices.IndexFunc(s.messages, func(m *Message) bool { return m.ID == id })
	if i < 0 {
		return nil, false
	}
	return s.messages[i], true
}

// Find returns the mails that match, newest first.
func (s *Store) Find(q Query) []*Message {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make([]*Message, 0, len(s.messages))
	for _, m := range s.messages {
		if q.Matches(m) {
			found = append(found, m)
		}
	}
	return found
}

// Len is the number of mails.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.messages)
}

// Delete forgets the mails with these ids; none means all.
func (s *Store) Delete(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(func(_ int, m *Message) bool { return len(ids) == 0 || slices.Contains(ids, m.ID) })
}

// overflow selects the oldest mails that are too many or too much.
func (s *Store) overflow() func(int, *Message) bool {
	bytes := 0
	return func(i int, m *Message) bool {
		bytes += m.Size
		return i >= maxMessages || bytes > maxBytes
	}
}

// forget drops the mails that drop selects; it sees them newest first.
func (s *Store) forget(drop func(i int, m *Message) bool) {
	kept := make([]*Message, 0, len(s.messages))
	for i, m := range s.messages {
		if !drop(i, m) {
			kept = append(kept, m)
			continue
		}
		s.bytes -= m.Size
		if s.dir == "" {
			continue
		}
		if err := os.Remove(s.file(m.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			slog.Warn("mailbox: a deleted mail stays on disk", "error", err)
		}
	}
	s.messages = kept
}

const extension = ".eml"

func (s *Store) file(id string) string { return filepath.Join(s.dir, id+extension) }

// deliveryHeaders records the envelope as the last mail server on the way
// does, so that the source says everything there is to know about a mail.
func deliveryHeaders(envelope Envelope) []byte {
	var b strings.Builder
	b.WriteString("Return-Path: <" + envelope.From + ">\r\n")
	for _, recipient := range envelope.To {
		b.WriteString("Delivered-To: " + recipient + "\r\n")
	}
	return []byte(b.String())
}

func load(file string) (*Message, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	headers := textproto.MIMEHeader(rawHeaders(source))
	envelope := Envelope{
		From: strings.Trim(headers.Get("Return-Path"), "<>"),
		To:   headers.Values("Delivered-To"),
	}
	id := strings.TrimSuffix(filepath.Base(file), extension)
	return parse(id, info.ModTime(), envelope, source), nil
}
