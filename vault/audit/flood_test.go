package audit_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/audit"
)

func denial(uid uint32) *audit.Record {
	return &audit.Record{Op: "sign", Caller: &audit.Caller{UID: uid, GID: uid}, Decision: audit.Denied, Rule: "symbols"}
}

// denials are how many records of a uid are in full, and how many others they count.
func denials(t testing.TB, dir string, uid uint32) (full, counts int, counted uint64) {
	t.Helper()
	for _, f := range load(t, dir) {
		for _, line := range f.lines {
			e := entry(t, line)
			switch {
			case e.Decision != audit.Denied || e.UID == nil || *e.UID != uid:
			case e.Count > 0:
				counts, counted = counts+1, counted+e.Count
			default:
				full++
			}
		}
	}
	return full, counts, counted
}

// P2
func TestAFloodOfDenialsIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		l := open(t, options(dir))
		const seconds, each = 60, 1000
		for range seconds {
			for range each / 100 {
				for range 100 {
					l.Deny(denial(1001))
				}
				time.Sleep(10 * time.Millisecond)
			}
			l.Deny(denial(1002))
			sign(t, l, 1) // nobody else waits for it
			time.Sleep(time.Second - each/10*time.Millisecond)
		}
		must(t, l.Close())
		full, counts, counted := denials(t, dir, 1001)
		if full != 10*seconds || counts < seconds-5 || counts > seconds+1 || uint64(full)+counted != seconds*each {
			t.Errorf("%d in full and %d in %d records, of %d", full, counted, counts, seconds*each)
		}
		if full, counts, _ := denials(t, dir, 1002); full != seconds || counts != 0 {
			t.Errorf("of another uid %d are in full, %d counts", full, counts)
		}
		info, err := os.Stat(newestSegment(t, dir))
		must(t, err)
		if info.Size() > 1<<20 {
			t.Errorf("the log has %d bytes", info.Size())
		}
		verifies(t, dir, slot{})
	})
}

// P2: whoever has many uids is counted with them together, and loses no denial.
func TestDenialsOfManyUidsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		l := open(t, options(dir))
		const uids, each = 3000, 12
		for uid := range uint32(uids) {
			for range each {
				l.Deny(denial(uid))
			}
			if uid%100 == 0 {
				sign(t, l, 1) // the writer goes on
			}
		}
		time.Sleep(3 * time.Second)
		l.Deny(denial(7)) // the quiet ones have made room
		must(t, l.Close())
		total, lines := uint64(0), 0
		for _, f := range load(t, dir) {
			for _, line := range f.lines {
				if e := entry(t, line); e.Decision == audit.Denied {
					total += max(e.Count, 1)
					lines++
				}
			}
		}
		if total != uids*each+1 || lines > 256*11+12+2 {
			t.Errorf("%d denials in %d records, want %d", total, lines, uids*each+1)
		}
	})
}
