package campaign_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"bfxvault/cmd/internal/memscan"
	pb "bfxvault/proto/bfxvault/v1"
)

// hungChange is a change that waits for the disk.
type hungChange struct {
	what string
	do   func(a *admin) error
	made func(a *admin) bool // says whether it is there
}

func hungChanges(s *scan) []hungChange {
	keyfile := randomKEK()
	s.needles = append(s.needles, memscan.Forms("KEK of the keyfile", keyfile[:])...)
	old := recompute(s.t, s.rig.file("vault.db"), s.slot, &s.kek)
	s.know("", old)
	return []hungChange{
		{"key add", func(a *admin) error { return a.addKey("second", secretOf("second")) }, func(a *admin) bool {
			keys, err := a.ListKeys(a.ctx, &pb.ListKeysRequest{})
			must(s.t, err)
			return len(keys.GetKeys()) == 2
		}},
		{"key rotate", func(a *admin) error { return a.stage("main", secretOf("main")) }, func(a *admin) bool {
			return len(a.versions(s.t, "main")) == 2
		}},
		{"slot add", func(a *admin) error { _, err := a.addKeyfile(&keyfile); return err }, func(a *admin) bool {
			ids, err := a.slots()
			must(s.t, err)
			return len(ids) == 2
		}},
		{"datakey rotate", func(a *admin) error { return a.rotateDataKey() }, func(*admin) bool {
			return !bytes.Equal(recompute(s.t, s.rig.file("vault.db"), s.slot, &s.kek)[dataKey], old[dataKey])
		}},
		{"key revoke", func(a *admin) error {
			_, err := a.RevokeKey(a.ctx, &pb.RevokeKeyRequest{Label: "main"})
			return err
		}, func(a *admin) bool {
			made := a.versions(s.t, "main")[0].GetState() == "revoked"
			if made {
				must(s.t, a.promoteVersion("main", 1)) // nothing of it is lost
			}
			return made
		}},
	}
}

// P5, P7, A48: a change that waits for a disk which hangs keeps nothing from locking, and
// nothing of what it has in hand is in memory then. Once the disk answers, the change is
// there whole, or not at all.
func TestAChangeThatWaitsForTheDiskKeepsNothingFromLocking(t *testing.T) {
	t.Parallel()
	for _, under := range []string{"vault.db", "audit"} {
		for i, what := range []string{"key add", "key rotate", "slot add", "datakey rotate", "key revoke"} {
			t.Run(what+", waiting for "+under, func(t *testing.T) {
				t.Parallel()
				r := newDisk(t, conditions{noSecret: true})
				r.start()
				s := newScanOf(t, r)
				c := hungChanges(s)[i]
				if c.what != what {
					t.Fatalf("it is %s", c.what)
				}
				c.hang(s, under)
			})
		}
	}
}

// hang locks while the change waits for a part of the disk.
func (c *hungChange) hang(s *scan, under string) {
	t := s.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // far beyond what anything may take
	defer cancel()
	a := s.admin()
	a.ctx = ctx
	waits := s.hangUnder(under)
	asked := make(chan error, 1)
	go func() { asked <- c.do(a) }()
	select {
	case <-waits:
	case err := <-asked:
		t.Fatalf("it did not wait: %v", err)
	}
	must(t, a.lock())
	wantState(t, a, "locked")
	s.expect("locked while "+c.what+" waits", nowhere)
	s.disk.Hang(false)
	err := <-asked
	a.mustRecover(t, a.unlock)
	if made := c.made(a); made != (err == nil) {
		t.Errorf("it was made: %t, and the answer is: %v", made, err)
	}
	_, err = s.bot().sign("main")
	must(t, err)
	s.crashed(t)
	s.stop(t)
	var log trail
	log.verifyDead(s.rig)
}

// A revoke is a change: where the log's disk hangs it ends with an error, and the API key
// is as it was. A lock that outdates signatures stops all the same, and says what it could
// not outdate; the revoke is done once the disk answers.
func TestARevokeThatCannotBeRecordedRevokesNothing(t *testing.T) {
	t.Parallel()
	r := newDisk(t, conditions{})
	r.start()
	r.fill("main")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	a := r.admin()
	a.ctx = ctx
	revoke := func() (done *pb.RevokeKeyResponse, err error) {
		return a.RevokeKey(ctx, &pb.RevokeKeyRequest{Label: "main"})
	}
	r.hangUnder("audit")
	_, err := revoke()
	want(t, "key revoke", err, "CANNOT_WRITE")
	if state := a.versions(t, "main")[0].GetState(); state != "active" {
		t.Errorf("it is %s", state)
	}
	_, err = r.bot().sign("main")
	want(t, "sign", err, "CANNOT_WRITE")
	locked, err := a.Lock(ctx, &pb.LockRequest{Burn: true})
	must(t, err)
	wantState(t, a, "locked")
	if locked.GetAlready() || len(locked.GetBurns()) != 0 || len(locked.GetUnburnt()) != 1 {
		t.Errorf("%v", locked)
	}
	r.disk.Hang(false)
	a.mustRecover(t, a.unlock)
	done, err := revoke()
	must(t, err)
	if len(done.GetBurns()) != 1 || done.GetUnrecorded() != "" {
		t.Errorf("%v", done)
	}
	_, err = r.bot().sign("main")
	want(t, "sign", err, "DENIED")
	r.crashed(t)
}

// hangUnder has what writes to a part of the disk wait, and says when something does.
func (r *rig) hangUnder(part string) <-chan struct{} {
	waits := make(chan struct{})
	first := true
	r.disk.Only(func(path string) bool {
		hit := strings.HasPrefix(path, part)
		if hit && first {
			first = false
			close(waits)
		}
		return hit
	})
	r.disk.Hang(true)
	return waits
}
