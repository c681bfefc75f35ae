package vault_test

import (
	"strings"
	"testing"
	"time"

	"bfxvault/vault"
)

// unlockAccepting is unlock with the passphrase by an operator who has changed config.toml.
func (r *rig) unlockAccepting(slot uint32, kek []byte) error {
	r.t.Helper()
	request := vault.Unlock{Slot: slot, AcceptConfig: true}
	request.KEK = r.seal(r.by, request.Purpose(), kek)
	_, err := r.v.Unlock(ctx, r.by, request)
	return err
}

// Section 7: who can change config.toml weakens nothing by it, until a human says so.
func TestLaxerSettingsWaitForAHuman(t *testing.T) {
	r := newRig(t).ready().withKeyfile()
	set := func(idle time.Duration) { r.autoLock = vault.AutoLock{Idle: idle}; r.reopen(nil) }
	set(15 * time.Minute)
	r.must(r.unlockKeyfile()) // stricter than none: taken, also by a login
	for _, laxer := range []time.Duration{0, 16 * time.Minute} {
		set(laxer)
		for name, err := range map[string]error{"the passphrase": r.unlock(), "a keyfile": r.unlockKeyfile()} {
			wantKind(t, err, vault.KindConfigLaxer)
			if !strings.HasSuffix(err.Error(), ": idle_lock") {
				t.Errorf("%s is told %q", name, err)
			}
		}
		wantKind(t, r.unlockAccepting(2, []byte(goldenKeyfile)), vault.KindInvalid)
	}
	set(15 * time.Minute)
	r.must(r.unlockKeyfile()) // put back
	set(time.Hour)
	r.must(r.unlockAccepting(1, r.kek[:]))
	set(time.Hour)
	r.must(r.unlockKeyfile())
	set(2 * time.Hour)
	wantKind(t, r.unlock(), vault.KindConfigLaxer)
}

// The sealed KEK says what is accepted: nobody in between can add to it (A64).
func TestWhatIsAcceptedIsSealedIn(t *testing.T) {
	r := newRig(t)
	r.autoLock.Idle = time.Minute
	r.reopen(nil)
	r.must(r.unlock())
	r.autoLock.Idle = 0
	r.reopen(nil)
	request := vault.Unlock{Slot: 1}
	request.KEK = r.seal(r.by, request.Purpose(), r.kek[:])
	request.AcceptConfig = true
	_, err := r.v.Unlock(ctx, r.by, request)
	wantKind(t, err, vault.KindStaleOneShot)
}
