package audit_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

// P2, P7: callers, operators, floods, days that turn, checkpoints and readers at once, and
// an end in the middle of it: what was acknowledged stands, and every look at the log
// finds nothing wrong.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	for range 3 {
		dir, s, c := folder(t), slot{[]byte("one")}, clockAt(day())
		o := options(dir)
		o.Now = c.now
		l := open(t, o)
		unlock(t, l, s)

		var mu sync.Mutex
		acknowledged := map[uint64]string{}
		var all sync.WaitGroup
		worker := func(work func(n int) error) {
			all.Go(func() {
				for n := 0; ; n++ {
					if err := work(n); errors.Is(err, audit.ErrClosed) {
						return
					} else if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for i := range 12 {
			worker(func(n int) error {
				bot := fmt.Sprintf("b-%d-%d", i, n)
				seq, err := l.Append(&audit.Record{Op: "sign", Bot: bot}, i%4 == 0)
				if err == nil {
					mu.Lock()
					acknowledged[seq] = bot
					mu.Unlock()
				}
				return err
			})
		}
		worker(func(int) error { return second(l.Begin(&audit.Record{Op: "unlock"}, s.begin)) })
		worker(func(int) error { return second(l.Checkpoint()) })
		worker(func(n int) error {
			c.set(day().Add(time.Duration(n) * 5 * time.Hour))
			l.Deny(denial(uint32(n)))
			l.Note(&audit.Record{Op: "alert", Alert: "test"})
			return second(l.Append(&audit.Record{Op: "tick"}, true))
		})
		for range 5 {
			known := l.Synced()
			for _, keys := range []audit.Keys{nil, s} {
				if r := verify(t, dir, keys, known); r.FirstBad != nil {
					t.Error(describe(r))
				}
			}
		}
		must(t, l.Close())
		all.Wait()
		verifies(t, dir, s)
		for _, f := range load(t, dir) {
			for _, line := range f.lines {
				e := entry(t, line)
				if bot, ok := acknowledged[e.Seq]; ok && bot != e.Bot {
					t.Fatalf("record %d is of %q, not of %q", e.Seq, e.Bot, bot)
				}
				delete(acknowledged, e.Seq)
			}
		}
		if len(acknowledged) > 0 {
			t.Errorf("%d records were acknowledged and are gone", len(acknowledged))
		}
	}
}
