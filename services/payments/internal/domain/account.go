package domain

import (
	"cmp"
	"slices"
	"time"
)

// Tick is the resolution of stored times.
const Tick = time.Microsecond

// Expiry says when a granted quantity that was not used disappears.
type Expiry string

// Expiries of included items (API contract, payments §1.5).
const (
	ExpiresNever        Expiry = "never"
	ExpiresWithPurchase Expiry = "when-purchase-expires"
	ExpiresWhenRepeated Expiry = "when-repeated"
)

// Stream is what one purchase adds to one item over time.
type Stream struct {
	// PurchaseID names the subscription or one-time purchase.
	PurchaseID string `json:"purchase_id"`
	// Anchor is when the first grant takes place.
	Anchor time.Time `json:"anchor"`
	// Quantity of each grant; a negative one is removed instead.
	Quantity Decimal `json:"quantity"`
	// Every is the distance between grants; nil means there is only one.
	Every   *Interval `json:"every,omitempty"`
	Expires Expiry    `json:"expires"`
	// End is when the purchase ends, which may lie ahead; nil means it is not
	// known to end. Nothing is granted from the end on.
	End *time.Time `json:"end,omitempty"`
	// LastRepeat is the last moment at which a grant may be repeated; nil
	// means there is none. Unlike End it closes nothing.
	LastRepeat *time.Time `json:"last_repeat,omitempty"`
	// Next is the number of the grant that comes next; the first is 0.
	Next int64 `json:"next"`
}

// grant returns when grant k takes place; false means never.
func (s *Stream) grant(k int64) (at time.Time, ok bool) {
	if k == 0 {
		return s.Anchor, true
	}
	if s.Every == nil {
		return time.Time{}, false
	}
	at = s.Every.Times(s.Anchor, k)
	return at, (s.End == nil || at.Before(*s.End)) && (s.LastRepeat == nil || !at.After(*s.LastRepeat))
}

// until returns when what is left of grant k disappears; nil means never.
func (s *Stream) until(k int64) *time.Time {
	switch s.Expires {
	case ExpiresNever:
		return nil
	case ExpiresWhenRepeated:
		if at, ok := s.grant(k + 1); ok {
			return &at
		}
	}
	return s.End
}

// Change is a quantity that was added or removed by hand.
type Change struct {
	At       time.Time
	Quantity Decimal
	// ExpiresAt ends an addition; a removal is for ever.
	ExpiresAt *time.Time
}

// Entry is a quantity that is there until it is used or disappears.
type Entry struct {
	Quantity Decimal `json:"quantity"`
	// Until is when it disappears; nil means never.
	Until *time.Time `json:"until,omitempty"`
}

// Account is how much of an item a customer has, and what will still happen to
// it by itself. It is the fold of everything that happened until AsOf, so its
// size does not depend on the length of the history.
//
// The contract (payments §3) orders consumption by the expiries known at the
// moment of the question. Knowing all expiries beforehand, as an Account does,
// gives the same balance: those that lie after the question cannot have taken
// anything away yet. A purchase whose end or content changes afterwards is
// valued anew from its beginning, by [Fold].
type Account struct {
	AsOf    time.Time `json:"as_of"`
	Open    []Entry   `json:"open,omitempty"`
	Debt    Decimal   `json:"debt"`
	Streams []Stream  `json:"streams,omitempty"`
}

// Fold computes the account at a moment from all its streams, ordered by
// anchor, and all changes.
func Fold(streams []Stream, changes []Change, now time.Time) Account {
	account := Account{Streams: slices.Clone(streams)}
	for i := range account.Streams {
		account.Streams[i].Next = 0
	}
	changes = slices.Clone(changes)
	slices.SortStableFunc(changes, func(a, b Change) int { return a.At.Compare(b.At) })
	account.run(now, changes)
	return account
}

// Balance is the quantity as of AsOf. It may be negative.
func (a *Account) Balance() Decimal {
	balance := a.Debt.Neg()
	for _, entry := range a.Open {
		balance = balance.Add(entry.Quantity)
	}
	return balance
}

// BalanceAt is the quantity at a moment, which is AsOf if that is later. The
// account stays as it is.
func (a *Account) BalanceAt(now time.Time) Decimal {
	later := Account{AsOf: a.AsOf, Open: slices.Clone(a.Open), Debt: a.Debt, Streams: slices.Clone(a.Streams)}
	later.run(now, nil)
	return later.Balance()
}

