package vault_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/operator"
)

func (r *rig) rotate() error {
	r.t.Helper()
	request := vault.RotateDataKey{}
	_, err := r.v.RotateDataKey(ctx, r.by, request, r.prove(r.by, request.Operation()))
	return err
}

// threeSlots is a vault with one slot of each kind, and their KEKs by id.
func threeSlots(t testing.TB) (*rig, map[uint32]*operator.KEK) {
	r := newRig(t).ready()
	r.must(r.addKey("second", "KEY-2", testSecret), r.addBot("idle", 1002))
	keks := map[uint32]*operator.KEK{1: &r.kek, 2: kekOf("the code"), 3: kekOf("a keyfile")}
	_, err := r.addSlot(humanSlot("recovery"), keks[2])
	r.must(err)
	_, err = r.addSlot(vault.KeySlot{Kind: "keyfile"}, keks[3])
	r.must(err)
	return r, keks
}

// dataKeyOf opens the data key of a vault file with a KEK, as who has the file.
func dataKeyOf(t testing.TB, entries map[string]map[string][]byte, slot string, kek *operator.KEK) (key [32]byte) {
	t.Helper()
	s, err := envelope.ParseSlot(entries[store.Slots][slot])
	if err != nil {
		t.Fatal(err)
	}
	raw := [32]byte(*kek)
	if err := s.Unwrap(envelope.VaultID(entries[store.Meta]["vault"][:16]), &raw, &key); err != nil {
		t.Fatal(err)
	}
	return key
}

// P7: every slot opens what is sealed anew, whichever of them proved it, and nothing is
// lost. The KEKs are what they were.
func TestEverySlotOpensANewDataKey(t *testing.T) {
	r, keks := threeSlots(t)
	want := contentsOf(t, r)
	var before, after map[string]map[string][]byte
	r.reopen(func(path string) { before = dump(t, path) })
	r.must(r.unlock(), r.rotate())
	if got := contentsOf(t, r); got != want {
		t.Errorf("right after it there is %s, want %s", got, want)
	}
	r.must(r.addBot("newer", 1003), r.rotate()) // under the new key, and again
	_, err := r.v.RemoveBot(ctx, r.by, "newer")
	r.must(err)
	for id, kek := range keks {
		r.must(r.unlockBy(id, kek))
		if got := contentsOf(t, r); got != want {
			t.Errorf("slot %d opens %s, want %s", id, got, want)
		}
	}
	r.must(r.v.Close())
	after = dump(t, r.path)
	old, fresh := dataKeyOf(t, before, "1", &r.kek), dataKeyOf(t, after, "1", &r.kek)
	if old == fresh {
		t.Fatal("the data key is the old one")
	}
	opened := 0
	for bucket, records := range after {
		for key, sealed := range records {
			place := envelope.Place{Vault: envelope.VaultID(after[store.Meta]["vault"][:16]), Bucket: bucket, Key: []byte(key)}
			if _, _, err := envelope.Open(nil, &old, place, sealed); err == nil {
				t.Errorf("%s %s opens with the old data key", bucket, key)
			}
			if _, _, err := envelope.Open(nil, &fresh, place, sealed); err == nil {
				opened++
			}
		}
	}
	if opened < 15 {
		t.Errorf("only %d records are sealed under the new one", opened)
	}
}

// A backup has what wraps as well: the vault that it brings back rotates its data key, and
// every slot opens that.
func TestARestoredVaultRotatesItsDataKey(t *testing.T) {
	old, keks := threeSlots(t)
	r := elsewhere(t, old)
	r.must(r.restore(old.backup()), r.rotate())
	for id, kek := range keks {
		r.must(r.unlockBy(id, kek))
	}
}

