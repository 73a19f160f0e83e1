package pg

import (
	"context"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/apierr"
)

type boundKey struct{}

// Bound returns a context in which reading more than so many bytes of rows with
// one statement fails, in words for whoever asked. A single row may be longer,
// and transactions read what they need.
//
// How much a list holds is up to those who fill it, such as an application's own
// users. Without a bound, a few of them could take all the memory of a service
// for an answer that is too large to be sent.
func Bound(ctx context.Context, bytes int) context.Context {
	return context.WithValue(ctx, boundKey{}, bytes)
}

// rows gives back what it holds when it is closed, which it is once more was
// read than there may be.
type rows struct {
	pgx.Rows
	release func()
	// bound is how many bytes may be read; 0 for any number.
	bound, bytes int
	read         int
	// abandon closes the connection.
	abandon func()
	err     error
}

func (r *rows) Close() {
	r.Rows.Close()
	if r.release != nil {
		r.release()
		r.release = nil
	}
}

func (r *rows) Next() bool {
	if r.Rows.Next() && r.fits() {
		return true
	}
	r.Close()
	return false
}

// fits counts the row that was read.
func (r *rows) fits() bool {
	if r.bound == 0 {
		return true
	}
	for _, value := range r.RawValues() {
		r.bytes += len(value)
	}
	r.read++
	if r.read == 1 || r.bytes <= r.bound {
		return true
	}
	r.err = apierr.AnswerTooLarge()
	// What is left unread may be many times as much: the connection goes with it.
	r.abandon()
	return false
}

func (r *rows) Err() error {
	if r.err != nil {
		return r.err
	}
	return classify(r.Rows.Err())
}
