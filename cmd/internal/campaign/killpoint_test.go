package campaign_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/audit"
)

// killPoint is a point between two steps, in one thing that vaultd does.
type killPoint struct {
	at string
	doing
	made bool // what it was about is there afterwards
}

// doing is what vaultd does when it dies.
type doing struct {
	what string
	// before makes what it is done to; nil stands for a vault that is unlocked.
	before func(r *rig)
	// do does it, and is cut off.
	do func(r *rig) error
	// look says whether it is there, once a vaultd runs on what was left.
	look func(r *rig) (made bool)
}

func killPoints() []killPoint {
	return []killPoint{
		{"first segment made", firstStart(), false},
		{"log opened", firstStart(), false},
		{"start written", firstStart(), false},
		{"log opened", laterStart(), false},
		{"start written", laterStart(), false},
		{"torn bytes kept", tornStart(), false},
		{"before the commit", initialising(), false},
		{"after the commit", initialising(), true},
		{"vault file made", initialising(), true},
		{"unlock written", unlocking(), false},
		{"unlock written", accepting(), false},
		{"before the commit", accepting(), false},
		{"after the commit", accepting(), true},
		{"unlock written", restoring(), false},
		{"before the commit", restoring(), false},
		{"after the commit", restoring(), true},
		{"intent written", adding(), false},
		{"before the commit", adding(), false},
		{"after the commit", adding(), true},
		{"change made", adding(), true},
		{"outcome written", adding(), true},
		{"intent written", promoting(), false},
		{"before the commit", promoting(), false},
		{"after the commit", promoting(), true},
		{"change made", promoting(), true},
		{"outcome written", promoting(), true},
		{"intent written", staging(), false},
		{"before the commit", staging(), false},
		{"after the commit", staging(), true},
		{"change made", staging(), true},
		{"outcome written", staging(), true},
		{"intent written", purging(), false},
		{"before the commit", purging(), false},
		{"after the commit", purging(), true},
		{"change made", purging(), true},
		{"outcome written", purging(), true},
		{"intent written", revoking(), false},
		{"before the commit", revoking(), false},
		{"after the commit", revoking(), true},
		{"change made", revoking(), true},
		{"outcome written", revoking(), true},
		{"slot opened again", addingSlot(), false},
		{"intent written", addingSlot(), false},
		{"before the commit", addingSlot(), false},
		{"after the commit", addingSlot(), true},
		{"slot read again", addingSlot(), true},
		{"change made", addingSlot(), true},
		{"outcome written", addingSlot(), true},
		{"slot opened again", changingPassphrase(), false},
		{"intent written", changingPassphrase(), false},
		{"before the commit", changingPassphrase(), false},
		{"after the commit", changingPassphrase(), true},
		{"slot read again", changingPassphrase(), true},
		{"change made", changingPassphrase(), true},
		{"outcome written", changingPassphrase(), true},
		{"intent written", rotatingDataKey(), false},
		{"data key drawn", rotatingDataKey(), false},
		{"before the commit", rotatingDataKey(), false},
		{"after the commit", rotatingDataKey(), true},
		{"data key changed", rotatingDataKey(), true},
		{"change made", rotatingDataKey(), true},
		{"outcome written", rotatingDataKey(), true},
		{"before the commit", signing(), false},
		{"after the commit", signing(), false},
		{"segment end written", newDay(), false},
		{"segment ended", newDay(), false},
		{"segment made", newDay(), false},
		{"segment header written", newDay(), false},
		{"segment begun", newDay(), false},
		{"checkpoint written", stopping(), false},
		{"checkpoint renamed", stopping(), false},
		{"retention written", retaining(), false},
		{"segment removed", retaining(), false},
	}
}

// P2, P7: at every point at which a crash may come between two steps, the next start
// finds the old state or the new one, never neither; the log verifies, and the operator
// hears of each change that was cut off.
func TestAtEveryPointThereIsTheOldStateOrTheNewOne(t *testing.T) {
	t.Parallel()
	for _, p := range killPoints() {
		t.Run(p.what+", "+p.at, func(t *testing.T) {
			t.Parallel()
			r := newFolder(t, conditions{hooked: true})
			if p.before != nil {
				p.before(r)
			} else {
				r.start()
				r.fill("main")
				r.stop(t)
			}
			p.die(r)
			p.live(r)
		})
	}
}

// die has a vaultd do what it dies of.
func (p *killPoint) die(r *rig) {
	t := r.t
	t.Helper()
	r.on.killAt = p.at
	binary, env := r.binary()
	r.process = launch(t, binary, r.dir, env, r.on)
	if err := p.do(r); err == nil {
		t.Fatal("it was done, and acknowledged")
	}
	select {
	case <-r.ended:
	case <-time.After(time.Minute):
		t.Fatal("the point was not reached")
	}
	if by := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !by.Signaled() || by.Signal() != syscall.SIGKILL {
		t.Fatalf("vaultd ended with %v, and not at the point:\n%s", r.cmd.ProcessState, r.log)
	}
	r.on.killAt = ""
}

