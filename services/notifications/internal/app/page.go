package app

import (
	"strconv"
)

// Page is a part of a list. Its cursor is the number of the first item, as the
// page before told it; empty for the first page.
type Page struct {
	Cursor string
	// Limit is 0 for the default.
	Limit int
}

const defaultPage = 50

// read returns where the page begins. An unknown cursor begins nowhere.
func (p Page) read() (from int64, limit int, ok bool) {
	limit = p.Limit
	if limit == 0 {
		limit = defaultPage
	}
	if p.Cursor == "" {
		return 0, limit, true
	}
	from, err := strconv.ParseInt(p.Cursor, 10, 64)
	return from, limit, err == nil && from > 0
}

// cut splits off the item that tells where the next page begins.
func cut[T any](items []T, limit int, seq func(*T) int64) (page []T, next *string) {
	if len(items) <= limit {
		return items, nil
	}
	cursor := strconv.FormatInt(seq(&items[limit]), 10)
	return items[:limit], &cursor
}
