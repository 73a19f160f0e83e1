package domain

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// at reads a moment of the worked examples.
func at(t testing.TB, text string) time.Time {
	t.Helper()
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04Z", "2006-01-02T15:04:05Z"} {
		if moment, err := time.Parse(layout, text); err == nil {
			return moment
		}
	}
	t.Fatalf("%q is no moment", text)
	return time.Time{}
}

// The worked examples of the contract (payments §3.3).
func TestFold_workedExamples(t *testing.T) {
	stream := func(from, until string, quantity int64, every *Interval, expires Expiry) Stream {
		s := Stream{Anchor: at(t, from), Quantity: Int(quantity), Every: every, Expires: expires}
		if until != "" {
			s.End = new(at(t, until))
		}
		return s
	}
	change := func(when string, quantity int64, expires string) Change {
		c := Change{At: at(t, when), Quantity: Int(quantity)}
		if expires != "" {
			c.ExpiresAt = new(at(t, expires))
		}
		return c
	}
	week, month := &Interval{1, "week"}, &Interval{1, "month"}
	for _, tt := range []struct {
		name    string
		streams []Stream
		changes []Change
		want    []string // moment, balance, ...
	}{
		{
			"1 use what expires first", nil,
			[]Change{change("2025-06-01", 20, ""), change("2025-06-01T12:00Z", 15, "2025-06-05"), change("2025-06-03", -18, "")},
			[]string{"2025-06-02", "35", "2025-06-04", "17", "2025-06-05", "17"},
		},
		{
			"2 removals do not expire", nil,
			[]Change{change("2025-06-01", 10, ""), change("2025-06-01", -4, "2025-06-10"), change("2025-06-01", 9, "2025-05-31")},
			[]string{"2025-06-02", "6", "2025-06-20", "6"},
		},
		{
			"3 month end", []Stream{stream("2025-01-31T10:00Z", "", 80, month, ExpiresWhenRepeated)},
			[]Change{change("2025-02-15", -30, ""), change("2025-03-01", -10, "")},
			[]string{
				"2025-01-31T09:59:59Z", "0", "2025-01-31T10:00Z", "80", "2025-02-20", "50", "2025-02-28T10:00Z", "50",
				"2025-03-02T09:59:59Z", "40", "2025-03-02T10:00Z", "80", "2025-04-01T10:00Z", "80",
			},
		},
		{
			"4 daylight saving", []Stream{stream("2025-03-08T07:30Z", "", 5, &Interval{1, "day"}, ExpiresNever)}, nil,
			[]string{"2025-03-09T07:29:59Z", "5", "2025-03-09T07:30Z", "10", "2025-03-10T06:30Z", "10", "2025-03-10T07:30Z", "15"},
		},
		{
			"5 leap", []Stream{stream("2024-02-29", "", 12, &Interval{1, "year"}, ExpiresNever)}, nil,
			[]string{"2025-02-27T23:59:59Z", "12", "2025-02-28", "24", "2026-02-28", "36", "2028-02-27", "48", "2028-02-28", "60"},
		},
		{
			"6 debt", []Stream{stream("2025-05-01", "", 40, week, ExpiresWhenRepeated)},
			[]Change{change("2025-05-03", -65, "")},
			[]string{"2025-05-02", "40", "2025-05-03", "-25", "2025-05-08", "15", "2025-05-15", "40"},
		},
		{
			"7a accumulate", []Stream{stream("2025-05-01", "2025-05-22", 10, week, ExpiresWithPurchase)},
			[]Change{change("2025-05-10", -4, "")},
			[]string{"2025-05-08", "20", "2025-05-10", "16", "2025-05-15", "26", "2025-05-21T23:59:59Z", "26", "2025-05-22", "0"},
		},
		{
			"7b never", []Stream{stream("2025-05-01", "2025-05-22", 10, week, ExpiresNever)},
			[]Change{change("2025-05-10", -4, "")},
			[]string{"2025-05-21T23:59:59Z", "26", "2025-05-22", "26", "2025-06-30", "26"},
		},
		{
			"7c when repeated", []Stream{stream("2025-05-01", "2025-05-22", 10, week, ExpiresWhenRepeated)},
			[]Change{change("2025-05-10", -4, "")},
			[]string{"2025-05-10", "6", "2025-05-15", "10", "2025-05-22", "0"},
		},
		{
			"8 two subscriptions", []Stream{
				stream("2025-07-01", "2025-07-11", 90, nil, ExpiresWithPurchase),
				stream("2025-07-01", "2025-07-31", 150, nil, ExpiresWithPurchase),
			},
			[]Change{change("2025-07-06", -35, "")},
			[]string{"2025-07-05", "240", "2025-07-06", "205", "2025-07-11", "150", "2025-07-31", "0"},
		},
		{
			"9 before the switch", []Stream{stream("2025-08-01", "", 100, month, ExpiresWhenRepeated)},
			[]Change{change("2025-08-05", -60, "")},
			[]string{"2025-08-10", "40"},
		},
		{
			"9 after the switch", []Stream{stream("2025-08-01", "", 500, month, ExpiresWhenRepeated)},
			[]Change{change("2025-08-05", -60, "")},
			[]string{"2025-08-10", "440", "2025-08-31", "500"},
		},
		{
			"10 replacement", []Stream{
				stream("2025-08-01", "2025-08-10", 100, month, ExpiresWhenRepeated),
				stream("2025-08-10", "", 500, month, ExpiresWhenRepeated),
			},
			[]Change{change("2025-08-05", -60, "")},
			[]string{"2025-08-09", "40", "2025-08-10", "500", "2025-09-09", "500"},
		},
		{
			"11 one-time, three pieces", []Stream{stream("2025-01-10", "", 21, &Interval{2, "week"}, ExpiresWhenRepeated)},
			[]Change{change("2025-01-20", -30, "")},
			[]string{"2025-01-10", "21", "2025-01-20", "-9", "2025-01-24", "12", "2025-02-07", "21"},
		},
		{
			"12 tie", []Stream{stream("2025-05-01", "2025-05-08", 10, week, ExpiresNever)}, nil,
			[]string{"2025-05-07", "10", "2025-05-08", "10"},
		},
		{
			"over before it began", []Stream{
				stream("2025-05-08", "2025-05-01", 10, week, ExpiresWithPurchase),
				stream("2025-05-08", "2025-05-08", 20, nil, ExpiresWhenRepeated),
				stream("2025-05-08", "2025-05-01", 40, week, ExpiresNever),
			}, nil,
			[]string{"2025-05-07", "0", "2025-05-08", "40", "2025-06-08", "40"},
		},
		{
			"negative included quantity", []Stream{stream("2025-05-01", "", -3, week, ExpiresNever)},
			[]Change{change("2025-05-01", 5, "")},
			[]string{"2025-05-01", "2", "2025-05-08", "-1"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for pair := range slices.Chunk(tt.want, 2) {
				now := at(t, pair[0])
				account := Fold(tt.streams, tt.changes, now)
				if got := account.Balance().String(); got != pair[1] {
					t.Errorf("balance at %s is %s, want %s", pair[0], got, pair[1])
				}
			}
		})
	}
}

