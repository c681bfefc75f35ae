package audit_test

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

func change(t testing.TB, files []segmentFile, i, j int) (seq uint64) {
	t.Helper()
	line := files[i].lines[j]
	changed := bytes.Replace(line, []byte(`"bot":"mm-1"`), []byte(`"bot":"mm-2"`), 1)
	if bytes.Equal(changed, line) {
		t.Fatalf("nothing to change in %s", line)
	}
	files[i].lines[j] = changed
	return entry(t, line).Seq
}

// lastHash is the hash of the newest record.
func lastHash(t testing.TB, files []segmentFile) audit.Position {
	t.Helper()
	f := files[len(files)-1]
	e := entry(t, f.lines[len(f.lines)-1])
	return audit.Position{Seq: e.Seq, Head: hashOf(t, f.lines[len(f.lines)-1])}
}

// P2, A50: the forger recomputes the plain chain from the change on, and has the
// checkpoints as well. Only the passphrase finds it.
func TestAForgerWithoutKeysIsFoundWithThePassphrase(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	must(t, h.log.Close())
	original := load(t, h.dir)
	seq := uint64(0)
	for i := range original {
		for j := range original[i].lines {
			seq++
			e := entry(t, original[i].lines[j])
			if e.Bot == "" {
				continue
			}
			files := load(t, h.dir)
			change(t, files, i, j)
			rechain(t, files, i, j, nil)
			save(t, h.dir, files)
			if r := verify(t, h.dir, nil, lastHash(t, files)); r.FirstBad != nil {
				t.Fatalf("record %d: the chain was not recomputed right: %d %s", seq, *r.FirstBad, r.Problem)
			}
			want := seq
			if e.Tag == "" { // the unlock that has bound it says that one of them was changed
				want = firstUnproven(t, original, seq)
			}
			found(t, verify(t, h.dir, h.slot, lastHash(t, files)), want)
			// Who cannot change the checkpoints is found without a passphrase too.
			found(t, verify(t, h.dir, nil, h.known), h.known.Seq)
			save(t, h.dir, original)
		}
	}
}

// firstUnproven is the first of the plain records that a record is among.
func firstUnproven(t testing.TB, files []segmentFile, seq uint64) (first uint64) {
	t.Helper()
	for _, f := range files {
		for _, line := range f.lines {
			e := entry(t, line)
			if e.Seq > seq {
				return first
			}
			if e.Tag != "" {
				first = 0
			} else if first == 0 {
				first = e.Seq
			}
		}
	}
	return first
}

// sealedBy puts another sealing into a line.
func sealedBy(line []byte, text string) []byte {
	return regexp.MustCompile(`"sealed":"[^"]*"`).ReplaceAll(line, []byte(`"sealed":"`+text+`"`))
}

// memory is what that of a running daemon gives away: its ratchet as it stands, and what
// makes new ones.
type memory struct {
	current *audit.Ratchet
	seal    func(n int) (string, *audit.Ratchet)
}

// forgery rewrites a log, and returns the first record that is not right.
type forgery struct {
	name  string
	forge func(t *testing.T, files []segmentFile, m memory) ([]segmentFile, uint64)
}

func forgedSealings() []forgery {
	return []forgery{
		{"a sealing of his own in the header of yesterday", func(t *testing.T, files []segmentFile, m memory) ([]segmentFile, uint64) {
			text, r := m.seal(1)
			files[1].lines[0] = sealedBy(files[1].lines[0], text)
			change(t, files, 1, 3)
			rechain(t, files, 1, 0, r)
			return files, entry(t, files[1].lines[0]).Seq
		}},
		{"and in the record that names yesterday", func(t *testing.T, files []segmentFile, m memory) ([]segmentFile, uint64) {
			text, r := m.seal(1)
			last := len(files[0].lines) - 1
			files[0].lines[last] = sealedBy(files[0].lines[last], text)
			files[1].lines[0] = sealedBy(files[1].lines[0], text)
			change(t, files, 1, 3)
			seq := entry(t, files[0].lines[last]).Seq
			rechain(t, files[:1], 0, last, m.current)
			rechain(t, files, 1, 0, r)
			return files, seq
		}},
		{"all segments since the unlock, each sealed anew", func(t *testing.T, files []segmentFile, m memory) ([]segmentFile, uint64) {
			change(t, files, 1, 3)
			last := len(files[0].lines) - 1
			seq := entry(t, files[0].lines[last]).Seq
			r := m.current
			for i := range files[:2] {
				text, next := m.seal(i)
				last := len(files[i].lines) - 1
				files[i].lines[last] = sealedBy(files[i].lines[last], text)
				files[i+1].lines[0] = sealedBy(files[i+1].lines[0], text)
				from := 0
				if i == 0 {
					from = last
				}
				rechain(t, files[:i+1], i, from, r)
				r = next
			}
			rechain(t, files, 2, 0, r)
			return files, seq
		}},
	}
}

