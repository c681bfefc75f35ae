package store_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"bfxvault/vault/internal/store"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestANewFileIsEmptyAndPrivate(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	got, rev, err := load(s)
	if err != nil || rev != 0 || len(got) != 0 {
		t.Errorf("new file: %d entries at revision %d, %v", len(got), rev, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode of a new file: %v, %v", info.Mode(), err)
	}
	if s.Path() != path {
		t.Errorf("Path() = %q", s.Path())
	}
}

func TestWhatWasAppliedIsReadBackInOrder(t *testing.T) {
	s := open(t, newFile(t))
	mustApply(t, s, 0,
		store.Op{Bucket: store.Keys, Key: []byte("b"), Value: []byte("2")},
		store.Op{Bucket: store.Bots, Key: []byte("z"), Value: []byte{}},
		store.Op{Bucket: store.Keys, Key: []byte("a"), Value: []byte("1")})
	var got []string
	rev, err := s.Load(func(bucket string, key, value []byte) error {
		got = append(got, fmt.Sprintf("%s %s=%q", bucket, key, value))
		return nil
	})
	want := []string{`bots z=""`, `keys a="1"`, `keys b="2"`}
	if diff := cmp.Diff(want, got); err != nil || rev != 1 || diff != "" {
		t.Errorf("revision %d, %v:\n%s", rev, err, diff)
	}
}

func TestABatchAtAnotherRevisionChangesNothing(t *testing.T) {
	s := open(t, newFile(t))
	mustApply(t, s, 0, store.Op{Bucket: store.Keys, Key: []byte("a"), Value: []byte("1")})
	for _, rev := range []uint64{0, 2, 1 << 63} {
		err := s.Apply(rev, []store.Op{{Bucket: store.Keys, Key: []byte("a"), Value: []byte("2")}})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("at revision %d: %v", rev, err)
		}
	}
	got, rev, err := load(s)
	if err != nil || rev != 1 || got["keys/a"] != "1" {
		t.Errorf("after conflicts: %v at %d, %v", got, rev, err)
	}
}