func TestFold_fractions_areExact(t *testing.T) {
	tenth, err := ParseDecimal("0.1")
	if err != nil {
		t.Fatal(err)
	}
	start := at(t, "2025-01-01")
	account := Fold([]Stream{{Anchor: start, Quantity: tenth, Every: &Interval{1, "day"}, Expires: ExpiresNever}}, nil, start.AddDate(0, 0, 2))
	if got := account.Balance().String(); got != "0.3" {
		t.Errorf("three times 0.1 is %s", got)
	}
}

func TestFold_lastRepeat_isTheLast(t *testing.T) {
	start := at(t, "2025-01-01")
	revoked := start.AddDate(0, 0, 7)
	stream := Stream{Anchor: start, Quantity: Int(2), Every: &Interval{1, "week"}, Expires: ExpiresWithPurchase, LastRepeat: &revoked}
	account := Fold([]Stream{stream}, nil, start.AddDate(1, 0, 0))
	if got := account.Balance().String(); got != "4" {
		t.Errorf("balance is %s, want the grants until the revocation, which stay", got)
	}
}

// naive is the text of the contract (payments §3.1, §3.2) taken word by word:
// the events until now, ordered by time, with the expiries known now.
func naive(streams []Stream, changes []Change, now time.Time) Decimal {
	const closing, granting, removing = 0, 1, 2
	type event struct {
		at       time.Time
		kind     int
		quantity Decimal
		until    *time.Time
	}
	var events []event
	add := func(at time.Time, quantity Decimal, until *time.Time) {
		switch {
		case quantity.Sign() < 0:
			events = append(events, event{at, removing, quantity.Neg(), nil})
		case until == nil || until.After(now):
			// Not known to expire.
			events = append(events, event{at, granting, quantity, nil})
		default:
			events = append(events, event{at, granting, quantity, until}, event{*until, closing, Decimal{}, nil})
		}
	}
	for _, s := range streams {
		grants := []time.Time{s.Anchor}
		for k := int64(1); s.Every != nil; k++ {
			when := s.Anchor.Add(time.Duration(k) * time.Duration(s.Every.days()) * 24 * time.Hour)
			if when.After(now) || s.End != nil && !when.Before(*s.End) || s.LastRepeat != nil && when.After(*s.LastRepeat) {
				break
			}
			grants = append(grants, when)
		}
		for i, when := range grants {
			until := s.End
			switch {
			case s.Expires == ExpiresNever:
				until = nil
			case s.Expires == ExpiresWhenRepeated && i+1 < len(grants):
				until = &grants[i+1]
			}
			if when.After(now) || until != nil && !until.After(when) {
				continue
			}
			add(when, s.Quantity, until)
		}
	}
	for _, c := range changes {
		if !c.At.After(now) && (c.Quantity.Sign() < 0 || c.ExpiresAt == nil || c.ExpiresAt.After(c.At)) {
			add(c.At, c.Quantity, c.ExpiresAt)
		}
	}
	slices.SortStableFunc(events, func(a, b event) int {
		if a.at.Equal(b.at) {
			return a.kind - b.kind
		}
		return a.at.Compare(b.at)
	})
	var open []event
	debt := Decimal{}
	for _, e := range events {
		switch e.kind {
		case closing:
			open = slices.DeleteFunc(open, func(o event) bool { return o.until != nil && !o.until.After(e.at) })
		case granting:
			pay := smaller(debt, e.quantity)
			debt = debt.Sub(pay)
			open = append(open, event{quantity: e.quantity.Sub(pay), until: e.until})
		case removing:
			slices.SortStableFunc(open, func(a, b event) int { return compareUntil(a.until, b.until) })
			rest := e.quantity
			for i := range open {
				used := smaller(open[i].quantity, rest)
				open[i].quantity, rest = open[i].quantity.Sub(used), rest.Sub(used)
			}
			debt = debt.Add(rest)
		}
	}
	balance := debt.Neg()
	for _, o := range open {
		balance = balance.Add(o.quantity)
	}
	return balance
}