// live has vaultd go on with what is left.
func (p *killPoint) live(r *rig) {
	t := r.t
	t.Helper()
	var log trail
	log.readOn(t, r.auditDir())
	cut := len(log.unfinished)
	r.start()
	if got := p.look(r); got != p.made {
		t.Errorf("it was made: %t, want %t", got, p.made)
	}
	a := r.admin()
	log.wantUnfinished(t, a, cut)
	must(t, a.addBot("afterwards", 7))
	if r.keyed() {
		_, err := r.bot().sign("main")
		must(t, err)
	}
	log.verifyLive(r, a)
	r.stop(t)
	log.verifyDead(r)
	log.readOn(t, r.auditDir())
	if len(log.unfinished) > 0 {
		t.Errorf("changes without an outcome: %v", log.unfinished)
	}
	a = r.restart()
	log.wantUnfinished(t, a, 0)
	log.verifyLive(r, a)
}

// keyed says whether the vault has the API key that fill stores.
func (r *rig) keyed() bool {
	r.t.Helper()
	a := r.admin()
	keys, err := a.ListKeys(a.ctx, &pb.ListKeysRequest{})
	must(r.t, err)
	return len(keys.GetKeys()) > 0
}

// unlockNow unlocks a vault that exists, and is a look at nothing else.
func unlockNow(r *rig) bool {
	r.t.Helper()
	must(r.t, r.admin().unlock())
	return false
}

// afterUnlock does something once vaultd has started and is unlocked.
func afterUnlock(do func(r *rig) error) func(r *rig) error {
	return func(r *rig) error {
		<-r.log.found
		must(r.t, r.admin().unlock())
		return do(r)
	}
}

// dead is do where vaultd dies by itself.
func dead(*rig) error { return os.ErrProcessDone }

func firstStart() doing {
	return doing{"a first start", func(*rig) {}, dead, func(r *rig) bool {
		wantState(r.t, r.admin(), "uninitialised")
		r.fill("main")
		return false
	}}
}

func laterStart() doing { return doing{"a start", nil, dead, unlockNow} }

// tornStart is a start behind a crash in the middle of a record.
func tornStart() doing {
	return doing{"a start with a torn record", func(r *rig) {
		r.start()
		r.fill("main")
		r.stop(r.t)
		names, err := audit.Segments(r.auditDir())
		must(r.t, err)
		f, err := os.OpenFile(filepath.Join(r.auditDir(), names[len(names)-1]), os.O_WRONLY|os.O_APPEND, 0)
		must(r.t, err)
		_, err = f.WriteString(`{"seq":99,"time":"20`)
		must(r.t, err, f.Close())
	}, dead, unlockNow}
}

// initialising makes the vault. Where it is made, its passphrase opens it; where it
// is not, it can be made.
func initialising() doing {
	return doing{"init", func(*rig) {}, func(r *rig) error {
		<-r.log.found
		return r.admin().init()
	}, func(r *rig) bool {
		a := r.admin()
		if a.status(r.t).GetState() == "uninitialised" {
			must(r.t, a.init())
			return false
		}
		must(r.t, a.unlock())
		return true
	}}
}

func unlocking() doing {
	return doing{"unlock", nil, func(r *rig) error {
		<-r.log.found
		return r.admin().unlock()
	}, unlockNow}
}

// resume ends the rules of a restore. Nothing is signed before, for a bot that is
// suspended nor with an API key that is staged.
func (r *rig) resume(a *admin) {
	r.t.Helper()
	_, refused := r.bot().sign("main")
	want(r.t, "a bot of before", refused, "DENIED")
	must(r.t, a.enable(botName))
	_, refused = r.bot().sign("main")
	want(r.t, "an API key of before", refused, "DENIED")
	must(r.t, a.promote("main"))
}

// accepting unlocks an older vault file. Unless the rules of a restore were written,
// the next unlock refuses it as before; bots are suspended and API keys staged either way.
func accepting() doing {
	return doing{"unlock --accept-rollback", func(r *rig) {
		r.start()
		r.fill("main")
		r.stop(r.t)
		old, err := os.ReadFile(r.paths.VaultFile())
		must(r.t, err, r.restart().addBot("newer", 8))
		r.stop(r.t)
		must(r.t, os.WriteFile(r.paths.VaultFile(), old, 0o600))
	}, func(r *rig) error {
		<-r.log.found
		return r.admin().unlockAccepting()
	}, func(r *rig) bool {
		a := r.admin()
		err := a.unlock()
		if err != nil {
			want(r.t, "unlock", err, "ROLLBACK")
			must(r.t, a.unlockAccepting())
		}
		r.resume(a)
		return err == nil
	}}
}