// Stamp brings the accounts to one moment, at or shortly after now, that lies
// after everything that has happened to them and at which nothing happens by
// itself. What is entered at that moment has its place in the order of events.
func Stamp(now time.Time, accounts ...*Account) time.Time {
	at := now.UTC().Truncate(Tick)
	for _, account := range accounts {
		if !at.After(account.AsOf) {
			at = account.AsOf.Add(Tick)
		}
	}
	for {
		quiet := true
		for _, account := range accounts {
			quiet = !account.run(at, nil).Equal(at) && quiet
		}
		if quiet {
			return at
		}
		at = at.Add(Tick)
	}
}

// Apply enters a change at a stamped moment.
func (a *Account) Apply(change Change) { a.run(change.At, []Change{change}) }

// Start enters the stream of a purchase made at a stamped moment.
func (a *Account) Start(stream Stream) {
	a.Streams = append(a.Streams, stream)
	a.run(stream.Anchor, nil)
}

// run lets everything happen until to, the changes included, and returns the
// moment of the last thing that happened.
func (a *Account) run(to time.Time, changes []Change) (last time.Time) {
	for {
		at, ok := a.next()
		if len(changes) > 0 && (!ok || !changes[0].At.After(at)) {
			at, ok = changes[0].At, true
		}
		if !ok || at.After(to) {
			break
		}
		n := 0
		for n < len(changes) && changes[n].At.Equal(at) {
			n++
		}
		a.step(at, changes[:n])
		changes, last = changes[n:], at
	}
	if a.AsOf.Before(to) {
		a.AsOf = to
	}
	return last
}

// next returns the moment at which something happens next by itself.
func (a *Account) next() (next time.Time, ok bool) {
	consider := func(at time.Time) {
		if !ok || at.Before(next) {
			next, ok = at, true
		}
	}
	for _, entry := range a.Open {
		if entry.Until != nil {
			consider(*entry.Until)
		}
	}
	for i := range a.Streams {
		if at, more := a.Streams[i].grant(a.Streams[i].Next); more {
			consider(at)
		}
	}
	return next, ok
}

// step lets happen what happens at one moment: first what is left of expiring
// entries disappears, then all grants, then all removals.
func (a *Account) step(at time.Time, changes []Change) {
	a.Open = slices.DeleteFunc(a.Open, func(e Entry) bool { return e.Until != nil && !e.Until.After(at) })
	removals := []Decimal(nil)
	enter := func(quantity Decimal, until *time.Time) {
		switch {
		case quantity.Sign() < 0:
			removals = append(removals, quantity.Neg())
		case until == nil || until.After(at):
			a.grant(quantity, until)
		}
	}
	for i := range a.Streams {
		stream := &a.Streams[i]
		if due, ok := stream.grant(stream.Next); ok && due.Equal(at) {
			// A purchase that was over before it began gives and takes nothing.
			if until := stream.until(stream.Next); until == nil || until.After(at) {
				enter(stream.Quantity, until)
			}
			stream.Next++
		}
	}
	a.Streams = slices.DeleteFunc(a.Streams, func(s Stream) bool {
		_, more := s.grant(s.Next)
		return !more
	})
	for _, change := range changes {
		enter(change.Quantity, change.ExpiresAt)
	}
	for _, quantity := range removals {
		a.remove(quantity)
	}
}

// grant pays the debt and keeps the rest. Open stays in the order in which it
// is used up; entries that disappear together are one.
func (a *Account) grant(quantity Decimal, until *time.Time) {
	paid := smaller(a.Debt, quantity)
	a.Debt = a.Debt.Sub(paid)
	if quantity = quantity.Sub(paid); quantity.Sign() == 0 {
		return
	}
	i, found := slices.BinarySearchFunc(a.Open, until, func(e Entry, until *time.Time) int { return compareUntil(e.Until, until) })
	if found {
		a.Open[i].Quantity = a.Open[i].Quantity.Add(quantity)
		return
	}
	a.Open = slices.Insert(a.Open, i, Entry{Quantity: quantity, Until: until})
}

// remove uses up what disappears soonest; what is missing becomes debt.
func (a *Account) remove(quantity Decimal) {
	for i := range a.Open {
		used := smaller(a.Open[i].Quantity, quantity)
		a.Open[i].Quantity = a.Open[i].Quantity.Sub(used)
		quantity = quantity.Sub(used)
	}
	a.Open = slices.DeleteFunc(a.Open, func(e Entry) bool { return e.Quantity.Sign() == 0 })
	a.Debt = a.Debt.Add(quantity)
}

// compareUntil orders expiries; never comes last.
func compareUntil(a, b *time.Time) int {
	if a == nil || b == nil {
		return cmp.Compare(btoi(a == nil), btoi(b == nil))
	}
	return a.Compare(*b)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
