package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault/audit"
)

// newestSegment is the path of the newest segment.
func newestSegment(t testing.TB, dir string) string {
	t.Helper()
	names := segments(t, dir)
	return filepath.Join(dir, names[len(names)-1])
}

// crashed copies the folder of a log as a killed daemon would leave it.
func crashed(t testing.TB, dir string) string {
	t.Helper()
	to := folder(t)
	must(t, os.CopyFS(to, os.DirFS(dir)), os.Chmod(to, 0o700))
	list, err := os.ReadDir(to)
	must(t, err)
	for _, e := range list {
		must(t, os.Chmod(filepath.Join(to, e.Name()), 0o600))
	}
	return to
}

// small is a log of one day, unlocked, with a checkpoint and then n records.
func small(t testing.TB, n int) (dir string, s slot, o audit.Options, known audit.Position) {
	t.Helper()
	c := clockAt(day())
	dir, s = folder(t), slot{[]byte("one")}
	o = options(dir)
	o.Now = c.now
	l := open(t, o)
	unlock(t, l, s)
	sign(t, l, 3)
	known, err := l.Checkpoint()
	must(t, err)
	sign(t, l, n)
	copied := crashed(t, dir)
	o.Dir = copied
	return copied, s, o, known
}

// P7: wherever the last record is torn, it alone is lost.
func TestATornRecordIsPutAside(t *testing.T) {
	t.Parallel()
	dir, s, o, known := small(t, 2)
	whole, err := os.ReadFile(newestSegment(t, dir))
	must(t, err)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	tear := func(t *testing.T, size int) {
		o := o
		o.Dir = crashed(t, dir)
		must(t, os.WriteFile(newestSegment(t, o.Dir), whole[:size], 0o600))
		a := new(alerts)
		o.Alert = a.add
		l := open(t, o)
		must(t, l.Close())
		if want := min(size-last, 1); a.count(audit.AlertRecovered) != want {
			t.Errorf("torn at byte %d: %d alerts, want %d", size-last, a.count(audit.AlertRecovered), want)
		}
		verifies(t, o.Dir, s, known)
		text, err := os.ReadFile(newestSegment(t, o.Dir))
		must(t, err)
		if !bytes.HasPrefix(text, whole[:last]) || !bytes.Contains(text[last:], []byte(`"op":"start"`)) {
			t.Fatalf("torn at byte %d: what was whole is lost: %s", size-last, text[last:])
		}
		if size > last {
			torn, err := os.ReadFile(newestSegment(t, o.Dir) + "-" + itoa(last) + ".torn")
			must(t, err)
			if !bytes.Equal(torn, whole[last:size]) {
				t.Fatalf("put aside is %q", torn)
			}
		}
	}
	const lanes = 8 // the disk is what takes time
	for lane := range lanes {
		t.Run(itoa(lane), func(t *testing.T) {
			t.Parallel()
			for size := last + lane; size < len(whole); size += lanes {
				tear(t, size)
			}
		})
	}
}

