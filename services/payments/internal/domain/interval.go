package domain

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Interval is a count of days, weeks, months or years.
type Interval struct {
	Count int64
	// Unit is one of day, week, month and year.
	Unit string
}

var intervalUnits = []string{"day", "week", "month", "year"}

var errInterval = errors.New("must be [count, unit] with a count of at least 1 and a unit of day, week, month or year")

// UnmarshalJSON reads [count, unit]. A count of zero is refused, because what
// repeats without distance never ends.
func (i *Interval) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if json.Unmarshal(data, &parts) != nil || len(parts) != 2 ||
		json.Unmarshal(parts[0], &i.Count) != nil || json.Unmarshal(parts[1], &i.Unit) != nil ||
		i.Count < 1 || !slices.Contains(intervalUnits, i.Unit) {
		return errInterval
	}
	return nil
}

// MarshalJSON writes [count, unit].
func (i Interval) MarshalJSON() ([]byte, error) { return json.Marshal([]any{i.Count, i.Unit}) }

// farthest bounds how far intervals reach: no later moment can be told to
// callers.
var farthest = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// maxUnits is more of any unit than fits before farthest.
const maxUnits = 4_000_000

// After returns the moment one interval after t on the calendar, in UTC, with
// overflow: one month after January 31st is March 2nd or 3rd. Billing periods
// are counted this way.
func (i Interval) After(t time.Time) time.Time {
	n := int(min(i.Count, maxUnits))
	t = t.UTC()
	switch i.Unit {
	case "day":
		t = t.AddDate(0, 0, n)
	case "week":
		t = t.AddDate(0, 0, 7*n)
	case "month":
		t = t.AddDate(0, n, 0)
	case "year":
		t = t.AddDate(n, 0, 0)
	}
	return earlier(t, farthest)
}

// days is the fixed length that items repeat at: a month is 30 days and a year
// 365.
func (i Interval) days() int64 {
	length := map[string]int64{"day": 1, "week": 7, "month": 30, "year": 365}[i.Unit]
	return length * min(i.Count, maxUnits)
}

// Times returns the moment k fixed lengths after t.
func (i Interval) Times(t time.Time, k int64) time.Time {
	days := i.days()
	if k > maxUnits/days+1 {
		return farthest
	}
	// In UTC every day has 24 hours.
	return earlier(t.UTC().AddDate(0, 0, int(days*k)), farthest)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
