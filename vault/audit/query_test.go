package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

// script writes chained lines as a log does, at times of its own choosing.
type script struct {
	t    testing.TB
	dir  string
	name string
	seq  uint64
	head audit.Hash
	buf  []byte
}

func newScript(t testing.TB) *script {
	return &script{t: t, dir: t.TempDir()}
}

// segment begins a segment; what is written goes there.
func (s *script) segment(at time.Time) {
	s.flush()
	s.name = fmt.Sprintf("%012d-%s.jsonl", s.seq+1, at.UTC().Format(time.DateOnly))
	s.line(at, fmt.Sprintf(`"op":"segment","format":1,"before":"%s"`, s.head))
}

func (s *script) line(at time.Time, fields string) {
	s.seq++
	start := len(s.buf)
	s.buf = fmt.Appendf(s.buf, `{"seq":%d,"time":"%s",%s`, s.seq, at.UTC().Format("2006-01-02T15:04:05.000000Z"), fields)
	h := sha256.New()
	h.Write(s.head[:])
	h.Write(s.buf[start:])
	h.Sum(s.head[:0])
	s.buf = append(hex.AppendEncode(append(s.buf, `,"hash":"`...), s.head[:]), "\"}\n"...)
	if len(s.buf) > 1<<20 {
		s.flush()
	}
}

