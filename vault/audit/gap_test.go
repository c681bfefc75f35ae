package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"bfxvault/vault/audit"
)

// damaged opens a log that must be damaged at a record.
func damaged(t testing.TB, o audit.Options, seq uint64) {
	t.Helper()
	l, err := audit.Open(o)
	if err == nil {
		must(t, l.Close())
	}
	var d *audit.DamagedError
	if !errors.As(err, &d) {
		t.Fatalf("a damaged log opens: %v", err)
	}
	if d.Seq != seq {
		t.Errorf("it is damaged at record %d (%s), want %d", d.Seq, d.Reason, seq)
	}
}

// cut cuts records off the newest segment, and returns the sequence of the first of them.
func cut(t testing.TB, dir string, n int) uint64 {
	t.Helper()
	files := load(t, dir)
	last := &files[len(files)-1]
	seq := entry(t, last.lines[len(last.lines)-n]).Seq
	last.lines = last.lines[:len(last.lines)-n]
	save(t, dir, files)
	return seq
}

func acceptAbove(t testing.TB, h *history, o audit.Options) *audit.Log {
	t.Helper()
	o.Accept, o.Above = true, h.known.Seq
	return open(t, o)
}

// A42, A50
func TestAGapThatAnOperatorHasAcceptedVerifies(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	must(t, h.log.Close())
	first := cut(t, h.dir, 4)
	o := options(h.dir)
	o.Now = h.clock.now
	damaged(t, o, first)
	l := acceptAbove(t, h, o)
	sign(t, l, 2) // a locked daemon writes, before the operator has come
	_, err := l.Begin(&audit.Record{Op: "unlock", Accepted: true}, h.slot.accept)
	must(t, err)
	sign(t, l, 3)
	must(t, l.Close())
	r := verifies(t, h.dir, h.slot, h.known)
	if len(r.Accepted) != 1 || r.Accepted[0] != (audit.Gap{First: first, Next: h.known.Seq + 1}) {
		t.Errorf("accepted are %v, want %d to %d", r.Accepted, first, h.known.Seq+1)
	}
	must(t, open(t, o).Close()) // and the next start knows nothing of it,
	must(t, os.Remove(filepath.Join(h.dir, "checkpoint")))
	must(t, open(t, o).Close()) // nor one that reads the segments
	verifies(t, h.dir, h.slot, h.known)
}

// P2, A50: who accepts a gap does not accept an unlock that was made up before it.
func TestAnAcceptedGapDoesNotHideAForgedUnlock(t *testing.T) {
	t.Parallel()
	dir, s := folder(t), slot{[]byte("one")}
	l := open(t, options(dir))
	sign(t, l, 3)
	unlock(t, l, s)
	sign(t, l, 3)
	forged, err := l.Begin(&audit.Record{Op: "unlock"}, slot{[]byte("another")}.begin)
	must(t, err, l.Close())
	o := options(dir)
	o.Accept, o.Above = true, 20
	l = open(t, o)
	_, err = l.Begin(&audit.Record{Op: "unlock", Accepted: true}, s.accept)
	must(t, err, l.Close())
	found(t, verify(t, dir, s), forged)
}

// A50
func TestAGapThatNobodyHasAcceptedIsFound(t *testing.T) {
	t.Parallel()
	whole := newHistory(t)
	must(t, whole.log.Close())
	tests := []struct {
		name  string
		after func(t *testing.T, h *history, l *audit.Log)
	}{
		{"no unlock", func(t *testing.T, h *history, l *audit.Log) { sign(t, l, 3) }},
		{"an unlock that does not accept", func(t *testing.T, h *history, l *audit.Log) {
			_, err := l.Begin(&audit.Record{Op: "unlock"}, h.slot.begin)
			must(t, err)
		}},
		{"an unlock that accepts in its record alone", func(t *testing.T, h *history, l *audit.Log) {
			_, err := l.Begin(&audit.Record{Op: "unlock", Accepted: true}, h.slot.begin)
			must(t, err)
		}},
		{"an unlock of somebody else", func(t *testing.T, h *history, l *audit.Log) {
			_, err := l.Begin(&audit.Record{Op: "unlock", Accepted: true}, slot{[]byte("another")}.accept)
			must(t, err)
		}},
		{"an unlock that accepts too late", func(t *testing.T, h *history, l *audit.Log) {
			_, err := l.Begin(&audit.Record{Op: "unlock"}, h.slot.begin)
			must(t, err)
			_, err = l.Begin(&audit.Record{Op: "unlock", Accepted: true}, h.slot.accept)
			must(t, err)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := whole.copied(t)
			first := cut(t, h.dir, 4)
			o := options(h.dir)
			o.Now = h.clock.now
			l := acceptAbove(t, h, o)
			test.after(t, h, l)
			must(t, l.Close())
			found(t, verify(t, h.dir, h.slot, h.known), first)
		})
	}
}

