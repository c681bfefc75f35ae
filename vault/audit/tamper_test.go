package audit_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

// P2
func TestAWholeHistoryVerifies(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	r := verifies(t, h.dir, h.slot, h.known)
	if r.Records != h.known.Seq || r.Last != h.known.Seq || r.First != 1 || r.Head != h.known.Head.String() {
		t.Errorf("%+v, want %d records up to %s", r, h.known.Seq, h.known.Head)
	}
	// Plain are: header, start, 3 records, unlock; start, 4 records, unlock.
	if r.Unproven != 12 || r.Proven != r.Records-12 {
		t.Errorf("%d of %d proven, %d unproven", r.Proven, r.Records, r.Unproven)
	}
	if r := verify(t, h.dir, nil); r.Proven != 0 || r.Unproven != 12 {
		t.Errorf("without a passphrase %d are proven, %d unproven", r.Proven, r.Unproven)
	}
	if r := verify(t, h.dir, slot{[]byte("another")}); r.FirstBad == nil {
		t.Error("it verifies with another slot")
	}
}

// A50
func TestEveryEditIsFound(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	must(t, h.log.Close())
	files := load(t, h.dir)
	seq := uint64(0)
	for i, f := range files {
		for j, line := range f.lines {
			seq++
			for _, at := range []int{0, 7, len(line) / 2, len(line) - 70, len(line) - 20, len(line) - 1} {
				edited := bytes.Clone(line)
				edited[at] ^= 1
				files[i].lines[j] = edited
				save(t, h.dir, files)
				for _, keys := range []audit.Keys{nil, h.slot} {
					found(t, verify(t, h.dir, keys, h.known), seq)
				}
			}
			files[i].lines[j] = line
		}
		save(t, h.dir, files)
	}
	verifies(t, h.dir, h.slot, h.known)
}

// tampering is a change of a log, which returns the first record that is not right.
type tampering struct {
	name   string
	change func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64)
}

func secondDay(e audit.Entry) bool {
	return e.Op == "sign" && e.Time.After(day().Add(20*time.Hour))
}

// tamperedRecords changes records, and tamperedSegments changes whole days.
func tamperedRecords() []tampering {
	return []tampering{
		{"two records change places", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			i, j := where(t, files, secondDay)
			l := files[i].lines
			l[j], l[j+1] = l[j+1], l[j]
			return files, entry(t, l[j+1]).Seq
		}},
		{"one is dropped from the middle", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			i, j := where(t, files, secondDay)
			seq := entry(t, files[i].lines[j]).Seq
			files[i].lines = slices.Delete(files[i].lines, j, j+1)
			return files, seq
		}},
		{"one stands twice", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			i, j := where(t, files, secondDay)
			files[i].lines = slices.Insert(files[i].lines, j, files[i].lines[j])
			return files, entry(t, files[i].lines[j]).Seq + 1
		}},
		{"the tail is cut below the checkpoint", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			last := &files[len(files)-1]
			last.lines = last.lines[:len(last.lines)-3]
			return files, h.known.Seq - 2
		}},
		{"a record ends in the middle of a day", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			last := len(files[1].lines) - 1
			seq := entry(t, files[1].lines[last]).Seq
			files[1].lines[last] = files[1].lines[last][:20]
			return files, seq
		}},
		{"a segment is named after another record", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			seq := entry(t, files[1].lines[0]).Seq
			files[1].name = fmt.Sprintf("%012d-2026-11-26.jsonl", seq+1)
			return files, seq
		}},
		{"a plain record is changed", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			i, j := where(t, files, func(e audit.Entry) bool { return e.Op == "sign" })
			files[i].lines[j] = bytes.Replace(files[i].lines[j], []byte("mm-1"), []byte("mm-2"), 1)
			return files, entry(t, files[i].lines[j]).Seq
		}},
	}
}

