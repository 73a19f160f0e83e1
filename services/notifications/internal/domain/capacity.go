package domain

import "math"

// Sending limits of the platform (notifications.md §5.4, §5.5).
const (
	// MaxSendAttempts is how often the sending of one mail is tried.
	MaxSendAttempts = 5
	// BurstPriority is the priority from which mails may pass the quota.
	BurstPriority = 110

	// BoostFactor is how much faster a boosted tenant sends.
	BoostFactor = 4

	retryBaseSeconds = 20
	spamWeight       = 50
	minPenalty       = 0.1
)

// Deliveries counts what became of a tenant's mails in one window of time.
type Deliveries struct{ Sent, Bounced, MarkedAsSpam int64 }

// DeliveryStats are the windows that end now.
type DeliveryStats struct{ Hour, Day, Week, Month Deliveries }

// penalty lowers the rate of a tenant whose mails come back.
func (d Deliveries) penalty() float64 {
	if d.Sent == 0 {
		return 1
	}
	bad := float64(d.Bounced) + spamWeight*float64(d.MarkedAsSpam)
	return min(max(1-bad/float64(d.Sent), minPenalty), 1)
}

// Penalty is the worst of the hour, the day and the week.
func (s DeliveryStats) Penalty() float64 {
	return min(s.Hour.penalty(), s.Day.penalty(), s.Week.penalty())
}

// RatePerSecond is how many mails a tenant may send, given the capacity per
// hour that every tenant begins with.
func (s DeliveryStats) RatePerSecond(perHour float64, boosted bool) float64 {
	baseline := perHour + 4*float64(s.Month.Sent)/30/24
	rate := max(baseline*s.Penalty(), perHour/4) / 3600
	if boosted {
		rate *= BoostFactor
	}
	return rate
}

// StochasticFloor rounds x down or up so that the mean is x; u is uniform in
// [0, 1).
func StochasticFloor(x, u float64) int {
	floor := math.Floor(x)
	if u < x-floor {
		floor++
	}
	return int(floor)
}

// RetrySeconds is the wait after attempt n, counted from 1; u is uniform in
// [0, 1).
func RetrySeconds(n int, u float64) float64 {
	return (0.5 + u) * retryBaseSeconds * math.Exp2(float64(n))
}
