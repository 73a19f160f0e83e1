package mailbox

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestAdd_tooManyMails_dropsTheOldest(t *testing.T) {
	dir := t.TempDir()
	store, err := NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	add := func(subject string) {
		if _, err := store.Add(Envelope{}, []byte("Subject: "+subject+"\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxMessages + 3 {
		add(fmt.Sprint(i))
	}
	if got := store.Len(); got != maxMessages {
		t.Errorf("%d mails, want %d", got, maxMessages)
	}
	kept := store.Find(Query{})
	if first, last := kept[0].Subject, kept[len(kept)-1].Subject; first != fmt.Sprint(maxMessages+2) || last != "3" {
		t.Errorf("from %s to %s", first, last)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != maxMessages {
		t.Errorf("%d files (%v), want %d", len(files), err, maxMessages)
	}
}

func TestAdd_tooMuchMail_dropsTheOldest(t *testing.T) {
	store, err := NewStore("")
	if err != nil {
		t.Fatal(err)
	}
	big := []byte("Subject: big\r\n\r\n" + strings.Repeat("x", maxBytes/4))
	for range 10 {
		if _, err := store.Add(Envelope{}, big); err != nil {
			t.Fatal(err)
		}
	}
	if got := store.Len(); got != 3 {
		t.Errorf("%d mails, want the 3 that fit", got)
	}
}