// moments returns a generator on a grid of six hours, so that ties happen.
func moments(start time.Time) *rapid.Generator[time.Time] {
	return rapid.Map(rapid.IntRange(0, 240), func(n int) time.Time { return start.Add(time.Duration(n) * 6 * time.Hour) })
}

func optionalOf[T any](g *rapid.Generator[T]) *rapid.Generator[*T] { return rapid.Ptr(g, true) }

func streamsOf(start time.Time) *rapid.Generator[Stream] {
	return rapid.Custom(func(t *rapid.T) Stream {
		stream := Stream{
			Anchor:   moments(start).Draw(t, "anchor"),
			Quantity: Int(rapid.Int64Range(-5, 20).Draw(t, "quantity")),
			Expires:  rapid.SampledFrom([]Expiry{ExpiresNever, ExpiresWithPurchase, ExpiresWhenRepeated}).Draw(t, "expires"),
			Every: optionalOf(rapid.Custom(func(t *rapid.T) Interval {
				return Interval{rapid.Int64Range(1, 5).Draw(t, "count"), rapid.SampledFrom(intervalUnits[:2]).Draw(t, "unit")}
			})).Draw(t, "every"),
		}
		if rapid.Bool().Draw(t, "subscription") {
			stream.End = optionalOf(moments(start)).Draw(t, "end")
		} else {
			stream.LastRepeat = optionalOf(moments(start)).Draw(t, "last repeat")
		}
		return stream
	})
}

