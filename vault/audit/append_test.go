package audit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/audit"
)

// P2
func TestManyCallersWriteOneLog(t *testing.T) {
	t.Parallel()
	for name, synced := range map[string]bool{"default": false, "fsync": true} {
		t.Run(name, func(t *testing.T) {
			const callers, each = 100, 20
			dir, s := folder(t), slot{[]byte("one")}
			o := options(dir)
			o.Synced = synced
			l := open(t, o)
			unlock(t, l, s)
			seqs := make([][]uint64, callers)
			var all sync.WaitGroup
			for i := range callers {
				all.Go(func() {
					for n := range each {
						seq, err := l.Append(&audit.Record{Op: "sign", Bot: fmt.Sprintf("b-%d", i), Nonce: uint64(n + 1)}, n%5 == 0)
						if err != nil {
							t.Error(err)
						}
						seqs[i] = append(seqs[i], seq)
						if synced && l.Synced().Seq < seq {
							t.Errorf("record %d is acknowledged before it is on disk", seq)
						}
					}
				})
			}
			for range 3 { // and an operator
				unlock(t, l, s)
			}
			all.Wait()
			must(t, l.Close())
			verifies(t, dir, s)
			stands := map[uint64]audit.Entry{}
			for _, f := range load(t, dir) {
				for _, line := range f.lines {
					e := entry(t, line)
					if e.Seq != uint64(len(stands)+1) {
						t.Fatalf("record %d stands in place %d", e.Seq, len(stands)+1)
					}
					stands[e.Seq] = e
				}
			}
			for i, mine := range seqs {
				for n, seq := range mine {
					if e := stands[seq]; e.Bot != fmt.Sprintf("b-%d", i) || e.Nonce != uint64(n+1) {
						t.Fatalf("record %d is of %s, %d: another's", seq, e.Bot, e.Nonce)
					}
				}
			}
		})
	}
}

// P2: what an answer means.
func TestARecordIsWhereItsKindHasToBe(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	l := open(t, options(dir))
	for range 5 {
		seq, err := l.Append(&audit.Record{Op: "key add"}, true)
		must(t, err)
		if l.Synced().Seq < seq {
			t.Errorf("record %d waits for the disk, and %d are on it", seq, l.Synced().Seq)
		}
	}
	seq, err := l.Append(&audit.Record{Op: "sign"}, false)
	must(t, err)
	files := load(t, dir)
	if got := lastHash(t, files); got.Seq < seq {
		t.Errorf("record %d is answered, and the file ends at %d", seq, got.Seq)
	}
}

// P2: fsync follows, also where records keep coming.
func TestEveryRecordIsOnDiskSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, options(folder(t)))
		for range 40 {
			seq, err := l.Append(&audit.Record{Op: "sign"}, false)
			must(t, err)
			time.Sleep(5 * time.Millisecond)
			if seq > 25 && l.Synced().Seq < seq-20 {
				t.Fatalf("after record %d only %d are on disk", seq, l.Synced().Seq)
			}
		}
		time.Sleep(30 * time.Millisecond)
		if at := l.Synced(); at.Seq != 42 {
			t.Errorf("%d records are on disk of 42", at.Seq)
		}
	})
}

// P2: ten seconds after a record at the latest, and once more after the last.
func TestCheckpointsFollowRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []audit.Position
		o := options(folder(t))
		o.Checkpoint = func(p audit.Position) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, p)
		}
		l := open(t, o)
		for range 250 {
			sign(t, l, 1)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		mu.Lock()
		if len(told) != 3 || told[2] != l.Synced() {
			t.Errorf("told of %v, the log is at %v", told, l.Synced())
		}
		mu.Unlock()
		time.Sleep(time.Hour)
		mu.Lock()
		if len(told) != 3 {
			t.Errorf("nothing was written, and told of %v", told)
		}
		mu.Unlock()
	})
}

// P2
func TestDaysTurn(t *testing.T) {
	t.Parallel()
	dir, s, c := folder(t), slot{[]byte("one")}, clockAt(day().Add(15*time.Hour+59*time.Minute))
	o := options(dir)
	o.Now = c.now
	l := open(t, o)
	sign(t, l, 2)
	unlock(t, l, s)
	steps := []struct {
		name     string
		by       time.Duration
		segments int
		at       time.Duration // the time of the record, since the clock's
	}{
		{"the same day", 59 * time.Second, 1, 0},
		{"the next", time.Second, 2, 0},
		{"a little back: the time stands still", -time.Second / 2, 2, time.Second / 2},
		{"far back: a segment of its own", -time.Hour, 3, 0},
		{"on again", 2 * time.Hour, 4, 0},
		{"many days on", 500 * 24 * time.Hour, 5, 0},
	}
	now := c.now()
	for _, step := range steps {
		now = now.Add(step.by)
		c.set(now)
		sign(t, l, 2)
		files := load(t, dir)
		if len(files) != step.segments {
			t.Fatalf("%s: %d segments, want %d", step.name, len(files), step.segments)
		}
		last := files[len(files)-1]
		e := entry(t, last.lines[len(last.lines)-1])
		if want := now.Add(step.at); !e.Time.Equal(want) {
			t.Errorf("%s: the time is %v, want %v", step.name, e.Time, want)
		}
	}
	known, err := l.Checkpoint()
	must(t, err, l.Close())
	verifies(t, dir, s, known)
	for _, f := range load(t, dir) {
		var before time.Time
		for _, line := range f.lines {
			e := entry(t, line)
			if e.Time.Before(before) {
				t.Errorf("within %s the time goes back to %v", f.name, e.Time)
			}
			before = e.Time
		}
	}
}

