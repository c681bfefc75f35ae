package audit_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

// tenDays writes a log of ten days, unlocked on the given ones.
func tenDays(t testing.TB, keep audit.Keep, unlocked ...int) (dir string, s slot, c *clock, l *audit.Log) {
	t.Helper()
	dir, s, c = folder(t), slot{[]byte("one")}, clockAt(day())
	o := options(dir)
	o.Now, o.Keep = c.now, keep
	l = open(t, o)
	for i := range 10 {
		c.set(day().Add(time.Duration(i) * 24 * time.Hour))
		sign(t, l, 3)
		for _, n := range unlocked {
			if n == i {
				unlock(t, l, s)
			}
		}
		sign(t, l, 5)
	}
	return dir, s, c, l
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	names, err := audit.Segments(dir)
	must(t, err)
	return names
}

// P2
func TestOldSegmentsAreRemoved(t *testing.T) {
	t.Parallel()
	var size int64
	{
		dir, _, _, l := tenDays(t, audit.Keep{}, 0)
		must(t, l.Close())
		info, err := os.Stat(filepath.Join(dir, segments(t, dir)[3]))
		must(t, err)
		size = info.Size()
	}
	tests := []struct {
		name     string
		keep     audit.Keep
		unlocked []int
		want     string // the oldest that is left
	}{
		{"none where none is to be", audit.Keep{}, []int{0, 8}, "2026-11-25"},
		{"those of more than an age", audit.Keep{Age: 72 * time.Hour}, []int{0, 8}, "2026-12-01"},
		{"those of more than so many bytes", audit.Keep{Bytes: 4 * size}, []int{0, 8}, "2026-12-02"},
		{"by both", audit.Keep{Age: 48 * time.Hour, Bytes: 9 * size}, []int{0, 8}, "2026-12-02"},
		{"never those since the last unlock", audit.Keep{Age: time.Hour, Bytes: 1}, []int{0, 3}, "2026-11-28"},
		{"never the newest", audit.Keep{Age: time.Hour, Bytes: 1}, []int{0, 9}, "2026-12-04"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, s, c, l := tenDays(t, test.keep, test.unlocked...)
			must(t, l.Retain(c.now()))
			names := segments(t, dir)
			if got := names[0][13:23]; got != test.want {
				t.Errorf("the oldest is of %s, want %s", got, test.want)
			}
			before := l.Synced()
			must(t, l.Retain(c.now()))
			if l.Synced() != before {
				t.Error("what is removed already is removed again")
			}
			known, err := l.Checkpoint()
			must(t, err, l.Close())
			verifies(t, dir, s, known)
		})
	}
}

// P2, A50
func TestSegmentsThatAreRemovedWithoutARecordAreFound(t *testing.T) {
	t.Parallel()
	dir, s, c, l := tenDays(t, audit.Keep{Age: 72 * time.Hour}, 0, 8)
	kept := load(t, dir)
	must(t, l.Retain(c.now()))
	known, err := l.Checkpoint()
	must(t, err, l.Close())
	removed := len(kept) - len(segments(t, dir))
	if removed < 3 {
		t.Fatalf("%d segments were removed", removed)
	}
	// A crash between the record and the removals leaves some: nothing is missing.
	for left := range removed {
		must(t, os.WriteFile(filepath.Join(dir, kept[left].name), nil, 0o600))
	}
	files := load(t, dir)
	copy(files, kept[:removed])
	for left := range removed {
		save(t, dir, files[left:])
		verifies(t, dir, s, known)
	}
	// One more is missing than the record says.
	save(t, dir, files[removed+1:])
	for _, keys := range []audit.Keys{nil, s} {
		found(t, verify(t, dir, keys, known), 1)
	}
}

// P7: the next time removes what the crash has left.
func TestRetentionGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	dir, s, c, l := tenDays(t, audit.Keep{Age: 72 * time.Hour}, 0, 8)
	kept := load(t, dir)
	must(t, l.Retain(c.now()), l.Close())
	after := load(t, dir)
	save(t, dir, append(kept[3:len(kept)-len(after)], after...))
	o := options(dir)
	o.Now, o.Keep = c.now, audit.Keep{Age: 72 * time.Hour}
	l = open(t, o)
	unlock(t, l, s)
	must(t, l.Retain(c.now()))
	if got := len(segments(t, dir)); got != len(after) {
		t.Errorf("%d segments are left, want %d", got, len(after))
	}
	known, err := l.Checkpoint()
	must(t, err, l.Close())
	verifies(t, dir, s, known)
}
