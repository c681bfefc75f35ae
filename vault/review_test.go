package vault_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"bfxvault/vault"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

// P7, A20: an API key that could not be added, for want of memory or descriptors,
// leaves the vault as it was.
func TestAFailedKeyAddLeavesTheDataKeyAlone(t *testing.T) {
	r := newRig(t).ready()
	for i := range 1100 { // more than the slab has room for without growing
		err := withoutDescriptors(t, func() error { return r.addKey(fmt.Sprint("k", i), fmt.Sprint("id", i), "secret") })
		if err != nil {
			break
		}
	}
	_, err := r.v.RevokeGrant(ctx, r.by, "mm-1", "main")
	r.must(err)
	r.v.Lock()
	r.must(r.unlock(), r.addKey("afterwards", "KEY-9", "secret"))
}

// withoutDescriptors runs f while no file can be opened. The soft limit is put
// back at once.
func withoutDescriptors(t *testing.T, f func() error) error {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(null.Fd())
	null.Close()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: next, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	return f()
}

// A45: the entries that the manifest cannot cover are the expected ones and no
// others.
func TestAStrangeEntryBesideTheManifestIsRefused(t *testing.T) {
	for _, p := range []struct{ bucket, key string }{{store.Manifest, "manifesu"}, {store.Meta, "vaulu"}} {
		r := newRig(t).ready()
		r.reopen(func(path string) { edit(t, path, put(p.bucket, p.key, []byte("x"))) })
		err := r.unlock()
		wantKind(t, err, vault.KindTampered)
		if !strings.Contains(err.Error(), p.key) {
			t.Errorf("%v does not name %q", err, p.key)
		}
	}
}

// P5: a box whose proof is wrong is never opened, so that no secret waits in the
// clear for the end of a penalty.
func TestNoSecretIsOpenedBeforeItsProofHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		request := vault.AddKey{Label: "main", APIKey: "KEY-1", Permissions: policy.Read}
		request.Secret = r.seal(r.by, request.Purpose(), []byte(testSecret))
		_, err := r.v.AddKey(ctx, r.by, request, r.prove(r.by, vault.AcceptNonce{}.Operation()))
		wantKind(t, err, vault.KindWrongPassphrase)
		_, err = r.v.AddKey(ctx, r.by, request, r.prove(r.by, request.Operation()))
		r.must(err) // the box was still closed
		r.v.Close()
	})
}

// A65: what one process may have under way is bounded.
func TestTriesOfOneProcessAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var busy, wrong int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 100 {
			proof := r.prove(r.by, vault.AcceptNonce{}.Operation())
			wg.Go(func() {
				err := sendTo(r, r.by, vault.AddBot{Name: "x", Match: []policy.Match{{GID: new(uint32)}}}, proof)
				mu.Lock()
				defer mu.Unlock()
				switch vault.KindOf(err) {
				case vault.KindBusy:
					busy++
				case vault.KindWrongPassphrase, vault.KindStaleOneShot:
					wrong++
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if wrong != 16 || busy != 84 {
			t.Errorf("%d tries were judged and %d refused as too many", wrong, busy)
		}
		r.v.Close()
	})
}

// P5: what is closed stays locked, whoever was unlocking.
func TestCloseDuringUnlockEndsLocked(t *testing.T) {
	for range 20 {
		r := newRig(t)
		r.v.Lock()
		unlock := vault.Unlock{Slot: 1}
		unlock.KEK = r.seal(r.by, unlock.Purpose(), r.kek[:])
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = r.v.Unlock(ctx, r.by, unlock) })
		r.must(r.v.Close())
		wg.Wait()
		if state := r.v.Status().State; state != vault.Locked {
			t.Fatalf("a closed vault is %s", state)
		}
	}
}

// A49: bots learn nothing of the file that is wrong.
func TestBotsAreNotToldWhatIsWrongWithTheFile(t *testing.T) {
	r := newRig(t).ready()
	r.reopen(func(path string) {
		b := readFile(t, path)
		copy(b[bytes.Index(b, []byte("mm-1/main")):], "mm-2")
		copy(b[:], make([]byte, 4096)) // a meta page
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	_, err := r.sign(uid(7), "main")
	wantKind(t, err, vault.KindTampered)
	if err.Error() != "sign: the vault file cannot be used" {
		t.Errorf("a bot is told %q", err)
	}
	if problem := r.v.Status().Problem; !strings.Contains(problem, "damaged") {
		t.Errorf("the operator is told %q", problem)
	}
}
