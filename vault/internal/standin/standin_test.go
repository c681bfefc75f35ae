package standin_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"bfxvault/vault/internal/standin"
)

func TestANonceIsATimeInMillisecondsOrMicroseconds(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1700000000000": time.UnixMilli(1700000000000), "1700000000000001": time.UnixMicro(1700000000000001),
	} {
		if got, err := standin.ParseNonce(text); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "1700000000", "170000000000", "17000000000000", "0700000000000", "+700000000000", "-700000000000", "1.00000000000",
		"1700000000000000000", "17000000000000000", " 1700000000000", "170000000000x", "0x70000000000", "1_00000000000"} {
		if got, err := standin.ParseNonce(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzNonce(f *testing.F) {
	f.Add("1700000000000")
	f.Add("1700000000000001")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := standin.ParseNonce(text)
		if err != nil {
			return
		}
		if fmt.Sprint(at.UnixMilli()) != text && fmt.Sprint(at.UnixMicro()) != text {
			t.Fatalf("%q is %v", text, at)
		}
	})
}

func request(n int) standin.Request { return standin.Request{Nonce: fmt.Sprint(n)} }

// What changes something is good once; what reads may come again.
func TestAWriteIsShownOnce(t *testing.T) {
	var m standin.Memory
	now := time.Unix(1_700_000_000, 0)
	for i, c := range []struct {
		n     int
		write bool
		want  error
	}{{1, true, nil}, {1, true, standin.ErrReplayed}, {1, false, standin.ErrReplayed}, {2, false, nil}, {2, false, nil}, {3, true, nil}} {
		if err := m.Show(request(c.n), c.write, nil, now); !errors.Is(err, c.want) {
			t.Errorf("%d: %v, not %v", i, err, c.want)
		}
	}
	if err := m.Show(request(1), true, nil, now.Add(2*standin.Window)); !errors.Is(err, standin.ErrReplayed) {
		t.Errorf("within its window it was forgotten: %v", err)
	}
	if err := m.Show(request(1), true, nil, now.Add(3*standin.Window)); err != nil {
		t.Errorf("it is remembered for ever: %v", err)
	}
}

func TestTheMemoryIsBounded(t *testing.T) {
	var m standin.Memory
	now := time.Unix(1_700_000_000, 0)
	for i := range 1 << 16 {
		if err := m.Show(request(i), true, nil, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Show(request(-1), true, nil, now); !errors.Is(err, standin.ErrFull) {
		t.Errorf("%v", err)
	}
	if err := m.Show(request(-1), true, nil, now.Add(3*standin.Window)); err != nil {
		t.Errorf("%v", err)
	}
}

func TestARetryIsOnceSoonAndOverTheSameConnection(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for what, c := range map[string]struct {
		seq   uint64
		from  string
		after time.Duration
		want  error
	}{
		"as it should be": {7, "a", 10 * time.Second, nil}, "another record": {8, "a", 0, standin.ErrNoRetry}, "no record": {0, "a", 0, standin.ErrNoRetry},
		"another connection": {7, "b", 0, standin.ErrNoRetry}, "too late": {7, "a", 11 * time.Second, standin.ErrNoRetry}, "before": {7, "a", -1, standin.ErrNoRetry},
	} {
		var m standin.Memory
		if err := m.Show(request(1), true, "a", now); err != nil {
			t.Fatal(err)
		}
		if err := m.Retry(request(1), 0, "a", now); err == nil {
			t.Errorf("%s: before there was a signature", what)
		}
		m.Signed(request(1), 7)
		if err := m.Retry(request(1), c.seq, c.from, now.Add(c.after)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if err := m.Retry(request(1), 7, "a", now); (err == nil) != (c.want != nil) {
			t.Errorf("%s, then as it should be: %v", what, err)
		}
		if err := m.Retry(request(2), 7, "a", now); err == nil {
			t.Errorf("%s: of another request", what)
		}
	}
}