// P7: what a power cut leaves behind the last checkpoint.
func TestWhatAPowerCutLeavesIsMended(t *testing.T) {
	t.Parallel()
	dir, s, o, known := small(t, 30)
	whole, err := os.ReadFile(newestSegment(t, dir))
	must(t, err)
	from := bytes.Index(whole, []byte(`"op":"checkpoint"`))
	from += bytes.IndexByte(whole[from:], '\n') + 1
	lines := bytes.Count(whole[:from], []byte("\n"))
	part := func(n int) []byte { return bytes.Join(bytes.SplitAfter(whole, []byte("\n"))[:lines+n], nil) }
	tests := []struct {
		name string
		text []byte
		left int // records behind the checkpoint
	}{
		{"all of them", whole, 30},
		{"none of them", part(0), 0},
		{"zeros behind them", append(part(10), make([]byte, 4096)...), 10},
		{"zeros up to good ones", bytes.Join([][]byte{part(10), make([]byte, 700), whole[len(part(10))+700:]}, nil), 10},
		{"zeros in the middle of one", func() []byte {
			text := bytes.Clone(whole)
			clear(text[len(part(5))+40 : len(part(5))+90])
			return text
		}(), 5},
		{"garbage behind them", append(part(10), bytes.Repeat([]byte{0xc3, '\n', 0x28, '"'}, 5000)...), 10},
		{"a line longer than any", append(part(10), bytes.Repeat([]byte("x"), 1<<20)...), 10},
		{"others' lines behind them", append(part(10), part(10)...), 10},
		{"one twice", append(part(10), part(10)[len(part(9)):]...), 10},
		{"one missing", append(part(10), whole[len(part(11)):]...), 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := o
			o.Dir = crashed(t, dir)
			must(t, os.WriteFile(newestSegment(t, o.Dir), test.text, 0o600))
			l := open(t, o)
			if at := l.Synced(); at.Seq != known.Seq+uint64(test.left)+1 {
				t.Errorf("the log goes on at record %d, want %d", at.Seq, known.Seq+uint64(test.left)+1)
			}
			unlock(t, l, s)
			sign(t, l, 3)
			must(t, l.Close())
			verifies(t, o.Dir, s, known)
		})
	}
}

// P7: a segment is begun before anything is in it, and a crash may come between.
func TestASegmentWhoseHeaderIsTornIsPutAside(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]int{"nothing": 0, "half of it": 100, "all but its end": -1} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t)
			h.clock.set(day().Add(96 * time.Hour))
			dir := crashed(t, h.dir)
			sign(t, h.log, 1)
			files := load(t, h.dir)
			last := files[len(files)-1]
			header := last.lines[0]
			if keep < 0 {
				keep = len(header) - 1
			}
			// The record that names it is there, as it is brought to disk first.
			save(t, dir, append(files[:len(files)-1:len(files)-1], segmentFile{last.name, [][]byte{header[:keep]}}))
			o := options(dir)
			o.Now = h.clock.now
			l := open(t, o)
			unlock(t, l, h.slot)
			sign(t, l, 2)
			must(t, l.Close())
			verifies(t, dir, h.slot, h.known)
		})
	}
	t.Run("of the very first", func(t *testing.T) {
		dir, _, o, _ := small(t, 0)
		text, err := os.ReadFile(newestSegment(t, dir))
		must(t, err, os.WriteFile(newestSegment(t, dir), text[:50], 0o600))
		damaged(t, o, 1)
		must(t, os.Remove(filepath.Join(dir, "checkpoint")))
		l := open(t, o)
		must(t, l.Close())
		verifies(t, dir, slot{})
	})
}

// P7
func TestTheCheckpointFileIsAHelpAndNoMore(t *testing.T) {
	t.Parallel()
	dir, s, o, known := small(t, 5)
	path := filepath.Join(dir, "checkpoint")
	text, err := os.ReadFile(path)
	must(t, err)
	with := func(name string, value any) []byte {
		var c map[string]any
		must(t, json.Unmarshal(text, &c))
		c[name] = value
		b, err := json.Marshal(c)
		must(t, err)
		return b
	}
	for name, content := range map[string][]byte{
		"missing": nil, "empty": {}, "garbage": []byte("\x00{]"), "torn": text[:len(text)/2],
		"of a segment that is gone": with("segment", "000000000900-2026-11-24.jsonl"),
		"of another place":          with("size", 300), "of a place behind all": with("size", 1<<40), "of no place": with("size", -5),
	} {
		t.Run(name, func(t *testing.T) {
			o := o
			o.Dir = crashed(t, dir)
			must(t, os.Remove(filepath.Join(o.Dir, "checkpoint")))
			if content != nil {
				must(t, os.WriteFile(filepath.Join(o.Dir, "checkpoint"), content, 0o600))
			}
			l := open(t, o)
			if at := l.Synced(); at.Seq != known.Seq+6 {
				t.Errorf("the log goes on at record %d, want %d", at.Seq, known.Seq+6)
			}
			must(t, l.Close())
			verifies(t, o.Dir, s, known)
		})
	}
	for name, test := range map[string]struct {
		content []byte
		seq     uint64
	}{
		"of a record that is not there": {with("seq", known.Seq+100), known.Seq + 6},
		"of another record":             {with("head", (audit.Hash{1}).String()), known.Seq},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, os.WriteFile(path, test.content, 0o600))
			damaged(t, o, test.seq)
		})
	}
}

