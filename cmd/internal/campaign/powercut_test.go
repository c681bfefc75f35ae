package campaign_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bfxvault/cmd/internal/faultfs"
)

// newDisk makes a folder whose disk is one that fails, with no vaultd over it.
func newDisk(t testing.TB, on conditions) *rig {
	t.Helper()
	r := newFolder(t, on)
	r.backing = filepath.Join(filepath.Dir(r.dir), "disk")
	must(t, os.Mkdir(r.backing, 0o700))
	r.mount()
	return r
}

func (r *rig) mount() {
	r.t.Helper()
	r.disk = faultfs.Mount(r.t, r.backing, r.dir)
}

// P2, P6, P7: the power goes while eight connections sign and an operator adds and
// removes what there is to add. What was acknowledged is there when it is back,
// nothing is half made, no request nonce repeats and the log verifies. Signatures
// without their record are the last ones, and were given within 100 ms.
func TestAPowerCutTakesNothingButTheLastRecords(t *testing.T) {
	t.Parallel()
	cutPower(t, "", 100*time.Millisecond)
}

// P2: nor those, where every record waits for the disk.
func TestAPowerCutTakesNothingAtAllWithFsync(t *testing.T) {
	t.Parallel()
	cutPower(t, "durability = \"fsync\"\n", 0)
}

func cutPower(t *testing.T, config string, window time.Duration) {
	t.Helper()
	cuts, seed := size(5, 300), rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var all crashCount
	var lost losses
	for all.kills < cuts && !t.Failed() {
		r := newDisk(t, conditions{hooked: true})
		r.configure(config)
		r.start()
		r.fill("main")
		c := newCrashes(r, random)
		for range min(killsOfOneVault, cuts-all.kills) {
			c.cutLife(window, &lost)
			if t.Failed() {
				return
			}
		}
		c.finish()
		all.add(&c.count)
	}
	t.Logf("%d power cuts, %d acknowledged changes, %d unacknowledged ones of which %d had been made, %d signatures, %d without a record after %d cuts: given within %v at most, from %v before the cut on at most",
		all.kills, all.acknowledged, all.open, all.made, all.signed, lost.all, lost.cuts, lost.within, lost.before)
}

// losses are the signatures that have lost their records.
type losses struct {
	all, cuts      int
	within, before time.Duration
}

// cutLife is one life of vaultd until the power goes, and the looks at what is there
// when it is back.
func (c *crashes) cutLife(window time.Duration, lost *losses) {
	c.t.Helper()
	changes, began := 1+c.random.IntN(6), time.Now()
	var cut time.Time
	c.work(8, changes, func(enough <-chan struct{}, failed <-chan error) {
		await(c.t, enough, failed)
		if c.random.IntN(2) == 0 { // a new day, and so a new segment
			c.days++
			c.setClock(time.Duration(c.days) * 24 * time.Hour)
		}
		switch c.random.IntN(3) {
		case 0: // at any time
			<-time.After(time.Duration(c.random.Int64N(int64(2*time.Since(began))/int64(changes) + 1)))
		case 1: // before one of the next operations on the disk
			await(c.t, c.hangAfter(c.random.IntN(100)), failed)
		case 2: // while bots sign and no change brings their records to disk
			c.quiet.Store(true)
			await(c.t, c.signed.more(1+c.random.IntN(500)), failed)
		}
		c.killed.Store(true)
		cut = time.Now()
		must(c.t, c.disk.Cut(c.random))
		c.kill()
	})
	c.hangUp()
	c.disk.Unmount()
	c.mount()
	a := c.restart()
	c.trail.verifyLive(c.rig, a)
	before := c.trail.cut
	signed := c.trail.readOn(c.t, c.auditDir())
	c.trail.wantUnfinished(c.t, a, c.trail.cut-before)
	missing := c.trail.settle(signed)
	newest := slices.Max(append(slices.Collect(maps.Keys(signed)), 0))
	for _, m := range missing {
		if newest > m.seq {
			c.t.Errorf("the record of a signature, %d, is lost, and not %d behind it", m.seq, newest)
		}
	}
	c.judge(missing, cut, window, lost)
	c.settle(a)
	c.count.kills++
}

// hangAfter lets so many operations on the disk through, and no more; it says when the
// next has come.
func (c *crashes) hangAfter(operations int) <-chan struct{} {
	reached := make(chan struct{})
	c.disk.Only(func(string) bool {
		if operations--; operations == -1 {
			close(reached)
		}
		return operations < 0
	})
	c.disk.Hang(true)
	return reached
}

// judge holds the signatures that have lost their records to the window in which they
// may: what was asked for after it began had to wait for the disk.
func (c *crashes) judge(missing []receipt, cut time.Time, window time.Duration, lost *losses) {
	c.t.Helper()
	if len(missing) == 0 {
		return
	}
	first, last := missing[0].came, missing[0].asked
	for _, m := range missing {
		if m.came.Before(first) {
			first = m.came
		}
		if m.asked.After(last) {
			last = m.asked
		}
	}
	lost.all, lost.cuts = lost.all+len(missing), lost.cuts+1
	lost.within, lost.before = max(lost.within, last.Sub(first)), max(lost.before, cut.Sub(first))
	if window == 0 || last.Sub(first) > window {
		c.t.Errorf("%d signatures have lost their records, given within %v: %+v", len(missing), last.Sub(first), missing[0])
	}
}