func TestAnInvalidOpChangesNothing(t *testing.T) {
	s := open(t, newFile(t))
	good := store.Op{Bucket: store.Keys, Key: []byte("good"), Value: []byte("1")}
	for name, bad := range map[string]store.Op{
		"unknown bucket":   {Bucket: "other", Key: []byte("a"), Value: []byte("1")},
		"no bucket":        {Key: []byte("a"), Value: []byte("1")},
		"empty key":        {Bucket: store.Keys, Value: []byte("1")},
		"long key":         {Bucket: store.Keys, Key: make([]byte, store.MaxKey+1), Value: []byte("1")},
		"long value":       {Bucket: store.Keys, Key: []byte("a"), Value: make([]byte, store.MaxValue+1)},
		"format version":   {Bucket: store.Meta, Key: []byte("format"), Value: []byte{1}},
		"revision":         {Bucket: store.Meta, Key: []byte("revision"), Value: make([]byte, 8)},
		"revision removed": {Bucket: store.Meta, Key: []byte("revision")},
	} {
		if err := s.Apply(0, []store.Op{good, bad}); !errors.Is(err, store.ErrInvalidOp) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rev, err := s.Revision(); rev != 0 || err != nil {
		t.Errorf("revision %d, %v", rev, err)
	}
}

func TestTheLargestEntryIsKept(t *testing.T) {
	s := open(t, newFile(t))
	mustApply(t, s, 0, store.Op{Bucket: store.Keys, Key: make([]byte, store.MaxKey), Value: make([]byte, store.MaxValue)})
}

func TestAnErrorOfTheReaderEndsLoading(t *testing.T) {
	s := open(t, newFile(t))
	mustApply(t, s, 0, store.Op{Bucket: store.Keys, Key: []byte("a"), Value: []byte("1")},
		store.Op{Bucket: store.Keys, Key: []byte("b"), Value: []byte("1")})
	stop := errors.New("enough")
	calls := 0
	_, err := s.Load(func(string, []byte, []byte) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestAPanicOfTheReaderIsNotTakenForDamage(t *testing.T) {
	s := open(t, newFile(t))
	mustApply(t, s, 0, store.Op{Bucket: store.Keys, Key: []byte("a"), Value: []byte("1")})
	defer func() {
		if r := recover(); r != "a mistake of the caller" {
			t.Errorf("recovered %v", r)
		}
	}()
	_, err := s.Load(func(string, []byte, []byte) error { panic("a mistake of the caller") })
	t.Errorf("Load returned %v", err)
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s := open(t, newFile(t))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Revision(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Revision: %v", err)
	}
	if err := s.Apply(0, nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Apply: %v", err)
	}
}

// P7: whatever is applied, the file holds what a map would, also when it is opened
// anew between batches.
func TestTheFileHoldsWhatAMapWould(t *testing.T) {
	buckets := []string{store.Keys, store.Secrets, store.Marks, store.Grants}
	rapid.Check(t, func(rt *rapid.T) {
		path := newFile(t)
		s, err := store.Open(path)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { s.Close() }()
		model := content{}
		steps := rapid.IntRange(1, 8).Draw(rt, "steps")
		for rev := range uint64(steps) {
			var ops []store.Op
			for range rapid.IntRange(0, 40).Draw(rt, "ops") {
				op := store.Op{
					Bucket: rapid.SampledFrom(buckets).Draw(rt, "bucket"),
					Key:    fmt.Appendf(nil, "%d", rapid.IntRange(0, 99).Draw(rt, "key")),
				}
				if rapid.IntRange(0, 2).Draw(rt, "delete") > 0 {
					op.Value = pattern(int(rev), rapid.IntRange(0, 2*pageSize).Draw(rt, "size"))
				}
				ops = append(ops, op)
			}
			if err := s.Apply(rev, ops); err != nil {
				rt.Fatal(err)
			}
			model.apply(ops)
			if rapid.Bool().Draw(rt, "reopen") {
				s.Close()
				if s, err = store.Open(path); err != nil {
					rt.Fatal(err)
				}
			}
			got, at, err := load(s)
			if diff := cmp.Diff(model, got); err != nil || at != rev+1 || diff != "" {
				rt.Fatalf("at %d, %v:\n%s", at, err, diff)
			}
		}
	})
}

func TestReadersSeeWholeBatchesOnly(t *testing.T) {
	s := open(t, newFile(t))
	const batches = 30
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for rev := uint64(0); rev < batches; {
				got, at, err := load(s)
				if err != nil {
					t.Error(err)
					return
				}
				for name, v := range got {
					if v != fmt.Sprint(at) {
						t.Errorf("at revision %d %s is of %s", at, name, v)
					}
				}
				rev = at
			}
		})
	}
	for rev := range uint64(batches) {
		var ops []store.Op
		for k := range 20 {
			ops = append(ops, store.Op{Bucket: store.Keys, Key: []byte{byte(k + 1)}, Value: fmt.Append(nil, rev+1)})
		}
		mustApply(t, s, rev, ops...)
	}
	wg.Wait()
}

func BenchmarkApplyOneRecord(b *testing.B) {
	s, err := store.Open(onDisk(b))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	rev := uint64(0)
	for b.Loop() {
		op := store.Op{Bucket: store.Marks, Key: fmt.Append(nil, rev%100), Value: pattern(1, 57)}
		if err := s.Apply(rev, []store.Op{op}); err != nil {
			b.Fatal(err)
		}
		rev++
	}
}

func benchmarkFile(b *testing.B) string {
	path := onDisk(b)
	s, err := store.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var ops []store.Op
	for i := range 10_000 {
		key := fmt.Appendf(nil, "key-%05d", i)
		ops = append(ops, store.Op{Bucket: store.Keys, Key: key, Value: pattern(i, 300)},
			store.Op{Bucket: store.Secrets, Key: key, Value: pattern(i, 92)},
			store.Op{Bucket: store.Marks, Key: key, Value: pattern(i, 57)})
	}
	if err := s.Apply(0, ops); err != nil {
		b.Fatal(err)
	}
	return path
}

func BenchmarkOpen10000Keys(b *testing.B) {
	path := benchmarkFile(b)
	for b.Loop() {
		s, err := store.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

func BenchmarkLoad10000Keys(b *testing.B) {
	s, err := store.Open(benchmarkFile(b))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if _, err := s.Load(func(string, []byte, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
