package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

// segmentFile is a segment as an attacker sees it.
type segmentFile struct {
	name  string
	lines [][]byte
}

func load(t testing.TB, dir string) (files []segmentFile) {
	t.Helper()
	names, err := audit.Segments(dir)
	must(t, err)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		f := segmentFile{name: name}
		for line := range bytes.Lines(text) {
			f.lines = append(f.lines, bytes.Clone(line))
		}
		files = append(files, f)
	}
	return files
}

// save puts segments in the place of all that were there.
func save(t testing.TB, dir string, files []segmentFile) {
	t.Helper()
	names, err := audit.Segments(dir)
	must(t, err)
	for _, name := range names {
		must(t, os.Remove(filepath.Join(dir, name)))
	}
	for _, f := range files {
		must(t, os.WriteFile(filepath.Join(dir, f.name), bytes.Join(f.lines, nil), 0o600))
	}
}

func entry(t testing.TB, line []byte) audit.Entry {
	t.Helper()
	e, err := audit.ParseEntry(line)
	must(t, err)
	return e
}

// where finds the first record that is wanted: its file and line.
func where(t testing.TB, files []segmentFile, wanted func(audit.Entry) bool) (file, line int) {
	t.Helper()
	for i, f := range files {
		for j, text := range f.lines {
			if wanted(entry(t, text)) {
				return i, j
			}
		}
	}
	t.Fatal("no such record")
	return 0, 0
}

// lineParts are a line's content, which the hash covers, and its tag.
func lineParts(t testing.TB, line []byte) (content []byte, tag []byte) {
	t.Helper()
	m := regexp.MustCompile(`^(.*),"hash":"[0-9a-f]{64}"(?:,"tag":"([0-9a-f]{32})")?}` + "\n$").FindSubmatch(line)
	if m == nil {
		t.Fatalf("not a line: %q", line)
	}
	tag, err := hex.DecodeString(string(m[2]))
	must(t, err)
	return bytes.Clone(m[1]), tag
}

// chainLine makes a line as docs/format.md has it, and its hash. A ratchet makes the
// tag; without one, the tag is the given one.
func chainLine(before audit.Hash, content, tag []byte, r *audit.Ratchet) ([]byte, audit.Hash) {
	hash := audit.Hash(sha256.Sum256(append(before[:], content...)))
	if r != nil {
		var made [audit.TagSize]byte
		r.Tag(&made, &hash)
		tag = made[:]
	}
	line := bytes.Clone(content)
	if len(tag) == 0 {
		return append(line, `,"hash":"`+hash.String()+"\"}\n"...), hash
	}
	hash = sha256.Sum256(append(hash[:], tag...))
	return append(line, `,"hash":"`+hash.String()+`","tag":"`+hex.EncodeToString(tag)+"\"}\n"...), hash
}

func hashOf(t testing.TB, line []byte) audit.Hash {
	t.Helper()
	return hexHash(t, entry(t, line).Hash)
}

func hexHash(t testing.TB, text string) audit.Hash {
	t.Helper()
	b, err := hex.DecodeString(text)
	must(t, err)
	return audit.Hash(b)
}

// rechain recomputes the plain chain from a line on, tags left as they are, or made by
// a ratchet that the forger has. Headers follow.
func rechain(t testing.TB, files []segmentFile, file, line int, r *audit.Ratchet) {
	t.Helper()
	var before audit.Hash
	switch {
	case line > 0:
		before = hashOf(t, files[file].lines[line-1])
	case file > 0:
		before = hashOf(t, files[file-1].lines[len(files[file-1].lines)-1])
	}
	for i := file; i < len(files); i++ {
		for j, text := range files[i].lines {
			if i == file && j < line {
				continue
			}
			content, tag := lineParts(t, text)
			if j == 0 && i > 0 {
				content = regexp.MustCompile(`"before":"[0-9a-f]{64}"`).ReplaceAll(content, []byte(`"before":"`+before.String()+`"`))
			}
			if len(tag) == 0 {
				files[i].lines[j], before = chainLine(before, content, nil, nil)
			} else {
				files[i].lines[j], before = chainLine(before, content, tag, r)
			}
		}
	}
}

// history is a log with all that may be in one, and what a checkpoint knows of it.
type history struct {
	dir   string
	slot  slot
	clock *clock
	known audit.Position
	log   *audit.Log // open, with a ratchet that runs
}

// newHistory writes a log of four days: unlocked twice, and started twice without.
//
//	first day:  segment, start, 3 plain records, unlock, 5 records
//	second day: 6 records
//	third day:  6 records; a restart, 4 plain records, unlock, 5 records
//	fourth day: 7 records
func newHistory(t testing.TB) *history {
	t.Helper()
	h := &history{dir: folder(t), slot: slot{[]byte("one")}, clock: clockAt(day())}
	o := options(h.dir)
	o.Now = h.clock.now
	l := open(t, o)
	sign(t, l, 3)
	unlock(t, l, h.slot)
	sign(t, l, 5)
	h.clock.set(day().Add(24 * time.Hour))
	sign(t, l, 6)
	h.clock.set(day().Add(48 * time.Hour))
	sign(t, l, 6)
	must(t, l.Close())
	l = open(t, o)
	sign(t, l, 4)
	unlock(t, l, h.slot)
	sign(t, l, 5)
	h.clock.set(day().Add(72 * time.Hour))
	sign(t, l, 7)
	var err error
	h.known, err = l.Checkpoint()
	must(t, err)
	h.log = l
	return h
}

// copied is a closed history again, in a folder of its own: the disk is what takes time.
func (h *history) copied(t testing.TB) *history {
	t.Helper()
	return &history{dir: crashed(t, h.dir), slot: h.slot, clock: h.clock, known: h.known}
}