// flush appends what was written to the segment.
func (s *script) flush() {
	if len(s.buf) == 0 {
		return
	}
	f, err := os.OpenFile(s.path(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(s.t, err)
	_, err = f.Write(s.buf)
	must(s.t, err, f.Close())
	s.buf = s.buf[:0]
}

func (s *script) path() string { return filepath.Join(s.dir, s.name) }

// reader opens the folder.
func (s *script) reader() *audit.Reader {
	s.flush()
	r, err := audit.OpenReader(s.dir)
	must(s.t, err)
	s.t.Cleanup(func() { r.Close() })
	return r
}

func seqOf(t testing.TB, text []byte) uint64 {
	t.Helper()
	number, _, _ := strings.Cut(strings.TrimPrefix(string(text), `{"seq":`), ",")
	seq, err := strconv.ParseUint(number, 10, 64)
	must(t, err)
	return seq
}

// wantedOf is the sequences of the records that are wanted.
func wantedOf(t testing.TB, r *audit.Reader, f audit.Filter) (seqs []uint64) {
	t.Helper()
	for text, err := range r.Records(f) {
		must(t, err)
		seqs = append(seqs, seqOf(t, text))
	}
	return seqs
}

func newest(t testing.TB, r *audit.Reader, f audit.Filter, most int) (seqs []uint64) {
	t.Helper()
	list, _, err := r.Newest(f, most)
	must(t, err)
	for _, text := range list {
		seqs = append(seqs, seqOf(t, text))
	}
	return seqs
}

func midnight() time.Time { return time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC) }

// threeDays is a small log: three segments, the middle one of a clock that was set back.
func threeDays(t testing.TB) *script {
	s, day := newScript(t), midnight()
	s.segment(day)                                                                                                                                                                           // 1
	s.line(day.Add(time.Hour), `"op":"sign","bot":"mm-1","key":"main","symbol":"tBTCUSD","decision":"allowed"`)                                                                              // 2
	s.line(day.Add(2*time.Hour), `"op":"sign","bot":"mm-2","key":"main","ops":[{"do":"submit","symbol":"tBTCUSD"},{"do":"submit","symbol":"tETHUSD"}],"decision":"denied","rule":"symbols"`) // 3
	s.line(day.Add(3*time.Hour), `"op":"alert","alert":"first_use","detail":"says \",\"bot\":\"mm-1\" in a text"`)                                                                           // 4
	s.line(day.Add(3*time.Hour), `"op":"next"`)                                                                                                                                              // 5
	s.segment(day.AddDate(0, 0, -1))                                                                                                                                                         // 6
	s.line(day.AddDate(0, 0, -1).Add(time.Hour), `"op":"sign","bot":"mm-1","key":"other","decision":"limited"`)                                                                              // 7
	s.line(day.AddDate(0, 0, 1).Add(time.Hour), `"op":"sign","bot":"mm-10","key":"main","decision":"allowed"`)                                                                               // 8
	s.segment(day.AddDate(0, 0, 2))                                                                                                                                                          // 9
	s.line(day.AddDate(0, 0, 2).Add(time.Microsecond), `"op":"unlock","decision":"done"`)                                                                                                    // 10
	s.flush()
	return s
}

func TestRecordsAreFoundByWhatTheySay(t *testing.T) {
	r, day := threeDays(t).reader(), midnight()
	for _, c := range []struct {
		name string
		f    audit.Filter
		want []uint64
	}{
		{"all", audit.Filter{}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"a bot, and none whose name begins so, nor one named in a text", audit.Filter{Bot: "mm-1"}, []uint64{2, 7}},
		{"an API key", audit.Filter{Key: "main"}, []uint64{2, 3, 8}},
		{"a bot with an API key", audit.Filter{Bot: "mm-1", Key: "other"}, []uint64{7}},
		{"a decision", audit.Filter{Decision: audit.Denied}, []uint64{3}},
		{"an operation", audit.Filter{Op: "unlock"}, []uint64{10}},
		{"a symbol of the path or of an operation", audit.Filter{Symbol: "tBTCUSD"}, []uint64{2, 3}},
		{"a symbol of a later operation", audit.Filter{Symbol: "tETHUSD"}, []uint64{3}},
		{"alerts", audit.Filter{Alerts: true}, []uint64{4}},
		{"from a time on", audit.Filter{Since: day.Add(2 * time.Hour)}, []uint64{3, 4, 5, 8, 9, 10}},
		{"from just behind a time on", audit.Filter{Since: day.Add(2*time.Hour + 1)}, []uint64{4, 5, 8, 9, 10}},
		{"before a time, whatever the clock did between", audit.Filter{Until: day.Add(2 * time.Hour)}, []uint64{1, 2, 6, 7}},
		{"between two times", audit.Filter{Since: day.AddDate(0, 0, 1), Until: day.AddDate(0, 0, 2)}, []uint64{8}},
		{"a bot between two times", audit.Filter{Bot: "mm-1", Since: day, Until: day.AddDate(0, 0, 1)}, []uint64{2}},
		{"nothing", audit.Filter{Bot: "nobody"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := wantedOf(t, r, c.f); !slices.Equal(got, c.want) {
				t.Errorf("found %d, want %d", got, c.want)
			}
			for most := range 4 {
				want := c.want[max(0, len(c.want)-most):]
				if got := newest(t, r, c.f, most); !slices.Equal(got, want) {
					t.Errorf("the newest %d are %d, want %d", most, got, want)
				}
			}
		})
	}
	if r.Garbled() != 0 {
		t.Errorf("%d garbled", r.Garbled())
	}
}

// A log of many chunks: whatever is asked for, halving and chunks find what going
// through all lines does.
func TestHalvingFindsWhatGoingThroughAllDoes(t *testing.T) {
	s, day := newScript(t), midnight()
	s.segment(day)
	const n, step = 30_000, 100 * time.Millisecond // three at a time
	padding := strings.Repeat("x", 100)
	for i := range n {
		s.line(day.Add(time.Duration(i/3)*step), fmt.Sprintf(`"op":"sign","bot":"mm-%d","detail":"%s"`, i%7, padding[:i%100]))
	}
	r := s.reader()
	for _, i := range []int{0, 1, 2, 3, 1000, 9999, 15_000, n - 4, n - 1, n + 3} {
		at := day.Add(time.Duration(i/3) * step)
		since := newest(t, r, audit.Filter{Since: at}, n+1)
		if want := max(0, n-i/3*3); len(since) < want || len(since) > want+1 { // the header is of the first moment
			t.Errorf("since %d: %d records, want %d", i, len(since), want)
		}
		until := wantedOf(t, r, audit.Filter{Until: at})
		if len(since)+len(until) != n+1 {
			t.Errorf("at %d: %d since, %d until, of %d", i, len(since), len(until), n+1)
		}
		if got := wantedOf(t, r, audit.Filter{Since: at}); !slices.Equal(got, since) {
			t.Errorf("since %d: %d forwards, %d backwards", i, len(got), len(since))
		}
	}
	one := wantedOf(t, r, audit.Filter{Bot: "mm-3"})
	if len(one) < n/7 || len(one) > n/7+1 || !slices.IsSorted(one) {
		t.Errorf("one bot of seven has %d of %d", len(one), n)
	}
	if got := newest(t, r, audit.Filter{Bot: "mm-3"}, 1000); !slices.Equal(got, one[len(one)-1000:]) {
		t.Error("the newest of a bot are others backwards")
	}
}

// What cannot hold what is wanted is not opened.
func TestSegmentsOfOtherTimesAreNotRead(t *testing.T) {
	s := threeDays(t)
	later := filepath.Join(s.dir, "000000000099-2026-11-29.jsonl")
	must(t, os.Mkdir(later, 0o700))
	r, day := s.reader(), midnight()
	if got := wantedOf(t, r, audit.Filter{Until: day.AddDate(0, 0, 1), Op: "sign"}); !slices.Equal(got, []uint64{2, 3, 7}) {
		t.Errorf("found %d", got)
	}
	var unsafe *audit.UnsafeError
	for _, err := range r.Records(audit.Filter{}) {
		if err != nil && !errors.As(err, &unsafe) {
			t.Error(err)
		}
	}
	if unsafe == nil {
		t.Error("a folder was read as a segment")
	}
}

// A48, A51: a FIFO does not hang, a link is not followed.
func TestWhatIsNoRegularFileIsRefused(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"fifo": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link": func(path string) error { return os.Symlink("/etc/passwd", path) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			must(t, make(filepath.Join(s.dir, "000000000001-2026-11-25.jsonl")))
			var unsafe *audit.UnsafeError
			if _, _, err := s.reader().Newest(audit.Filter{}, 1); !errors.As(err, &unsafe) {
				t.Error(err)
			}
		})
	}
}

