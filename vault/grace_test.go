package vault_test

import (
	"testing"
	"testing/synctest"
	"time"

	"bfxvault/vault"
)

// inGrace promotes a second version, whose predecessor has a minute left, within a bubble
// of time.
func inGrace(t *testing.T, f func(r *rig)) {
	t.Helper()
	awake(t, vault.AutoLock{}, func(r *rig) {
		_, err := r.rotateKey("main", "KEY-2", secretOf(2))
		r.must(err)
		_, err = r.promote("main", 0, 60)
		r.must(err)
		f(r)
	})
}

// The grace of a version ends by itself: then its secret can be purged, and not before.
func TestAGraceEndsByItself(t *testing.T) {
	inGrace(t, func(r *rig) {
		time.Sleep(59 * time.Second)
		synctest.Wait()
		_, err := r.purge("main", 1)
		wantKind(t, err, vault.KindInvalid)
		_, err = r.v.SignProbe(r.by, "main", 1) // what is under way may still be signed
		r.must(err)
		time.Sleep(time.Second)
		synctest.Wait()
		_, err = r.v.SignProbe(r.by, "main", 1)
		wantKind(t, err, vault.KindNotFound)
		r.wantVersion(2, secretOf(2))
		done, err := r.purge("main", 1)
		if err != nil || len(done.Versions) != 1 || done.Gone {
			t.Errorf("%+v: %v", done, err)
		}
	})
}

// A grace that ends while the vault is locked is over at the next unlock; one that has not
// ended yet goes on for what is left of it.
func TestAGraceGoesOnOverALock(t *testing.T) {
	for name, c := range map[string]struct {
		locked time.Duration
		signs  bool
	}{"it is over": {2 * time.Minute, false}, "it is not": {30 * time.Second, true}} {
		t.Run(name, func(t *testing.T) {
			inGrace(t, func(r *rig) {
				r.v.Lock()
				time.Sleep(c.locked)
				r.must(r.unlock())
				_, err := r.v.SignProbe(r.by, "main", 1)
				if signs := err == nil; signs != c.signs {
					t.Fatalf("it signs: %t: %v", signs, err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				_, err = r.v.SignProbe(r.by, "main", 1)
				wantKind(t, err, vault.KindNotFound)
				r.wantVersion(2, secretOf(2))
				_, err = r.promote("main", 1, 0) // and it comes back
				r.must(err)
				r.wantVersion(1, testSecret)
			})
		})
	}
}

// A version that comes back within its grace does not end with it.
func TestAVersionThatComesBackHasNoGraceLeft(t *testing.T) {
	inGrace(t, func(r *rig) {
		_, err := r.promote("main", 1, 60)
		r.must(err)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		r.wantVersion(1, testSecret)
		_, err = r.v.SignProbe(r.by, "main", 2)
		wantKind(t, err, vault.KindNotFound)
	})
}
