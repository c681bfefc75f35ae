package audit_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/audit"
)

// following follows a log in a bubble of its own and keeps what it is told.
type following struct {
	seqs []uint64
	err  error
	stop context.CancelFunc
}

func follow(t *testing.T, r *audit.Reader, f audit.Filter, from audit.Place) *following {
	ctx, cancel := context.WithCancel(t.Context())
	l := &following{stop: cancel}
	t.Cleanup(cancel)
	go func() {
		for text, err := range r.Follow(ctx, f, from) {
			if err != nil {
				l.err = err
				return
			}
			l.seqs = append(l.seqs, seqOf(t, text))
		}
	}()
	return l
}

// sees waits for the next look and compares.
func (l *following) sees(t *testing.T, want ...uint64) {
	t.Helper()
	time.Sleep(time.Second) // in the bubble
	synctest.Wait()
	if !slices.Equal(l.seqs, want) || l.err != nil {
		t.Errorf("seen %d (%v), want %d", l.seqs, l.err, want)
	}
	l.seqs = nil
}

func TestFollowingGoesOnWhereTheNewestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, day := newScript(t), midnight()
		s.segment(day)
		s.line(day, `"op":"sign","bot":"mm-1"`)
		r := s.reader()
		list, end, err := r.Newest(audit.Filter{}, 10)
		must(t, err)
		if len(list) != 2 {
			t.Fatalf("%d records", len(list))
		}
		all := follow(t, r, audit.Filter{}, end)
		one := follow(t, s.reader(), audit.Filter{Bot: "mm-1"}, end)
		all.sees(t)
		s.line(day, `"op":"sign","bot":"mm-2"`)
		s.line(day, `"op":"sign","bot":"mm-1"`)
		s.flush()
		all.sees(t, 3, 4)
		one.sees(t, 4)

		// The day turns: what the old segment ended with comes first.
		s.line(day, `"op":"next"`)
		s.segment(day.AddDate(0, 0, 1))
		s.line(day.AddDate(0, 0, 1), `"op":"sign","bot":"mm-1"`)
		s.segment(day.AddDate(0, 0, 1)) // and one more, of a full segment
		s.flush()
		all.sees(t, 5, 6, 7, 8)
		one.sees(t, 7)
		all.stop()
		s.line(day, `"op":"sign","bot":"mm-1"`)
		s.flush()
		all.sees(t)
		one.sees(t, 9)
	})
}

func TestFollowingWaitsForTheEndOfALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		s.segment(midnight())
		l := follow(t, s.reader(), audit.Filter{}, audit.Place{})
		l.sees(t, 1)
		s.line(midnight(), `"op":"sign","bot":"mm-1"`)
		line := s.buf
		for _, part := range [][]byte{line[:10], line[10 : len(line)-1]} {
			s.buf = part
			s.flush()
			l.sees(t)
		}
		s.buf = []byte{'\n'}
		s.flush()
		l.sees(t, 2)
	})
}

// Records whose writing failed are cut off again, and others get their numbers.
func TestFollowingSeesWhatStandsInThePlaceOfAFailedRecord(t *testing.T) {
	for name, other := range map[string]string{
		"as long":   `"op":"sign","bot":"mm-2"`,
		"shorter":   `"op":"x"`,
		"longer":    `"op":"sign","bot":"mm-2","detail":"longer than what stood there"`,
		"not there": "",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				s.segment(midnight())
				l := follow(t, s.reader(), audit.Filter{}, audit.Place{})
				l.sees(t, 1)
				before := *s
				s.line(midnight(), `"op":"sign","bot":"mm-1"`)
				s.flush()
				l.sees(t, 2)
				info, err := os.Stat(s.path())
				must(t, err)
				text, err := os.ReadFile(s.path())
				must(t, err)
				must(t, os.Truncate(s.path(), int64(bytes.IndexByte(text, '\n'))+1))
				*s = before
				if other == "" {
					l.sees(t)
					return
				}
				s.buf = nil
				s.line(midnight(), other)
				s.flush()
				if now, err := os.Stat(s.path()); err != nil || (name == "as long") != (now.Size() == info.Size()) {
					t.Fatal("the test is not what its name says", err)
				}
				l.sees(t, 2)
			})
		})
	}
}

func TestFollowingWaitsForTheFirstSegmentAndOutlivesRemovedOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		r := s.reader()
		list, end, err := r.Newest(audit.Filter{}, 10)
		must(t, err)
		if len(list) > 0 || end != (audit.Place{}) {
			t.Errorf("an empty folder has %d records, and ends at %v", len(list), end)
		}
		l := follow(t, r, audit.Filter{}, end)
		l.sees(t)
		s.segment(midnight())
		s.flush()
		l.sees(t, 1)
		must(t, os.Remove(s.path()))
		s.segment(midnight())
		s.flush()
		l.sees(t, 2)

		gone := follow(t, s.reader(), audit.Filter{}, audit.Place{Segment: "000000000001-2026-11-25.jsonl", Offset: 10})
		gone.sees(t, 2)
	})
}

// What a log writes in a burst, a reader behind it misses nothing of.
func TestFollowingALogThatWritesMissesNothing(t *testing.T) {
	dir := folder(t)
	l := open(t, options(dir))
	r, err := audit.OpenReader(dir)
	must(t, err)
	defer r.Close()
	const n = 2000
	go func() {
		for range n {
			if _, err := l.Append(&audit.Record{Op: "sign", Bot: "mm-1"}, false); err != nil {
				t.Error(err)
			}
		}
	}()
	seen := 0
	for _, err := range r.Follow(t.Context(), audit.Filter{Bot: "mm-1"}, audit.Place{}) {
		must(t, err)
		if seen++; seen == n {
			break
		}
	}
}
