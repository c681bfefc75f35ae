package limits

import (
	"math/bits"
	"time"

	"bfxvault/vault/policy"
)

// bucket is a token bucket, kept as the moment at which it will be full again
// (GCRA, ITU-T I.371). Times are nanoseconds of the steady clock.
type bucket struct {
	full int64       // never more than mostDebt from now
	rate policy.Rate // of the last use; its Burst is never 0
}

// Sums of these and of any time before 2180 are none that an int64 cannot hold. A
// bucket that would take longer to fill than mostDebt, which is 73 years and more
// than policy allows, is one that does not take longer.
const (
	mostDebt = 1 << 61
	endless  = 1 << 62
)

// times is how long it takes to earn n tokens, at most endless.
func times(n uint64, interval time.Duration) int64 {
	high, low := bits.Mul64(n, uint64(interval))
	if high > 0 || low > endless {
		return endless
	}
	return int64(low)
}

// adapt takes a changed rate over: the tokens that are out stay out, also where they
// are more than the new rate has, because the next may have more again. A rate that
// is new begins at start, full or empty.
func (b *bucket) adapt(rate *policy.Rate, start, now int64, empty bool) {
	switch {
	case b.rate == *rate:
		return
	case b.rate.Burst == 0:
		b.full = start
		if empty {
			b.full += min(times(uint64(rate.Burst), rate.Interval), mostDebt)
		}
	default:
		b.full = now + min(times(b.out(now), rate.Interval), mostDebt)
	}
	b.rate = *rate
}

// out is how many tokens are not there, a part of one counted whole.
func (b *bucket) out(now int64) uint64 {
	if b.full <= now {
		return 0
	}
	return uint64((b.full-now-1)/int64(b.rate.Interval) + 1)
}

// wait is how long it takes until n tokens are there: 0 if they are. never: there
// is no room for as many.
func (b *bucket) wait(n uint32, now int64) (wait time.Duration, never bool) {
	if n == 0 {
		return 0, false
	}
	room := min(times(uint64(b.rate.Burst), b.rate.Interval), mostDebt)
	need := times(uint64(n), b.rate.Interval)
	if need > room {
		return 0, true
	}
	return time.Duration(max(0, max(0, b.full-now)+need-room)), false
}

// take takes n tokens, for which there was nothing to wait.
func (b *bucket) take(n uint32, now int64) {
	b.full = max(b.full, now) + times(uint64(n), b.rate.Interval)
}