// P2: the file can be taken away under the daemon, and be put back.
func TestASegmentThatIsMovedIsMissed(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(t *testing.T, path string) (back func()){
		"renamed": func(t *testing.T, path string) func() {
			must(t, os.Rename(path, path+".x"))
			return func() { must(t, os.Rename(path+".x", path)) }
		},
		"removed": func(t *testing.T, path string) func() {
			must(t, os.Link(path, path+".x"), os.Remove(path))
			return func() { must(t, os.Rename(path+".x", path)) }
		},
		"replaced": func(t *testing.T, path string) func() {
			must(t, os.Rename(path, path+".x"), os.WriteFile(path, nil, 0o600))
			return func() { must(t, os.Rename(path+".x", path)) }
		},
		"its folder renamed": func(t *testing.T, path string) func() {
			dir := filepath.Dir(path)
			must(t, os.Rename(dir, dir+".x"))
			return func() { must(t, os.Rename(dir+".x", dir)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir, s := folder(t), slot{[]byte("one")}
				l := open(t, options(dir))
				unlock(t, l, s)
				sign(t, l, 3)
				time.Sleep(time.Second)
				back := move(t, newestSegment(t, dir))
				for range 3 { // the first already
					_, err := l.Append(&audit.Record{Op: "sign"}, false)
					var cannot *audit.WriteError
					if !errors.As(err, &cannot) {
						t.Errorf("a record is written into nothing: %v", err)
					}
					time.Sleep(300 * time.Millisecond)
				}
				back()
				time.Sleep(time.Second)
				sign(t, l, 3)
				if err := l.Fault(); err != nil {
					t.Errorf("it is back, and still: %v", err)
				}
				known, err := l.Checkpoint()
				must(t, err, l.Close())
				verifies(t, dir, s, known)
			})
		})
	}
}

// P2: while records flow, it is missed with the next sync.
func TestASegmentThatIsMovedUnderLoadIsMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		l := open(t, options(dir))
		sign(t, l, 1)
		path := newestSegment(t, dir)
		must(t, os.Rename(path, path+".x"))
		time.Sleep(30 * time.Millisecond)
		if l.Fault() == nil {
			t.Error("nobody has noticed")
		}
		must(t, os.Rename(path+".x", path))
		time.Sleep(300 * time.Millisecond)
		must(t, l.Fault())
	})
}

func TestAClosedLogTakesNothing(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	l := open(t, options(dir))
	sign(t, l, 3)
	must(t, l.Close())
	for name, err := range map[string]error{
		"Append":     second(l.Append(&audit.Record{Op: "sign"}, false)),
		"Begin":      second(l.Begin(&audit.Record{Op: "unlock"}, slot{}.begin)),
		"Checkpoint": second(l.Checkpoint()),
		"Close":      l.Close(),
	} {
		if !errors.Is(err, audit.ErrClosed) {
			t.Errorf("%s returns %v", name, err)
		}
	}
	if l.Note(&audit.Record{Op: "alert"}) {
		t.Error("Note takes a record")
	}
	if r := verifies(t, dir, slot{}); r.Records != 5 {
		t.Errorf("%d records", r.Records)
	}
}

func second[T any](_ T, err error) error { return err }

// P2: nothing that would not be read again is written.
func TestARecordThatIsTooLongIsRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	l := open(t, options(dir))
	var cannot *audit.WriteError
	if _, err := l.Append(&audit.Record{Op: "sign", View: make([]byte, 64<<10)}, false); !errors.As(err, &cannot) {
		t.Errorf("a record of 64 KiB: %v", err)
	}
	view := append([]byte(`["`), make([]byte, 59<<10)...)
	for i := range view[2:] {
		view[2+i] = 'x'
	}
	_, err := l.Append(&audit.Record{Op: "sign", View: append(view, `"]`...)}, false)
	must(t, err, l.Close())
	l = open(t, options(dir))
	must(t, l.Close())
	if r := verifies(t, dir, slot{}); r.Records != 4 {
		t.Errorf("%d records, want 4", r.Records)
	}
}

// A49: what callers have in their hands cannot end a record.
func TestTextsStayWithinTheirRecord(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	l := open(t, options(dir))
	evil := "a\"b\\c\n{\"seq\":9}\x00\x7fé,\"ratchet\":\"x\"\u2028</script>"
	_, err := l.Append(&audit.Record{Op: "sign", Bot: evil, Detail: evil, Target: evil, Field: evil, Symbol: evil}, false)
	must(t, err, l.Close())
	verifies(t, dir, slot{})
	f := load(t, dir)[0]
	line := f.lines[len(f.lines)-1]
	for _, c := range line[:len(line)-1] {
		if c < ' ' || c > '~' {
			t.Fatalf("byte %#x stands in the line", c)
		}
	}
	if e := entry(t, line); e.Ratchet != "" || len(e.Bot) == 0 {
		t.Errorf("%+v", e)
	}
}

// P2: an unlock that cannot seal leaves the log as it was.
func TestAnUnlockThatFailsBeginsNothing(t *testing.T) {
	t.Parallel()
	dir, s := folder(t), slot{[]byte("one")}
	l := open(t, options(dir))
	unlock(t, l, s)
	boom := errors.New("no key")
	_, err := l.Begin(&audit.Record{Op: "unlock"}, func(uint64, audit.Hash) (string, *audit.Ratchet, audit.Seal, error) {
		return "", nil, nil, boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("it returns %v", err)
	}
	sign(t, l, 3)
	must(t, l.Close())
	if r := verifies(t, dir, s); r.Records != 6 {
		t.Errorf("%d records, want 6", r.Records)
	}
}
