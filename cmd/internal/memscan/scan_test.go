package memscan_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"bfxvault/cmd/internal/memscan"
)

// noise is random and has no byte of ASCII in it.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	for i := range b {
		b[i] |= 0x80
	}
	return b
}

func TestARunIsFoundOnceWhereverItLies(t *testing.T) {
	const chunk = 1 << 20
	data := noise(2*chunk + 5000)
	s := []byte("a-secret-of-forty-characters-0123456789-")
	needles := memscan.Forms("key", s)
	sc := scanner(t, needles)
	longest := 0
	for _, n := range needles {
		longest = max(longest, len(n.Value))
	}
	rapid.Check(t, func(t *rapid.T) {
		border := rapid.SampledFrom([]int{0, chunk + longest, 2*chunk + longest, len(data)}).Draw(t, "border")
		at := border + rapid.IntRange(-60, 60).Draw(t, "distance")
		from := rapid.IntRange(0, len(s)-16).Draw(t, "from")
		to := rapid.IntRange(from+16, len(s)).Draw(t, "to")
		at = min(max(at, 0), len(data)-(to-from))
		before := slices.Clone(data[at : at+to-from])
		copy(data[at:], s[from:to])
		defer copy(data[at:], before)

		got, err := sc.Reader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		want := memscan.Hit{Name: "key", Form: "raw", From: from, To: to, Whole: to-from == len(s), Addr: uint64(at)}
		if len(got) != 1 || got[0] != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestTwoCopiesAreTwoHits(t *testing.T) {
	s := secret()
	sc := scanner(t, memscan.Forms("key", s))
	if hits := sc.Bytes(slices.Concat(s, s)); len(hits) != 2 || hits[1].Addr != 32 {
		t.Errorf("hits %v", hits)
	}
}

func TestAReaderThatFailsIsNotAClean(t *testing.T) {
	sc := scanner(t, memscan.Forms("key", secret()))
	broken := errors.New("broken")
	if _, err := sc.Reader(io.MultiReader(strings.NewReader("some"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestTreeFindsContentsAndNamesAndFollowsNothing(t *testing.T) { // A49
	s := []byte("a-secret-of-forty-characters-0123456789-")
	sc := scanner(t, memscan.Forms("key", s))
	outside := filepath.Join(t.TempDir(), "outside")
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(outside, s, 0o600))
	must(os.MkdirAll(filepath.Join(dir, "a/b"), 0o700))
	must(os.WriteFile(filepath.Join(dir, "a/b/log"), append(noise(3<<20), s...), 0o600))
	must(os.WriteFile(filepath.Join(dir, "a", string(s)), []byte("x"), 0o600))
	must(os.Symlink(outside, filepath.Join(dir, "link")))
	must(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)) // to open it would hang

	report, err := sc.Tree(dir)
	must(err)
	if report.Regions != 2 || report.Bytes != 3<<20+int64(len(s))+1 {
		t.Errorf("it saw %d files, %d bytes", report.Regions, report.Bytes)
	}
	var got []string
	for _, h := range report.Hits {
		got = append(got, strings.ReplaceAll(h.Region, dir, "DIR"))
	}
	want := []string{"name of DIR/a/…", "DIR/a/b/log"}
	if !slices.Equal(got, want) {
		t.Errorf("hits in %q, want %q", got, want)
	}
}

func TestAFolderWithNothingToReadIsAnError(t *testing.T) {
	sc := scanner(t, memscan.Forms("key", secret()))
	if _, err := sc.Tree(t.TempDir()); err == nil {
		t.Error("an empty folder was called clean")
	}
	if _, err := sc.Tree(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("an absent folder was called clean")
	}
}

func BenchmarkScan(b *testing.B) {
	var needles []memscan.Needle
	for range 20 {
		needles = append(needles, memscan.Forms("key", secret())...)
	}
	sc := scanner(b, needles)
	data := noise(64 << 20)
	b.SetBytes(int64(len(data)))
	b.ReportMetric(float64(len(needles)), "needles")
	for b.Loop() {
		if hits := sc.Bytes(data); len(hits) != 0 {
			b.Fatal(hits)
		}
	}
}