// Lines that are no records are passed over and counted, and no terminal sees them.
func TestGarbledLinesArePassedOver(t *testing.T) {
	s, day := newScript(t), midnight()
	s.segment(day)
	s.line(day, `"op":"sign","bot":"mm-1"`)
	hash := strings.Repeat("0", 64)
	for _, bad := range []string{
		`no record,"bot":"mm-1"`,
		`{"seq":3,"time":"2026-11-25T00:00:00.000000Z","op":"sign","bot":"mm-1",,"hash":"` + hash + `"}`,
		`{"seq":3,"time":"2026-11-25T00:00:00.000000Z","op":"sign","bot":"mm-1","detail":"` + "\x1b[2J" + `","hash":"` + hash + `"}`,
		`{"seq":3,"time":"2026-11-25T00:00:00.000000Z","op":"sign","bot":"mm-1","detail":"` + "\u0085" + `","hash":"` + hash + `"}`,
		`,"bot":"mm-1"` + strings.Repeat("x", 3<<20),
		strings.Repeat("x", 1<<20) + `{"seq":9,"time":"2026-11-25T00:00:00.000000Z","op":"sign","bot":"mm-1","hash":"` + hash + `"}`, // behind a chunk
	} {
		s.buf = append(append(s.buf, bad...), '\n')
	}
	s.line(day, `"op":"sign","bot":"mm-1","detail":"after"`)
	s.buf = append(s.buf, `{"seq":4,"time":"2026-11-25T00:00:00.000000Z","op":"sign","bot":"mm-1"`...)
	for _, back := range []bool{false, true} {
		r := s.reader()
		got := []uint64(nil)
		if back {
			got = newest(t, r, audit.Filter{Bot: "mm-1"}, 10)
		} else {
			got = wantedOf(t, r, audit.Filter{Bot: "mm-1"})
		}
		if !slices.Equal(got, []uint64{2, 3}) || r.Garbled() < 4 {
			t.Errorf("found %d, %d garbled", got, r.Garbled())
		}
	}
	// Where lines do not tell their time, all are gone through.
	if got := wantedOf(t, s.reader(), audit.Filter{Since: day, Until: day.Add(time.Second), Bot: "mm-1"}); !slices.Equal(got, []uint64{2, 3}) {
		t.Errorf("found %d", got)
	}
}

