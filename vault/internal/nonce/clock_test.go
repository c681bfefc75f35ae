package nonce_test

import (
	"errors"
	"testing"
	"time"

	"bfxvault/vault/internal/nonce"
)

var day = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)

// A44: what the clock says after an hour of boot time, for a wall clock that was
// stepped meanwhile.
func TestAWallClockThatLeapsAheadIsNotFollowed(t *testing.T) {
	for _, tc := range []struct {
		name  string
		step  time.Duration
		want  time.Duration // past the start
		ahead bool
	}{
		{"steady", 0, time.Hour, false},
		{"one microsecond ahead", time.Microsecond, time.Hour + time.Microsecond, false},
		{"a minute ahead, as NTP may correct", time.Minute, time.Hour + time.Minute, false},
		{"just over a minute ahead", time.Minute + time.Microsecond, time.Hour, true},
		{"a year ahead", 365 * 24 * time.Hour, time.Hour, true},
		{"as far as a Duration goes", 1<<63 - 1 - time.Hour, time.Hour, true},
		{"an hour behind", -time.Hour, 0, false},
		{"a year behind", -365 * 24 * time.Hour, time.Hour - 365*24*time.Hour, false},
		{"before 1970", -100 * 365 * 24 * time.Hour, -1 << 63, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wall, boot := day, 5*time.Minute
			c := nonce.NewClock(func() time.Time { return wall }, func() time.Duration { return boot })
			boot += time.Hour
			wall = wall.Add(time.Hour).Add(tc.step)
			got, ahead := c.Now()
			want := nonce.RequestNonce(max(0, day.Add(tc.want).UnixMicro()))
			if tc.want == -1<<63 {
				want = 0
			}
			if got != want || ahead != tc.ahead {
				t.Errorf("got %d, %v, want %d, %v", got, ahead, want, tc.ahead)
			}
		})
	}
}

// A44: while the monotonic clock bears the wall clock out, the time since boot is
// not even asked: a signature shall not wait for a system call.
func TestAnHonestClockIsBelievedWithoutASystemCall(t *testing.T) {
	asked := 0
	c := nonce.NewClock(time.Now, func() time.Duration { asked++; return 0 })
	before := asked
	for range 10 {
		if _, ahead := c.Now(); ahead {
			t.Fatal("an honest clock is said to be ahead")
		}
	}
	if asked != before {
		t.Errorf("the time since boot was asked %d times", asked-before)
	}
}

// A42, A44, DESIGN section 9.
func TestAKeyIsHeldWhenItsMarkOrTheClockCannotBeRight(t *testing.T) {
	const dayLength = 24 * time.Hour
	released := day
	for _, tc := range []struct {
		name string
		mark nonce.RequestNonce
		wall time.Time
		want nonce.Reason
	}{
		{"in daily use", micros(day), day.Add(dayLength), ""},
		{"unlocked again at once, mark ahead of the clock", micros(day.Add(time.Minute)), day, ""},
		{"mark years ahead of the clock", micros(day.Add(5 * 365 * dayLength)), day, ""},
		{"mark at the end of all numbers", nonce.Max, day, ""},
		{"mark beyond all numbers", 1<<64 - 1, day, ""},
		{"unused for 400 days", micros(day), day.Add(400 * dayLength), ""},
		{"unused for more", micros(day), day.Add(400*dayLength + time.Microsecond), nonce.ClockFarAhead},
		{"clock far in the future", micros(day), day.Add(200 * 365 * dayLength), nonce.ClockFarAhead},
		{"at the release date", micros(day), released, ""},
		{"before it", micros(day), released.Add(-1), nonce.ClockBehind},
		{"clock at 1970", micros(day), time.Unix(0, 0), nonce.ClockBehind},
		{"no mark", 0, day, nonce.MarkMissing},
		{"no mark and no clock", 0, time.Time{}, nonce.MarkMissing},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := nonce.CheckMark(tc.mark, tc.wall, released)
			var held *nonce.HeldError
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("held: %v", err)
			case tc.want != "" && (!errors.As(err, &held) || held.Reason != tc.want || held.Mark != tc.mark || held.Error() == ""):
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}
