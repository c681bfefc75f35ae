package audit_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// ratchet is a ratchet in ordinary memory, as small as they come.
func ratchet(first []byte) *audit.Ratchet {
	key, settled := first, first
	sum := func(key, text []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(text)
		return h.Sum(nil)
	}
	return &audit.Ratchet{
		Tag: func(tag *[audit.TagSize]byte, hash *audit.Hash) {
			copy(tag[:], sum(key, hash[:]))
			key = sum(key, []byte("next"))
		},
		Settle: func(keep bool) {
			if keep {
				settled = key
			} else {
				key = settled
			}
		},
		Free: func() {},
	}
}

// slot stands for the operator's key slot: what it seals opens only with it.
type slot struct{ key []byte }

func (s slot) text(parts ...[]byte) string {
	h := hmac.New(sha256.New, s.key)
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func place(seq uint64, before audit.Hash, accepted bool) []byte {
	b := binary.BigEndian.AppendUint64(nil, seq)
	if accepted {
		b = append(b, 1)
	}
	return append(b, before[:]...)
}

func (s slot) Begun(text string, seq uint64, before audit.Hash, accepted bool) (*audit.Ratchet, error) {
	if text != s.text(place(seq, before, accepted)) {
		return nil, errors.New("not of this slot")
	}
	return ratchet([]byte(text + "secret")), nil
}

// Sealed opens what anybody can seal.
func (s slot) Sealed(text string) (*audit.Ratchet, error) {
	return ratchet([]byte(text + "secret")), nil
}

func (s slot) begin(seq uint64, before audit.Hash) (string, *audit.Ratchet, audit.Seal, error) {
	return s.beginWith(seq, before, false)
}

func (s slot) accept(seq uint64, before audit.Hash) (string, *audit.Ratchet, audit.Seal, error) {
	return s.beginWith(seq, before, true)
}

func (s slot) beginWith(seq uint64, before audit.Hash, accepted bool) (string, *audit.Ratchet, audit.Seal, error) {
	text := s.text(place(seq, before, accepted))
	r, err := s.Begun(text, seq, before, accepted)
	n := 0
	return text, r, func() (string, *audit.Ratchet, error) {
		n++
		sealed := fmt.Sprintf("%s/%d", text[:16], n)
		r, err := s.Sealed(sealed)
		return sealed, r, err
	}, err
}

// day is the first of the days that tests write.
func day() time.Time { return time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC) }

// clock is a wall clock that stands still until it is set.
type clock struct{ at atomic.Int64 }

func (c *clock) set(t time.Time) { c.at.Store(t.UnixMicro()) }
func (c *clock) now() time.Time  { return time.UnixMicro(c.at.Load()) }

func clockAt(t time.Time) *clock {
	c := new(clock)
	c.set(t)
	return c
}

// alerts are what a log has alerted.
type alerts struct {
	mu    sync.Mutex
	names []string
}

func (a *alerts) add(name, _ string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names = append(a.names, name)
}

func (a *alerts) count(name string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, each := range a.names {
		if each == name {
			n++
		}
	}
	return n
}

func options(dir string) audit.Options {
	return audit.Options{Dir: dir, Now: time.Now, Checkpoint: func(audit.Position) {}, Alert: func(string, string) {}}
}

func open(t testing.TB, o audit.Options) *audit.Log {
	t.Helper()
	l, err := audit.Open(o)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func folder(t testing.TB) string { return filepath.Join(t.TempDir(), "audit") }

// sign appends n records of signatures.
func sign(t testing.TB, l *audit.Log, n int) {
	t.Helper()
	for i := range n {
		_, err := l.Append(&audit.Record{
			Op: "sign", Bot: "mm-1", Key: "main", Caller: &audit.Caller{UID: 1001, GID: 1001},
			Nonce: uint64(1795560000000000 + i), Decision: audit.Allowed, Digest: &[32]byte{byte(i)},
		}, false)
		must(t, err)
	}
}

func unlock(t testing.TB, l *audit.Log, s slot) {
	t.Helper()
	_, err := l.Begin(&audit.Record{Op: "unlock", Decision: audit.Done}, s.begin)
	must(t, err)
}

func verify(t testing.TB, dir string, keys audit.Keys, known ...audit.Position) audit.Report {
	t.Helper()
	r, err := audit.Verify(dir, audit.VerifyOptions{Keys: keys, Known: known})
	must(t, err)
	return r
}

// verifies fails where a log does not.
func verifies(t testing.TB, dir string, s slot, known ...audit.Position) audit.Report {
	t.Helper()
	var r audit.Report
	for _, keys := range []audit.Keys{nil, s} {
		r = verify(t, dir, keys, known...)
		if r.FirstBad != nil {
			t.Fatalf("with keys %t: record %d: %s", keys != nil, *r.FirstBad, r.Problem)
		}
	}
	return r
}

// found fails unless a report names a record as the first that is bad.
func found(t testing.TB, r audit.Report, seq uint64) {
	t.Helper()
	switch {
	case r.FirstBad == nil:
		t.Errorf("nothing was found, want record %d", seq)
	case *r.FirstBad != seq:
		t.Errorf("first bad is %d (%s), want %d", *r.FirstBad, r.Problem, seq)
	case r.Problem == "":
		t.Error("nothing is said about the problem")
	}
}