func tamperedSegments() []tampering {
	return []tampering{
		{"a day is dropped from the middle", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			seq := entry(t, files[1].lines[0]).Seq
			return slices.Delete(files, 1, 2), seq
		}},
		{"the first day is dropped", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			return files[1:], 1
		}},
		{"the last day is dropped", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			seq := entry(t, files[3].lines[0]).Seq
			return files[:3], seq
		}},
		{"all is dropped", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			return nil, 1
		}},
		{"an older copy of a day stands in its place", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			seq := entry(t, files[1].lines[4]).Seq
			files[1].lines = files[1].lines[:4]
			return files, seq
		}},
		{"a day stands there twice", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			again := files[1]
			again.name = again.name[:13] + "2026-11-27.jsonl"
			seq := entry(t, files[2].lines[0]).Seq
			return slices.Insert(files, 2, again), seq
		}},
		{"something stands behind a day", func(t *testing.T, h *history, files []segmentFile) ([]segmentFile, uint64) {
			files[1].lines = append(files[1].lines, []byte("{}\n"))
			return files, entry(t, files[2].lines[0]).Seq
		}},
	}
}

// A50: nothing was recomputed, so that each is found without a passphrase as well.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	whole := newHistory(t)
	must(t, whole.log.Close())
	for _, test := range append(tamperedRecords(), tamperedSegments()...) {
		t.Run(test.name, func(t *testing.T) {
			h := whole.copied(t)
			files, seq := test.change(t, h, load(t, h.dir))
			save(t, h.dir, files)
			for _, keys := range []audit.Keys{nil, h.slot} {
				found(t, verify(t, h.dir, keys, h.known), seq)
			}
		})
	}
}

// A50
func TestAMissingFolderIsFound(t *testing.T) {
	t.Parallel()
	known := audit.Position{Seq: 17, Head: audit.Hash{1}}
	found(t, verify(t, filepath.Join(t.TempDir(), "none"), nil, known), 1)
	found(t, verify(t, t.TempDir(), nil, known), 1)
	if r := verify(t, t.TempDir(), nil); r.FirstBad != nil || r.Records != 0 {
		t.Errorf("an empty log: %+v", r)
	}
}

// A50
func TestALogSplicedFromTwoIsFound(t *testing.T) {
	t.Parallel()
	h, other := newHistory(t), newHistory(t)
	must(t, h.log.Close(), other.log.Close())
	files, others := load(t, h.dir), load(t, other.dir)
	// Both have the same shape; their records differ by the slot.
	h2 := &history{dir: folder(t), slot: slot{[]byte("two")}, clock: clockAt(day())}
	o := options(h2.dir)
	o.Now = h2.clock.now
	l := open(t, o)
	sign(t, l, 3)
	unlock(t, l, h2.slot)
	sign(t, l, 5)
	h2.clock.set(day().Add(24 * time.Hour))
	sign(t, l, 6)
	must(t, l.Close())
	if !bytes.Equal(files[1].lines[0], others[1].lines[0]) {
		t.Fatal("the same history is written in two ways")
	}
	files[1] = load(t, h2.dir)[1]
	save(t, h.dir, files)
	for _, keys := range []audit.Keys{nil, h.slot} {
		found(t, verify(t, h.dir, keys, h.known), entry(t, files[1].lines[0]).Seq)
	}
}

// A51: neither hangs, and neither is read.
func TestVerifyReadsRegularFilesOnly(t *testing.T) {
	t.Parallel()
	whole := newHistory(t)
	must(t, whole.log.Close())
	for name, place := range map[string]func(t *testing.T, path string){
		"FIFO":   makeFIFO,
		"link":   func(t *testing.T, path string) { must(t, os.Rename(path, path+".x"), os.Symlink(path+".x", path)) },
		"folder": func(t *testing.T, path string) { must(t, os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			h := whole.copied(t)
			files := load(t, h.dir)
			place(t, filepath.Join(h.dir, files[2].name))
			found(t, verify(t, h.dir, h.slot, h.known), entry(t, files[2].lines[0]).Seq)
		})
	}
}