// A50
func TestALogThatIsCutBelowItsCheckpointIsDamaged(t *testing.T) {
	t.Parallel()
	dir, _, o, known := small(t, 0)
	files := load(t, dir)
	for n := 1; n < len(files[0].lines); n++ {
		o.Dir = crashed(t, dir)
		cut(t, o.Dir, n)
		damaged(t, o, known.Seq+1-uint64(n))
	}
	o.Dir = crashed(t, dir)
	must(t, os.Remove(newestSegment(t, o.Dir)))
	damaged(t, o, 1)
}

// P7: which changes of the vault were under way survives the daemon, with a checkpoint
// and without, over the turn of the day.
func TestUnfinishedOperationsSurvive(t *testing.T) {
	t.Parallel()
	intend := func(t *testing.T, l *audit.Log, op string) uint64 {
		seq, err := l.Append(&audit.Record{Op: op, Phase: audit.Intent}, true)
		must(t, err)
		return seq
	}
	finish := func(t *testing.T, l *audit.Log, of uint64) {
		_, err := l.Append(&audit.Record{Op: "done", Phase: audit.Outcome, Of: of}, true)
		must(t, err)
	}
	dir, c := folder(t), clockAt(day())
	o := options(dir)
	o.Now = c.now
	l := open(t, o)
	want := map[uint64]string{}
	want[intend(t, l, "key add")] = "key add"
	finish(t, l, intend(t, l, "bot add"))
	late := intend(t, l, "grant set")
	check := func(name string, l *audit.Log) {
		t.Helper()
		if got := l.Unfinished(); !maps.Equal(got, want) {
			t.Errorf("%s: unfinished are %v, want %v", name, got, want)
		}
	}
	reopened := func(name string, clean ...string) {
		t.Helper()
		o := o
		o.Dir = crashed(t, dir)
		for _, file := range clean {
			must(t, os.RemoveAll(filepath.Join(o.Dir, file)))
		}
		l := open(t, o)
		check(name, l)
		must(t, l.Close())
	}
	want[late] = "grant set"
	check("before the checkpoint", l)
	_, err := l.Checkpoint()
	must(t, err)
	reopened("by the checkpoint")
	finish(t, l, late)
	delete(want, late)
	c.set(day().Add(24 * time.Hour))
	want[intend(t, l, "bot remove")] = "bot remove"
	check("on the next day", l)
	reopened("by the checkpoint of the day before")
	reopened("by the segments", "checkpoint")
	must(t, l.Close())
	l = open(t, o)
	check("after a clean end", l)
}

// P7: a checkpoint knows what was unfinished then, not what is since: the outcome may be
// lost with the power.
func TestACheckpointLeavesOutWhatIsNotOnDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		l := open(t, options(dir))
		intent, err := l.Append(&audit.Record{Op: "key add", Phase: audit.Intent}, true)
		must(t, err)
		time.Sleep(checkpointEvery - 10*time.Millisecond)
		_, err = l.Append(&audit.Record{Op: "key add", Phase: audit.Outcome, Of: intent}, false)
		must(t, err)
		_, err = l.Append(&audit.Record{Op: "bot add", Phase: audit.Intent}, false)
		must(t, err)
		time.Sleep(11 * time.Millisecond) // a checkpoint, and the sync is to come
		o := options(crashed(t, dir))
		cut(t, o.Dir, 2) // the power fails
		l = open(t, o)
		if got := l.Unfinished(); !maps.Equal(got, map[uint64]string{intent: "key add"}) {
			t.Errorf("unfinished are %v, want %d", got, intent)
		}
	})
}

