package campaign_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"bfxvault/cmd/internal/daemon"
)

// P5, A60: signers by the hundred race locks and unlocks. No request that began
// after lock had returned is signed before unlock begins again, the only refusal
// is LOCKED, nobody crashes, and request nonces hold over all of it (P6).
func TestNothingIsSignedOnceLockHasReturned(t *testing.T) {
	t.Parallel()
	t.Run("a vaultd of its own", func(t *testing.T) {
		r := ready(t, conditions{}, "main")
		raceLocks(t, r)
		r.crashed(t)
	})
	// The same in this process, so that the race detector sees both sides.
	t.Run("in process", func(t *testing.T) {
		r := newFolder(t, conditions{})
		said := newOutput("")
		d, err := daemon.New(r.paths, "", slog.New(slog.NewTextHandler(said, nil)))
		must(t, err)
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		r.fill("main")
		raceLocks(t, r)
		stop()
		must(t, <-ended)
	})
}

const signers = 200

// lockRace is the state of the vault as the operator knows it.
type lockRace struct {
	// epoch is odd from the return of lock to the call of unlock.
	epoch           atomic.Int64
	signed, refused tally
	over            atomic.Bool
	nonces          ledger
}

func raceLocks(t *testing.T, r *rig) {
	t.Helper()
	race := &lockRace{}
	failed := make(chan error, signers)
	var all sync.WaitGroup
	var bots []*bot
	for range 16 {
		bots = append(bots, r.bot())
	}
	for i := range signers {
		all.Go(func() {
			if err := race.sign(bots[i%len(bots)]); err != nil {
				failed <- err
			}
		})
	}
	a := r.admin()
	for range size(20, 500) {
		await(t, race.signed.more(signers/4), failed)
		must(t, a.lock())
		race.epoch.Add(1)
		await(t, race.refused.more(signers/4), failed)
		race.epoch.Add(1)
		must(t, a.unlock())
	}
	await(t, race.signed.more(signers/4), failed)
	race.over.Store(true)
	all.Wait()
	close(failed)
	must(t, <-failed)
	t.Logf("%d signed, %d refused", race.nonces.check(t), race.refused.load())
}

// sign is one signer.
func (l *lockRace) sign(b *bot) error {
	for !l.over.Load() {
		before := l.epoch.Load()
		n, err := l.nonces.sign(b, "main")
		switch {
		case err == nil && before%2 == 1 && l.epoch.Load() == before:
			return fmt.Errorf("a request that began after lock had returned was signed: %d", n)
		case err == nil:
			l.signed.add()
		case reasonOf(err) == "LOCKED":
			l.refused.add()
		default:
			return err
		}
	}
	return nil
}
