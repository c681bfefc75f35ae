package audit_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"bfxvault/vault/audit"
)

// memoryFolder is a folder that no disk slows down, where there is one.
func memoryFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "audit")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// FuzzParseEntry: whatever it is given, what it returns is what is written again.
func FuzzParseEntry(f *testing.F) {
	h := newHistory(f)
	must(f, h.log.Close())
	files := load(f, h.dir)
	if len(files) == 0 {
		f.Fatal("no seeds")
	}
	for _, file := range files {
		for _, line := range file.lines {
			f.Add(line)
		}
	}
	f.Add([]byte(`{"seq":-1}`))
	f.Add([]byte(`{"uid":4294967296,"ops":[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := audit.ParseEntry(text)
		if err != nil && (e.Seq != 0 || e.Op != "") {
			t.Errorf("with %v it returns %+v", err, e)
		}
	})
}

// FuzzLine: a line behind good ones is taken where a second reader, written after
// docs/format.md, takes it, and nowhere else.
func FuzzLine(f *testing.F) {
	h := newHistory(f)
	must(f, h.log.Close())
	dir := memoryFolder(f)
	first := load(f, h.dir)[0]
	good, next := bytes.Join(first.lines[:4], nil), first.lines[4]
	path := filepath.Join(dir, first.name)
	at := audit.Position{Seq: 4, Head: hashOf(f, first.lines[3])}
	for _, line := range append(slices.Clone(first.lines), next[:len(next)-1], bytes.ToUpper(next),
		[]byte("\n"), nil, []byte(`{"seq":5,"time":"`+"\"}\n"), []byte(`{"seq":05`), []byte(`{"seq":99999999999999999999,"time":"`)) {
		f.Add(line)
	}
	whole := regexp.MustCompile(`^({"seq":([1-9][0-9]{0,18}),"time":"[^\n]*),"hash":"([0-9a-f]{64})"}` + "\n$")
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.Count(line, []byte("\n")) > 1 {
			return
		}
		want := false
		if m := whole.FindSubmatch(line); m != nil {
			made, _ := chainLine(at.Head, m[1], nil, nil)
			want = bytes.Equal(made, line) && string(m[2]) == strconv.FormatUint(at.Seq+1, 10)
		}
		must(t, os.WriteFile(path, append(bytes.Clone(good), line...), 0o600))
		r := verify(t, dir, nil)
		taken := r.FirstBad == nil && r.Records == at.Seq+1
		if taken != want {
			t.Errorf("%q is taken: %t, want %t", line, taken, want)
		}
		if whole := bytes.HasSuffix(line, []byte("\n")); !taken && whole && (r.FirstBad == nil || *r.FirstBad != at.Seq+1) {
			t.Errorf("%q is not found", line)
		}
	})
}