const checkpointEvery = 10 * time.Second

// A42
func TestTheNewestRevisionSurvives(t *testing.T) {
	t.Parallel()
	dir, c := folder(t), clockAt(day())
	o := options(dir)
	o.Now = c.now
	l := open(t, o)
	check := func(l *audit.Log, want uint64) {
		t.Helper()
		if got := l.Revision(); got != want {
			t.Errorf("the newest revision is %d, want %d", got, want)
		}
	}
	note := func(revision uint64) {
		_, err := l.Append(&audit.Record{Op: "key add", Revision: revision}, true)
		must(t, err)
	}
	check(l, 0)
	note(7)
	note(5)
	check(l, 7)
	_, err := l.Checkpoint()
	must(t, err)
	note(9)
	o.Dir = crashed(t, dir)
	l2 := open(t, o)
	check(l2, 9)
	must(t, l2.Close())
	c.set(day().Add(24 * time.Hour)) // the header says it again
	must(t, l.Close())
	for _, missing := range []string{"none", "checkpoint"} {
		must(t, os.RemoveAll(filepath.Join(dir, missing)))
		o.Dir = dir
		l := open(t, o)
		check(l, 9)
		sign(t, l, 1)
		must(t, l.Close())
		c.set(c.now().Add(24 * time.Hour))
	}
}

// A2, A51
func TestWhatIsNotOursIsNotUsed(t *testing.T) {
	t.Parallel()
	replace := func(with func(t *testing.T, path string)) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { with(t, newestSegment(t, dir)) }
	}
	tests := []struct {
		name string
		make func(t *testing.T, dir string)
	}{
		{"a FIFO in place of a segment", replace(makeFIFO)},
		{"a link to a segment", replace(func(t *testing.T, path string) {
			must(t, os.Rename(path, path+".x"), os.Symlink(path+".x", path))
		})},
		{"a link that stays in the folder", replace(func(t *testing.T, path string) {
			must(t, os.Rename(path, path+".x"), os.Symlink(filepath.Base(path)+".x", path))
		})},
		{"a folder in place of a segment", replace(func(t *testing.T, path string) {
			must(t, os.Remove(path), os.Mkdir(path, 0o700))
		})},
		{"a segment that others can read", replace(func(t *testing.T, path string) { must(t, os.Chmod(path, 0o640)) })},
		{"a segment that others can write", replace(func(t *testing.T, path string) { must(t, os.Chmod(path, 0o602)) })},
		{"a segment of another user", replace(changeOwner)},
		{"a segment of no day", replace(func(t *testing.T, path string) {
			must(t, os.Rename(path, path[:len(path)-len("2026-11-25.jsonl")]+"2026-99-99.jsonl"))
		})},
		{"a folder that others can read", func(t *testing.T, dir string) { must(t, os.Chmod(dir, 0o755)) }},
		{"a link to the folder", func(t *testing.T, dir string) { must(t, os.Rename(dir, dir+".x"), os.Symlink(dir+".x", dir)) }},
		{"a file in place of the folder", func(t *testing.T, dir string) {
			must(t, os.Rename(dir, dir+".x"), os.WriteFile(dir, nil, 0o600))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, _, o, _ := small(t, 2)
			test.make(t, dir)
			l, err := audit.Open(o)
			var unsafe *audit.UnsafeError
			if !errors.As(err, &unsafe) {
				t.Errorf("it opens with %v", err)
			}
			if err == nil {
				must(t, l.Close())
			}
		})
	}
}