// A43: a slot as it was before opens the old data key, under which nothing is sealed.
func TestASlotOfAnOldDataKeyPutBackOpensNothing(t *testing.T) {
	r, _ := threeSlots(t)
	var before map[string]map[string][]byte
	r.reopen(func(path string) { before = dump(t, path) })
	r.must(r.unlock(), r.rotate())
	r.reopen(func(path string) { edit(t, path, put(store.Slots, "1", before[store.Slots]["1"])) })
	wantKind(t, r.unlock(), vault.KindTampered)
}

// A wrong proof rotates nothing, and nor does a keyfile (A68).
func TestADataKeyIsRotatedWithAProof(t *testing.T) {
	r, keks := threeSlots(t)
	before := r.v.Status().Revision
	request := vault.RotateDataKey{}
	for _, proof := range []vault.Proof{r.proveBy(1, kekOf("wrong"), request.Operation()), r.proveBy(3, keks[3], request.Operation())} {
		_, err := r.v.RotateDataKey(ctx, r.by, request, proof)
		wantKind(t, err, vault.KindWrongPassphrase)
	}
	if now := r.v.Status().Revision; now != before {
		t.Errorf("revision %d, want %d", now, before)
	}
	_, err := r.v.RotateDataKey(ctx, r.by, request, r.proveBy(2, keks[2], request.Operation()))
	r.must(err)
}

// Signing, changes and proofs go on while data keys come and go.
func TestSigningGoesOnWhileTheDataKeyChanges(t *testing.T) {
	r, _ := threeSlots(t)
	var done atomic.Bool
	var signed, failed atomic.Int64
	var load sync.WaitGroup
	for range 16 {
		load.Go(func() {
			for !done.Load() {
				s, err := r.sign(uid(1001), "main")
				if err != nil {
					failed.Add(1)
					t.Error(err)
					return
				}
				verify(t, s, testSecret)
				signed.Add(1)
			}
		})
	}
	load.Go(func() {
		other := *r
		other.by = vault.Operator{Conn: 2, Process: "another"}
		for i := 0; !done.Load(); i++ {
			if err := other.addBot(fmt.Sprintf("bot-%d", i), uint32(2000+i)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 20 {
		r.must(r.rotate())
	}
	done.Store(true)
	load.Wait()
	if failed.Load() > 0 || signed.Load() == 0 {
		t.Errorf("%d signed, %d failed", signed.Load(), failed.Load())
	}
	r.must(r.unlockBy(1, &r.kek))
}

// P5: a lock waits for no rotation, which changes nothing then or all.
func TestALockEndsARotation(t *testing.T) {
	r, _ := threeSlots(t)
	for range 20 {
		done := make(chan error)
		proof := r.prove(r.by, vault.RotateDataKey{}.Operation())
		go func() {
			_, err := r.v.RotateDataKey(ctx, r.by, vault.RotateDataKey{}, proof)
			done <- err
		}()
		r.v.Lock()
		if err := <-done; err != nil {
			wantKind(t, err, vault.KindLocked)
		}
		r.must(r.unlock())
	}
	r.must(r.unlockBy(1, &r.kek))
}

// BenchmarkRotateDataKey is how long other changes wait, and the slowest signature
// beside it, at 10,000 API keys.
func BenchmarkRotateDataKey(b *testing.B) {
	r := manyKeys(b, 10_000)
	var rotations, signatures []int64
	for b.Loop() {
		done := make(chan int64)
		go func() {
			start := time.Now()
			r.must(r.rotate())
			done <- int64(time.Since(start))
		}()
		for rotated := false; !rotated; {
			select {
			case took := <-done:
				rotations, rotated = append(rotations, took), true
			default:
				start := time.Now()
				_, err := r.sign(uid(1001), "main")
				r.must(err)
				signatures = append(signatures, int64(time.Since(start)))
			}
		}
	}
	b.ReportMetric(float64(median(rotations))/1e6, "ms/rotation")
	b.ReportMetric(float64(median(signatures))/1e6, "ms/signature-beside")
	b.ReportMetric(float64(slices.Max(signatures))/1e6, "ms/slowest-beside")
}