// restoring restores a backup elsewhere: the vault is there with all that it holds, under
// the rules of a restore, or there is none, and the backup can be restored.
func restoring() doing {
	var text []byte
	return doing{"backup restore", func(r *rig) {
		r.start()
		r.fill("main")
		var err error
		text, err = r.admin().backup()
		must(r.t, err)
		r.stop(r.t)
		must(r.t, os.Remove(r.paths.VaultFile()), os.RemoveAll(r.auditDir()))
		r.logLost = true
	}, func(r *rig) error {
		<-r.log.found
		return r.admin().restore(text)
	}, func(r *rig) bool {
		a := r.admin()
		made := a.status(r.t).GetState() != "uninitialised"
		if made {
			must(r.t, a.unlock())
		} else {
			must(r.t, a.restore(text))
		}
		r.resume(a)
		return made
	}}
}

func adding() doing {
	const name = "added"
	return doing{"bot add", nil, afterUnlock(func(r *rig) error { return r.admin().addBot(name, 9) }), func(r *rig) bool {
		a := r.admin()
		must(r.t, a.unlock())
		bots, err := a.ListBots(a.ctx, &pb.ListBotsRequest{})
		must(r.t, err)
		for _, b := range bots.GetBots() {
			if b.GetName() == name {
				if m := b.GetMatches(); len(m) != 1 || m[0].GetUid() != 9 {
					r.t.Errorf("the bot is half made: %v", b)
				}
				return true
			}
		}
		return false
	}}
}

// signing signs for the first time since the unlock, for which a mark is written.
func signing() doing {
	return doing{"a first signature", nil, afterUnlock(func(r *rig) error {
		_, err := r.bot().sign("main")
		return err
	}), unlockNow}
}

// newDay signs on another day, for which a segment begins.
func newDay() doing {
	return doing{"a first signature of a day", nil, afterUnlock(func(r *rig) error {
		_, err := r.bot().sign("main")
		must(r.t, err)
		r.setClock(24 * time.Hour)
		_, err = r.bot().sign("main")
		return err
	}), unlockNow}
}

// stopping ends in good order, with a checkpoint.
func stopping() doing {
	return doing{"a stop", nil, afterUnlock(func(r *rig) error {
		must(r.t, r.cmd.Process.Signal(syscall.SIGTERM))
		return os.ErrProcessDone
	}), unlockNow}
}

// retaining removes the segments of old days, some seconds after the unlock.
func retaining() doing {
	return doing{"retention", func(r *rig) {
		for i := range 4 {
			r.setClock(time.Duration(i) * 30 * 24 * time.Hour)
			r.start()
			if i == 0 {
				r.fill("main")
			} else {
				must(r.t, r.admin().unlock())
			}
			r.stop(r.t)
		}
		r.configure("audit_keep = { days = 20 }\n")
	}, afterUnlock(dead), unlockNow}
}

// unlockAccepting is unlock --accept-rollback.
func (a *admin) unlockAccepting() error {
	r := vault.Unlock{Slot: *a.slot, AcceptRollback: true}
	box, err := a.seal(r.Purpose(), a.kek[:])
	if err != nil {
		return err
	}
	_, err = a.Unlock(a.ctx, &pb.UnlockRequest{Slot: r.Slot, Kek: wire(box), AcceptRollback: true})
	return err
}

// enable ends the suspension of a bot.
func (a *admin) enable(name string) error {
	proof, err := a.prove(vault.EnableBot{Name: name}.Operation())
	if err != nil {
		return err
	}
	_, err = a.EnableBot(a.ctx, &pb.EnableBotRequest{Name: name, Proof: proof})
	return err
}

// No point is left out.
func TestEveryPointIsKilledAt(t *testing.T) {
	t.Parallel()
	inSource := map[string]bool{}
	points := regexp.MustCompile(`(?:crash\.Point|\.point)\("([^"]+)"\)`)
	must(t, filepath.WalkDir(filepath.Join(moduleRoot, "vault"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range points.FindAllSubmatch(text, -1) {
			inSource[string(found[1])] = true
		}
		return err
	}))
	killedAt := map[string]bool{}
	for _, p := range killPoints() {
		killedAt[p.at] = true
	}
	if got, want := slices.Sorted(maps.Keys(killedAt)), slices.Sorted(maps.Keys(inSource)); !slices.Equal(got, want) {
		t.Errorf("the points are %q, and killed at are %q", want, got)
	}
}
