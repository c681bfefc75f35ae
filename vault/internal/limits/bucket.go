package limits

import (
	"time"

	"bfxvault/vault/policy"
)

// bucket is a token bucket, kept as the moment at which it will be full again
// (GCRA, ITU-T I.371). Times are nanoseconds of the steady clock.
type bucket struct {
	full int64
	rate policy.Rate // of the last use; its Burst is never 0
}

// adapt takes a changed rate over: the tokens that are out stay out. A rate that is
// new begins at start, full or empty.
func (b *bucket) adapt(rate *policy.Rate, start, now int64, empty bool) {
	switch {
	case b.rate == *rate:
		return
	case b.rate.Burst == 0:
		b.full = start
		if empty {
			b.full += int64(rate.Burst) * int64(rate.Interval)
		}
	default:
		b.full = now + int64(min(b.out(now), rate.Burst))*int64(rate.Interval)
	}
	b.rate = *rate
}

// out is how many tokens are not there, a part of one counted whole.
func (b *bucket) out(now int64) uint32 {
	if b.full <= now {
		return 0
	}
	interval := int64(b.rate.Interval)
	return uint32(min((b.full-now+interval-1)/interval, int64(b.rate.Burst)))
}

// wait is how long it takes until n tokens are there: 0 if they are. never: there
// is no room for as many.
func (b *bucket) wait(n uint32, now int64) (wait time.Duration, never bool) {
	if n == 0 {
		return 0, false
	}
	if n > b.rate.Burst {
		return 0, true
	}
	room := int64(b.rate.Burst-n) * int64(b.rate.Interval)
	return time.Duration(max(0, b.full-now-room)), false
}

// take takes n tokens, for which there was nothing to wait.
func (b *bucket) take(n uint32, now int64) {
	b.full = max(b.full, now) + int64(n)*int64(b.rate.Interval)
}