func otherForgeries() []forgery {
	return []forgery{
		{"tags of the current key", func(t *testing.T, files []segmentFile, m memory) ([]segmentFile, uint64) {
			seq := change(t, files, 2, 15)
			rechain(t, files, 2, 15, m.current)
			return files, seq
		}},
		{"what proves yesterday is removed, as if for its age", func(t *testing.T, files []segmentFile, m memory) ([]segmentFile, uint64) {
			return forgeRetention(t, files[3:], m.seal), 1
		}},
		{"a daemon that has started without a ratchet yesterday", func(t *testing.T, files []segmentFile, m memory) ([]segmentFile, uint64) {
			// He goes on in plain from the second day, as a locked daemon does, so that
			// nothing has to be tagged.
			f := files[1]
			var before audit.Hash
			for j := 3; j < len(f.lines); j++ {
				content, _ := lineParts(t, f.lines[j])
				if j == 3 {
					before = hashOf(t, f.lines[2])
					content = regexp.MustCompile(`"op":.*`).ReplaceAll(content, []byte(`"op":"start"`))
				}
				f.lines[j], before = chainLine(before, content, nil, nil)
			}
			for n := entry(t, f.lines[len(f.lines)-1]).Seq + 1; n <= entry(t, files[3].lines[len(files[3].lines)-1]).Seq; n++ {
				var line []byte
				line, before = chainLine(before, fmt.Appendf(nil, `{"seq":%d,"time":"2026-11-28T08:00:00.000000Z","op":"sign"`, n), nil, nil)
				f.lines = append(f.lines, line)
			}
			files[1] = f
			return files[:2], entry(t, f.lines[3]).Seq
		}},
	}
}

// P2, A50: the forger has all that the running daemon holds: the key of the moment, what
// seals new segments, the data key with all checkpoints of the vault. What was before
// stays what it was.
func TestWhoHasTheRunningDaemonCannotRewriteYesterday(t *testing.T) {
	t.Parallel()
	whole := newHistory(t)
	must(t, whole.log.Close())
	for _, test := range append(forgedSealings(), otherForgeries()...) {
		t.Run(test.name, func(t *testing.T) {
			h := whole.copied(t)
			m := memory{current: ratchet([]byte("the key of the moment")), seal: func(n int) (string, *audit.Ratchet) {
				text := fmt.Sprintf("forged %d", n)
				r, err := h.slot.Sealed(text)
				must(t, err)
				return text, r
			}}
			files, seq := test.forge(t, load(t, h.dir), m)
			save(t, h.dir, files)
			// The vault's checkpoint is forged as well; that of the journal is not.
			known := h.known
			if test.name != "a daemon that has started without a ratchet yesterday" {
				known = lastHash(t, files)
			}
			r := verify(t, h.dir, h.slot, known)
			found(t, r, seq)
			if r := verify(t, h.dir, nil, h.known); r.FirstBad == nil {
				t.Error("the checkpoint that he did not have does not find it")
			}
		})
	}
}

// forgeRetention keeps the given segments alone, with keys of the forger's own, and a
// record that says that those before were removed.
func forgeRetention(t testing.TB, files []segmentFile, seal func(int) (string, *audit.Ratchet)) []segmentFile {
	t.Helper()
	text, r := seal(9)
	first := entry(t, files[0].lines[0]).Seq
	files[0].lines[0] = sealedBy(files[0].lines[0], text)
	files[0].lines[2] = fmt.Appendf(nil, `{"seq":%d,"time":"2026-11-28T08:00:00.000000Z","op":"retention","of":%d,"hash":"%064d","tag":"%032d"}`+"\n",
		first+2, first, 0, 0)
	var before audit.Hash // of the header's own
	for j, line := range files[0].lines {
		content, tag := lineParts(t, line)
		files[0].lines[j], before = chainLine(headOf(t, line, before, j), content, tag, r)
	}
	return files
}

// headOf is what a line follows: for a header, what it says.
func headOf(t testing.TB, line []byte, before audit.Hash, j int) audit.Hash {
	if j > 0 {
		return before
	}
	return hexHash(t, entry(t, line).Before)
}

// P2: a retention record counts with a passphrase only where an unlock proves it.
func TestALockedDaemonRemovesNothing(t *testing.T) {
	t.Parallel()
	dir, c := folder(t), clockAt(day())
	o := options(dir)
	o.Now, o.Keep = c.now, audit.Keep{Bytes: 1, Age: time.Hour}
	l := open(t, o)
	for i := range 4 {
		c.set(day().Add(time.Duration(i) * 24 * time.Hour))
		sign(t, l, 3)
	}
	must(t, l.Retain(c.now()))
	if names, _ := audit.Segments(dir); len(names) != 4 {
		t.Errorf("%d segments are left of 4", len(names))
	}
}
