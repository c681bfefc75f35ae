package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

const (
	testSecret = "TESTSECRET-fake-do-not-use-0000000000000000"
	testOrder  = `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000"}`
)

var ctx = context.Background()

// rig is a vault with an operator who steers it, without a wire in between. The
// vault never sees a passphrase, so any 32 bytes serve as KEK, and no test waits
// for Argon2.
type rig struct {
	t    testing.TB
	path string
	v    *vault.Vault
	log  *syncBuffer
	kek  operator.KEK
	by   vault.Operator
	// uncheckable is why no match can be checked here; nil where all can.
	uncheckable error
	// checking, where there is one, is called while a match is checked, under the
	// vault's lock on its file.
	checking func()
	// anchor is the file on other storage, empty for none; marks are what the journal was
	// told.
	anchor string
	marks  []vault.Mark
	// autoLock is the setting, from the next open on.
	autoLock vault.AutoLock
}

func (r *rig) checkable(policy.Match) error {
	if r.checking != nil {
		r.checking()
	}
	return r.uncheckable
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newFolder is a rig with nothing in its folder yet.
func newFolder(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "vault.db"), log: &syncBuffer{}, by: vault.Operator{Conn: 1, Process: "op"}}
	copy(r.kek[:], "a KEK of thirty-two bytes, yes..")
	return r
}

// newRig makes a vault that is initialised and unlocked.
func newRig(t testing.TB) *rig {
	t.Helper()
	r := newFolder(t)
	r.open()
	init := vault.Init{Params: vault.MinArgon2(), Salt: operator.NewSalt()}
	init.KEK = r.seal(r.by, init.Purpose(), r.kek[:])
	if _, err := r.v.Init(r.by, init); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) open() {
	r.t.Helper()
	v, err := vault.Open(vault.Options{Path: r.path, Log: slog.New(slog.NewTextHandler(r.log, nil)), Checkable: r.checkable,
		Anchor: r.anchor, AutoLock: r.autoLock, Journal: func(m vault.Mark) { r.marks = append(r.marks, m) }})
	if err != nil {
		r.t.Fatal(err)
	}
	r.v = v
	r.t.Cleanup(func() { v.Close() })
}

// reopen closes the file, lets f change it, and opens it again, locked.
func (r *rig) reopen(f func(path string)) {
	r.t.Helper()
	if err := r.v.Close(); err != nil {
		r.t.Fatal(err)
	}
	if f != nil {
		f(r.path)
	}
	r.open()
}

func (r *rig) seal(by vault.Operator, purpose vault.Operation, secret []byte) vault.Sealed {
	r.t.Helper()
	id, public, err := r.v.BeginSealed(by)
	if err != nil {
		r.t.Fatal(err)
	}
	box, err := operator.Seal(id, public, purpose, secret)
	if err != nil {
		r.t.Fatal(err)
	}
	return box
}

func (r *rig) prove(by vault.Operator, o vault.Operation) vault.Proof {
	r.t.Helper()
	id, challenge, err := r.v.BeginProof(by)
	if err != nil {
		r.t.Fatal(err)
	}
	proof, err := operator.Prove(&r.kek, 1, id, challenge, o)
	if err != nil {
		r.t.Fatal(err)
	}
	return proof
}

func (r *rig) unlock() error {
	r.t.Helper()
	request := vault.Unlock{Slot: 1}
	request.KEK = r.seal(r.by, request.Purpose(), r.kek[:])
	_, err := r.v.Unlock(ctx, r.by, request)
	return err
}

func (r *rig) addKey(label, id, secret string) error {
	r.t.Helper()
	request := vault.AddKey{Label: label, APIKey: id, Permissions: policy.Read | policy.Trade}
	request.Secret = r.seal(r.by, request.Purpose(), []byte(secret))
	_, err := r.v.AddKey(ctx, r.by, request, r.prove(r.by, request.Operation()))
	return err
}

func (r *rig) addBot(name string, uid uint32) error {
	r.t.Helper()
	request := vault.AddBot{Name: name, Match: []policy.Match{{UID: &uid}}}
	_, err := r.v.AddBot(ctx, r.by, request, r.prove(r.by, request.Operation()))
	return err
}

func (r *rig) grant(bot, label string, allow policy.Class) error {
	r.t.Helper()
	return r.grantSpec(bot, policy.GrantSpec{Key: label, Allow: allow.Words()})
}

func (r *rig) grantSpec(bot string, spec policy.GrantSpec) error {
	r.t.Helper()
	request := vault.SetGrant{Bot: bot, Grant: spec}
	_, err := r.v.SetGrant(ctx, r.by, request, r.prove(r.by, request.Operation()))
	return err
}

// must ends the test where one of the steps that only prepare it went wrong.
func (r *rig) must(errs ...error) {
	r.t.Helper()
	for _, err := range errs {
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// ready adds one API key, "main", and one bot, "mm-1" of uid 1001, that may read
// and trade with it.
func (r *rig) ready() *rig {
	r.t.Helper()
	r.must(r.addKey("main", "KEY-1", testSecret), r.addBot("mm-1", 1001), r.grant("mm-1", "main", policy.Read|policy.Trade))
	return r
}

func uid(n uint32) vault.Caller { return vault.Caller{UID: n, GID: n} }

func (r *rig) sign(c vault.Caller, label string) (vault.Signature, error) {
	return r.v.Sign(c, vault.SignRequest{Label: label, Path: "v2/auth/w/order/submit", Body: []byte(testOrder)})
}

// verify recomputes a signature with the standard library.
func verify(t testing.TB, s vault.Signature, secret string) {
	t.Helper()
	want := hmacOf(secret, fmt.Sprintf("/api/v2/auth/w/order/submit%d%s", s.RequestNonce, testOrder))
	if string(s.Hex[:]) != want {
		t.Fatalf("signature %s, want %s", s.Hex, want)
	}
}

func wantKind(t testing.TB, err error, kind vault.Kind) {
	t.Helper()
	if err == nil || vault.KindOf(err) != kind {
		t.Fatalf("error %v of kind %d, want kind %d", err, vault.KindOf(err), kind)
	}
}

func writeFile(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// auditOf is the folder of the audit log beside a vault file.
func auditOf(vaultFile string) string { return filepath.Join(filepath.Dir(vaultFile), "audit") }

// copyFolder puts a copy of a folder of files in place of whatever is at to.
func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if err := os.WriteFile(filepath.Join(to, e.Name()), readFile(t, filepath.Join(from, e.Name())), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
