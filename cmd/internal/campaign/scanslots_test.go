package campaign_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bfxvault/cmd/internal/memscan"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

// P1, P5, A52: right after a slot was added or replaced, and right after the data key was
// rotated, there are no KEKs in vaultd's memory, old or new, nor what is derived of them,
// no audit key and no recovery code; and of a data key that was rotated no copy, not even
// in guarded pages.
func TestChangesOfSlotsLeaveNoKeyBehind(t *testing.T) {
	t.Parallel()
	for name, noSecret := range map[string]bool{"memfd_secret": false, "memguard": true} {
		t.Run(name, func(t *testing.T) {
			s := newScan(t, conditions{noSecret: noSecret})
			a := s.admin()
			keyfile, fresh := randomKEK(), randomKEK()
			id, err := a.addKeyfile(&keyfile)
			must(t, err)
			s.know("keyfile", recompute(t, s.paths.VaultFile(), id, &keyfile))
			s.expect("after slot add keyfile", atRest)

			s.addRecovery(a)
			s.expect("after slot add recovery", atRest)

			id, err = a.replace(&fresh)
			must(t, err)
			s.know("new passphrase", recompute(t, s.paths.VaultFile(), id, &fresh))
			s.expect("after passphrase change", atRest)
			s.kek, s.slot = fresh, id

			must(t, s.admin().rotateDataKey())
			for i, n := range s.needles {
				if n.Name == dataKey || n.Name == midState+"set-hash key" {
					s.needles[i].Name = "the old " + strings.TrimPrefix(n.Name, midState)
				}
			}
			k := recompute(t, s.paths.VaultFile(), id, &fresh)
			s.needles = append(s.needles, stateNeedles(t, midState+"set-hash key", k["set-hash key"])...)
			s.know("new data key", k)
			s.expect("after datakey rotate", atRest)
			s.sign(10)
			must(t, s.admin().lock())
			s.expect("locked", nowhere)
			must(t, s.admin().unlock())
			s.expect("unlocked with the new data key", atRest)
		})
	}
}

// addRecovery adds a recovery code with vaultctl.
func (s *scan) addRecovery(a *admin) {
	s.t.Helper()
	path := filepath.Join(filepath.Dir(s.dir), "code")
	s.ctl(0, "slot", "add", "recovery", "--recovery-file", path, "--passphrase-file", s.file("pass", passphrase))
	text, err := os.ReadFile(path)
	must(s.t, err)
	code, err := operator.ParseRecoveryCode(text)
	must(s.t, err)
	list, err := a.ListSlots(a.ctx, &pb.ListSlotsRequest{})
	must(s.t, err)
	slot := list.GetSlots()[len(list.GetSlots())-1]
	if slot.GetKind() != "recovery" {
		s.t.Fatalf("the newest slot is %v", slot)
	}
	kek, err := code.KEK(vault.MinArgon2(), [16]byte(slot.GetSalt()))
	must(s.t, err)
	s.needles = append(s.needles, memscan.Forms("recovery code", bytes.TrimSpace(text))...)
	s.needles = append(s.needles, memscan.Forms("recovery code without hyphens", bytes.ReplaceAll(bytes.TrimSpace(text), []byte("-"), nil))...)
	s.know("recovery", recompute(s.t, s.paths.VaultFile(), slot.GetId(), kek))
}

// know looks for more keys from now on. Those that are known by their value keep their
// name.
func (s *scan) know(of string, k keys) {
	s.t.Helper()
	known := map[string]bool{}
	for _, n := range s.needles {
		known[string(n.Value)] = true
	}
	for name, key := range k {
		if known[string(key)] {
			continue
		}
		if name != dataKey {
			name += " of the " + of
		}
		s.needles = append(s.needles, memscan.Forms(name, key)...)
	}
	var err error
	s.scanner, err = memscan.New(s.needles)
	must(s.t, err)
}