// P7: a crash between the new segment and the unlock leaves the gap to be accepted.
func TestAGapIsFoundAgainUntilItIsAccepted(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	must(t, h.log.Close())
	first := cut(t, h.dir, 4)
	o := options(h.dir)
	o.Now = h.clock.now
	for range 2 {
		l := acceptAbove(t, h, o)
		sign(t, l, 2)
		_, err := l.Checkpoint()
		must(t, err, l.Close())
		damaged(t, o, first)
	}
	must(t, os.Remove(filepath.Join(h.dir, "checkpoint")))
	damaged(t, o, first) // by the segments alone
	l := acceptAbove(t, h, o)
	_, err := l.Begin(&audit.Record{Op: "unlock", Accepted: true}, h.slot.accept)
	must(t, err, l.Close())
	r := verifies(t, h.dir, h.slot, h.known)
	if len(r.Accepted) != 1 || r.Accepted[0].First != first {
		t.Errorf("accepted are %v, want one from %d", r.Accepted, first)
	}
	l = open(t, o)
	must(t, l.Close())
}

// A50: what an operator has accepted covers what was missing then, and nothing more.
func TestAnAcceptedGapHidesNothingElse(t *testing.T) {
	t.Parallel()
	whole := newHistory(t)
	must(t, whole.log.Close())
	tests := []struct {
		name   string
		change func(t *testing.T, files []segmentFile, first uint64) ([]segmentFile, uint64)
	}{
		{"more is cut before it", func(t *testing.T, files []segmentFile, first uint64) ([]segmentFile, uint64) {
			f := &files[3]
			f.lines = f.lines[:len(f.lines)-1]
			return files, first - 1
		}},
		{"an older record is changed", func(t *testing.T, files []segmentFile, first uint64) ([]segmentFile, uint64) {
			return files, change(t, files, 1, 3)
		}},
		{"a day before it is dropped", func(t *testing.T, files []segmentFile, first uint64) ([]segmentFile, uint64) {
			seq := entry(t, files[2].lines[0]).Seq
			return append(files[:2:2], files[3:]...), seq
		}},
		{"all before it is dropped", func(t *testing.T, files []segmentFile, first uint64) ([]segmentFile, uint64) {
			return files[4:], 1
		}},
		{"the segment behind it is dropped", func(t *testing.T, files []segmentFile, first uint64) ([]segmentFile, uint64) {
			return files[:4], first
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := whole.copied(t)
			first := cut(t, h.dir, 4)
			o := options(h.dir)
			o.Now = h.clock.now
			l := acceptAbove(t, h, o)
			_, err := l.Begin(&audit.Record{Op: "unlock", Accepted: true}, h.slot.accept)
			must(t, err)
			sign(t, l, 3)
			known, err := l.Checkpoint()
			must(t, err, l.Close())
			files, seq := test.change(t, load(t, h.dir), first)
			save(t, h.dir, files)
			for _, keys := range []audit.Keys{nil, h.slot} {
				found(t, verify(t, h.dir, keys, known), seq)
			}
		})
	}
}

// A42: what is put back is an older state of the whole folder, with records of its own
// since; or nothing of it is left.
func TestAnOlderOrEmptyFolderIsAccepted(t *testing.T) {
	t.Parallel()
	whole := newHistory(t)
	must(t, whole.log.Close())
	t.Run("another log since", func(t *testing.T) {
		h := whole.copied(t)
		first := cut(t, h.dir, 4)
		must(t, os.Remove(filepath.Join(h.dir, "checkpoint")))
		o := options(h.dir)
		o.Now = h.clock.now
		l := open(t, o) // nobody beside the segments knows here
		sign(t, l, 20)
		must(t, l.Close())
		found(t, verify(t, h.dir, h.slot, h.known), first) // the plain ones since
		l = acceptAbove(t, h, o)
		_, err := l.Begin(&audit.Record{Op: "unlock", Accepted: true}, h.slot.accept)
		must(t, err, l.Close())
		r := verifies(t, h.dir, h.slot, h.known)
		if len(r.Accepted) != 1 || r.Accepted[0].First > h.known.Seq {
			t.Errorf("accepted are %v", r.Accepted)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		h := whole.copied(t)
		must(t, os.RemoveAll(h.dir))
		o := options(h.dir)
		o.Now = h.clock.now
		l := acceptAbove(t, h, o)
		seq, err := l.Begin(&audit.Record{Op: "unlock", Accepted: true}, h.slot.accept)
		must(t, err, l.Close())
		if seq <= h.known.Seq {
			t.Errorf("record %d stands for the second time", seq)
		}
		r := verifies(t, h.dir, h.slot, h.known)
		if len(r.Accepted) != 1 || r.Accepted[0] != (audit.Gap{First: 1, Next: h.known.Seq + 1}) {
			t.Errorf("accepted are %v", r.Accepted)
		}
	})
	t.Run("a segment from the middle is lost", func(t *testing.T) {
		h := whole.copied(t)
		files := load(t, h.dir)
		save(t, h.dir, []segmentFile{files[0], files[1], files[3]})
		must(t, os.Remove(filepath.Join(h.dir, "checkpoint")))
		first := entry(t, files[2].lines[0]).Seq
		o := options(h.dir)
		o.Now = h.clock.now
		damaged(t, o, first)
		l := acceptAbove(t, h, o)
		_, err := l.Begin(&audit.Record{Op: "unlock", Accepted: true}, h.slot.accept)
		must(t, err, l.Close())
		r := verifies(t, h.dir, h.slot, h.known)
		if len(r.Accepted) != 1 || r.Accepted[0].First != first {
			t.Errorf("accepted are %v, want one from %d", r.Accepted, first)
		}
	})
}