func changesOf(start time.Time) *rapid.Generator[Change] {
	return rapid.Custom(func(t *rapid.T) Change {
		return Change{
			At:        moments(start).Draw(t, "at"),
			Quantity:  Int(rapid.Int64Range(-20, 20).Draw(t, "quantity")),
			ExpiresAt: optionalOf(moments(start)).Draw(t, "expires"),
		}
	})
}

// Whatever happened, the fold that knows all expiries beforehand says what the
// naive reading of the contract says, at every moment.
func TestFold_random_equalsNaiveModel(t *testing.T) {
	start := at(t, "2025-01-01")
	rapid.Check(t, func(t *rapid.T) {
		streams := rapid.SliceOfN(streamsOf(start), 0, 4).Draw(t, "streams")
		slices.SortStableFunc(streams, func(a, b Stream) int { return a.Anchor.Compare(b.Anchor) })
		// Grants at one moment share a debt in an order the contract leaves
		// open; one change at a time keeps to what it says.
		changes := rapid.SliceOfNDistinct(changesOf(start), 0, 12, func(c Change) time.Time { return c.At }).Draw(t, "changes")
		for day := range 70 {
			now := start.AddDate(0, 0, day)
			account := Fold(streams, changes, now)
			if got, want := account.Balance(), naive(streams, changes, now); got.Cmp(want) != 0 {
				t.Fatalf("balance at %s is %s, want %s", now, got, want)
			}
		}
	})
}

// An account that is kept and continued equals one folded from everything:
// purchases and changes come in one by one, some questions between them, and
// the account is written down and read again every time.
func TestAccount_continued_equalsFold(t *testing.T) {
	start := at(t, "2025-01-01")
	rapid.Check(t, func(t *rapid.T) {
		var (
			kept    Account
			streams []Stream
			changes []Change
			now     = start
		)
		for i := range rapid.IntRange(1, 25).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "hours")) * time.Hour)
			stamped := Stamp(now, &kept)
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				stream := streamsOf(start).Draw(t, "stream")
				stream.Anchor, stream.PurchaseID = stamped, fmt.Sprint(i)
				streams = append(streams, stream)
				kept.Start(stream)
			case 1:
				if len(streams) > 0 { // a purchase ends
					streams[rapid.IntRange(0, len(streams)-1).Draw(t, "which")].End = &stamped
					kept = Fold(streams, changes, stamped)
				}
			default:
				change := changesOf(start).Draw(t, "change")
				change.At = stamped
				changes = append(changes, change)
				kept.Apply(change)
			}
			text, err := json.Marshal(kept)
			if err != nil {
				t.Fatal(err)
			}
			kept = Account{}
			if err := json.Unmarshal(text, &kept); err != nil {
				t.Fatal(err)
			}
			for _, later := range []time.Duration{0, time.Hour, 80 * 24 * time.Hour} {
				asked := now.Add(later)
				if asked.Before(stamped) {
					asked = stamped
				}
				folded := Fold(streams, changes, asked)
				if got, want := kept.BalanceAt(asked), folded.Balance(); got.Cmp(want) != 0 {
					t.Fatalf("balance at %s is %s, want %s", asked, got, want)
				}
			}
		}
	})
}