// Removed segments are not missed: Retain may come between.
func TestASegmentThatIsRemovedMeanwhileIsPassedOver(t *testing.T) {
	s := threeDays(t)
	r := s.reader()
	names, err := audit.Segments(s.dir)
	must(t, err)
	var got []uint64
	for text, err := range r.Records(audit.Filter{Op: "sign"}) {
		must(t, err)
		if got = append(got, seqOf(t, text)); len(got) == 1 {
			must(t, os.Remove(filepath.Join(s.dir, names[1])))
		}
	}
	if !slices.Equal(got, []uint64{2, 3}) {
		t.Errorf("found %d", got)
	}
}

// What Log writes is what Reader finds.
func TestWhatALogWritesIsFound(t *testing.T) {
	dir := folder(t)
	l := open(t, options(dir))
	for i := range 10 {
		_, err := l.Append(&audit.Record{Op: "sign", Bot: "mm-" + string(rune('0'+i%2)), Key: "main", Decision: audit.Allowed,
			View: []byte(`[{"do":"submit","symbol":"tBTCUSD"}]`)}, false)
		must(t, err)
	}
	r, err := audit.OpenReader(dir)
	must(t, err)
	defer r.Close()
	if got := wantedOf(t, r, audit.Filter{Bot: "mm-1", Key: "main", Symbol: "tBTCUSD", Decision: audit.Allowed, Op: "sign"}); len(got) != 5 {
		t.Errorf("found %d", got)
	}
}

// However a segment is cut and changed, reading it ends, finds records only, and
// forwards what it does backwards.
func FuzzReader(f *testing.F) {
	s := newScript(f)
	s.segment(midnight())
	for i := range 20 {
		s.line(midnight().Add(time.Duration(i)*time.Second), `"op":"sign","bot":"mm-1","symbol":"tBTCUSD"`)
	}
	whole := bytes.Clone(s.buf)
	seeds := [][]byte{whole, whole[:len(whole)-10], whole[100:], {}, []byte("\n\n\n"), bytes.ReplaceAll(whole, []byte("time"), []byte("emit"))}
	if len(whole) == 0 {
		f.Fatal("no seeds")
	}
	for _, seed := range seeds {
		f.Add(seed, int64(5), "mm-1")
	}
	f.Fuzz(func(t *testing.T, text []byte, seconds int64, bot string) {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "000000000001-2026-11-25.jsonl"), text, 0o600))
		r, err := audit.OpenReader(dir)
		must(t, err)
		defer r.Close()
		for _, filter := range []audit.Filter{{}, {Bot: bot}, {Bot: bot, Since: midnight().Add(time.Duration(seconds%100_000) * time.Second)}} {
			var forwards [][]byte
			for line, err := range r.Records(filter) {
				must(t, err)
				if _, err := audit.ParseEntry(line); err != nil {
					continue // a field of another kind; JSON all the same
				}
				forwards = append(forwards, bytes.Clone(line))
			}
			if bot == "" && len(forwards) > bytes.Count(text, []byte("\n")) {
				t.Error("more records than lines")
			}
			backwards, _, err := r.Newest(filter, 1<<20)
			must(t, err)
			if len(backwards) < len(forwards) {
				t.Errorf("%d forwards, %d backwards", len(forwards), len(backwards))
			}
		}
	})
}