// FuzzRecovery: whatever stands behind what is good, it opens with that, and verifies.
func FuzzRecovery(f *testing.F) {
	dir, s, o, known := small(f, 4)
	path := newestSegment(f, dir)
	text, err := os.ReadFile(path)
	must(f, err)
	checkpoint, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(f, err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	below := bytes.Join(lines[:known.Seq], nil) // the checkpoint
	rest := text[len(below):]
	for cut := 0; cut < len(rest); cut += 97 {
		f.Add(rest[:cut])
	}
	f.Add(append(make([]byte, 100), rest...))
	f.Add(bytes.Repeat([]byte("\n"), 100))
	f.Add(bytes.Repeat([]byte(`{"seq":9,"time":"`), 5000))
	f.Fuzz(func(t *testing.T, tail []byte) {
		o := o
		o.Dir = filepath.Join(memoryFolder(t), "audit")
		must(t, os.Mkdir(o.Dir, 0o700),
			os.WriteFile(filepath.Join(o.Dir, filepath.Base(path)), append(bytes.Clone(below), tail...), 0o600),
			os.WriteFile(filepath.Join(o.Dir, "checkpoint"), checkpoint, 0o600))
		l, err := audit.Open(o)
		must(t, err, l.Close())
		verifies(t, o.Dir, s, known)
		after, err := os.ReadFile(newestSegment(t, o.Dir))
		must(t, err)
		same := 0 // of what was behind the checkpoint
		for same < min(len(tail), len(rest)) && tail[same] == rest[same] {
			same++
		}
		kept := bytes.LastIndexByte(rest[:same], '\n') + 1
		if !bytes.HasPrefix(after, below) || !bytes.HasPrefix(after[len(below):], rest[:kept]) {
			t.Error("what was good is lost")
		}
	})
}

// FuzzCheckpointFile: whatever stands in it, a log opens or is refused, and what it opens
// with verifies.
func FuzzCheckpointFile(f *testing.F) {
	dir, s, o, _ := small(f, 4)
	path := newestSegment(f, dir)
	text, err := os.ReadFile(path)
	must(f, err)
	checkpoint, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(f, err)
	f.Add(checkpoint)
	f.Add([]byte(`{"seq":1,"size":-1,"head":"` + (audit.Hash{}).String() + `"}`))
	f.Add(bytes.Replace(checkpoint, []byte(`"size":`), []byte(`"size":1`), 1))
	f.Fuzz(func(t *testing.T, content []byte) {
		o := o
		o.Dir = filepath.Join(memoryFolder(t), "audit")
		must(t, os.Mkdir(o.Dir, 0o700),
			os.WriteFile(filepath.Join(o.Dir, filepath.Base(path)), text, 0o600),
			os.WriteFile(filepath.Join(o.Dir, "checkpoint"), content, 0o600))
		l, err := audit.Open(o)
		var damaged *audit.DamagedError
		if errors.As(err, &damaged) {
			return
		}
		must(t, err, l.Close())
		verifies(t, o.Dir, s)
		after, err := os.ReadFile(newestSegment(t, o.Dir))
		must(t, err)
		if !bytes.HasPrefix(after, text) {
			t.Error("what was good is lost")
		}
	})
}

// FuzzMutation: whatever is changed below the checkpoint is found, in the record that it
// begins in, with a passphrase and without (A50).
func FuzzMutation(f *testing.F) {
	h := newHistory(f)
	must(f, h.log.Close())
	files := load(f, h.dir)
	dir := memoryFolder(f)
	save(f, dir, files)
	for i := range 64 {
		f.Add(uint8(i), uint16(i*37), uint8(1), []byte{byte(i)})
		f.Add(uint8(i), uint16(i*91), uint8(i), []byte("x"))
		f.Add(uint8(i), uint16(i*53), uint8(0), []byte{'\n'})
	}
	f.Fuzz(func(t *testing.T, file uint8, at uint16, cut uint8, put []byte) {
		one := files[int(file)%len(files)]
		text := bytes.Join(one.lines, nil)
		from := int(at) % len(text)
		to := min(from+int(cut), len(text))
		changed := slices.Concat(text[:from], put, text[to:])
		same := 0
		for same < min(len(text), len(changed)) && text[same] == changed[same] {
			same++
		}
		if same == len(text) && len(changed) == same {
			return
		}
		seq := entry(t, one.lines[0]).Seq + uint64(bytes.Count(text[:min(same, len(text))], []byte("\n")))
		path := filepath.Join(dir, one.name)
		must(t, os.WriteFile(path, changed, 0o600))
		defer func() { must(t, os.WriteFile(path, text, 0o600)) }()
		behind := same == len(text) && int(file)%len(files) == len(files)-1
		for _, keys := range []audit.Keys{nil, h.slot} {
			r := verify(t, dir, keys, h.known)
			switch {
			case behind && r.FirstBad == nil: // behind the checkpoint: torn, or empty
			case r.FirstBad == nil || *r.FirstBad != seq:
				t.Errorf("bytes %d to %d of %s become %q: %s, want %d", from, to, one.name, hex.EncodeToString(put), describe(r), seq)
			}
		}
	})
}

func describe(r audit.Report) string {
	if r.FirstBad == nil {
		return "nothing is found"
	}
	return fmt.Sprintf("%d is found (%s)", *r.FirstBad, r.Problem)
}
