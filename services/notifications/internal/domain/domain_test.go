package domain

import (
	"math"
	"testing"
	"time"
)

func TestStatus_firstRuleThatFits_decides(t *testing.T) {
	at := time.Unix(1, 0)
	rendered := Progress{StartedRendering: &at, FinishedRendering: &at}
	queued := rendered
	queued.Queued = true
	sending := queued
	sending.StartedSending = &at
	sent := sending
	sent.FinishedSending = &at
	tracked := sent
	tracked.CanHaveDeliveryInfo = true
	delivered := tracked
	delivered.Delivered = &at
	with := func(p Progress, change func(*Progress)) Progress { change(&p); return p }
	for _, tt := range []struct {
		name   string
		p      Progress
		want   Status
		simple SimpleStatus
	}{
		{"1 paused", with(sent, func(p *Progress) { p.Paused, p.Skipped = true, SkipUserDeleted }), StatusPaused, InProgress},
		{"2 skipped", with(sent, func(p *Progress) { p.Skipped = SkipManuallyCancelled }), StatusSkipped, OK},
		{"3 preparing", Progress{}, StatusPreparing, InProgress},
		{"4 rendering", Progress{StartedRendering: &at}, StatusRendering, InProgress},
		{"5 render error", with(rendered, func(p *Progress) { p.RenderFailed = true }), StatusRenderError, Failed},
		{"6 scheduled", rendered, StatusScheduled, InProgress},
		{"7 queued", queued, StatusQueued, InProgress},
		{"8 sending", sending, StatusSending, InProgress},
		{"9 not confirmed", tracked, StatusSending, InProgress},
		{"10 server error", with(sent, func(p *Progress) { p.ServerFailed = true }), StatusServerError, Failed},
		{"11 untracked", sent, StatusSent, OK},
		{"12 spam", with(delivered, func(p *Progress) { p.MarkedAsSpam, p.Clicked, p.Opened = &at, &at, &at }), StatusMarkedAsSpam, OK},
		{"13 clicked", with(delivered, func(p *Progress) { p.Clicked, p.Opened = &at, &at }), StatusClicked, OK},
		{"14 opened", with(delivered, func(p *Progress) { p.Opened = &at }), StatusOpened, OK},
		{"15 bounced", with(tracked, func(p *Progress) { p.Bounced = &at }), StatusBounced, Failed},
		{"16 delayed", with(tracked, func(p *Progress) { p.DeliveryDelayed = &at }), StatusDeliveryDelayed, OK},
		{"17 delivered", delivered, StatusSent, OK},
	} {
		if got, simple := tt.p.Status(); got != tt.want || simple != tt.simple {
			t.Errorf("%s: status is %s (%s), want %s (%s)", tt.name, got, simple, tt.want, tt.simple)
		}
	}
}

func TestRatePerSecond_table(t *testing.T) {
	for _, tt := range []struct {
		name    string
		stats   DeliveryStats
		boosted bool
		penalty float64
		perHour float64
	}{
		{"new project", DeliveryStats{}, false, 1, 200},
		{"some bounces", DeliveryStats{Month: Deliveries{Sent: 3600}, Week: Deliveries{Sent: 700, Bounced: 7}}, false, 0.99, 217.8},
		{"boosted", DeliveryStats{Month: Deliveries{Sent: 3600}, Week: Deliveries{Sent: 700, Bounced: 7}}, true, 0.99, 217.8 * 4},
		{"one spam report", DeliveryStats{Month: Deliveries{Sent: 1440}, Day: Deliveries{Sent: 100, MarkedAsSpam: 1}}, false, 0.5, 104},
		{"floor", DeliveryStats{Month: Deliveries{Sent: 10}, Day: Deliveries{Sent: 10, Bounced: 9}}, false, 0.1, 50},
	} {
		if got := tt.stats.Penalty(); math.Abs(got-tt.penalty) > 1e-9 {
			t.Errorf("%s: penalty is %v, want %v", tt.name, got, tt.penalty)
		}
		if got := tt.stats.RatePerSecond(200, tt.boosted) * 3600; math.Abs(got-tt.perHour) > 0.01 {
			t.Errorf("%s: rate is %v an hour, want %v", tt.name, got, tt.perHour)
		}
	}
}

func TestStochasticFloor_fraction_isAChance(t *testing.T) {
	for _, tt := range []struct {
		x, u float64
		want int
	}{{0, 0, 0}, {0.25, 0.24, 1}, {0.25, 0.25, 0}, {3, 0, 3}, {3.9, 0.89, 4}, {3.9, 0.95, 3}} {
		if got := StochasticFloor(tt.x, tt.u); got != tt.want {
			t.Errorf("StochasticFloor(%v, %v) = %d, want %d", tt.x, tt.u, got, tt.want)
		}
	}
}

func TestRetrySeconds_means(t *testing.T) {
	for n, want := range map[int]float64{1: 40, 2: 80, 3: 160, 4: 320} {
		if got := RetrySeconds(n, 0.5); got != want {
			t.Errorf("mean wait after attempt %d is %v s, want %v s", n, got, want)
		}
		if low, high := RetrySeconds(n, 0), RetrySeconds(n, 1); low != want/2 || high != want*1.5 {
			t.Errorf("waits after attempt %d are between %v and %v s", n, low, high)
		}
	}
}

func TestAddresses_table(t *testing.T) {
	none, some := &Contact{}, &Contact{PrimaryEmail: "p@example.com"}
	for _, tt := range []struct {
		recipient Recipient
		user      *Contact
		want      string
		skip      SkipReason
	}{
		{NewRecipient("u", nil), some, "p@example.com", ""},
		{NewRecipient("u", nil), none, "", SkipUserHasNoPrimaryEmail},
		{NewRecipient("u", nil), nil, "", SkipUserDeleted},
		{NewRecipient("u", []string{"a@example.com"}), none, "a@example.com", ""},
		{NewRecipient("u", []string{"a@example.com"}), nil, "", SkipUserDeleted},
		{Recipient{Type: UserCustomEmails, UserID: "u"}, some, "p@example.com", ""},
		{Recipient{Type: UserCustomEmails, UserID: "u"}, none, "", SkipNoEmailProvided},
		{NewRecipient("", []string{"a@example.com"}), nil, "a@example.com", ""},
		{NewRecipient("", nil), nil, "", SkipNoEmailProvided},
	} {
		got, skip := tt.recipient.Addresses(tt.user)
		if skip != tt.skip || (tt.want == "") != (len(got) == 0) || len(got) > 0 && got[0] != tt.want {
			t.Errorf("%+v with %+v: %v, %q; want %q, %q", tt.recipient, tt.user, got, skip, tt.want, tt.skip)
		}
	}
}
