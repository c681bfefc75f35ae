package campaign_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bfxvault/cmd/internal/faultfs"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault/audit"
)

// diskFault is a disk that fails.
type diskFault struct {
	what  string
	begin func(*faultfs.FS)
	end   func(*faultfs.FS)
}

func diskFaults() []diskFault {
	fail := func(errno syscall.Errno) func(*faultfs.FS) {
		return func(f *faultfs.FS) { f.FailWrites(errno) }
	}
	return []diskFault{
		{"writes fail with EIO", fail(unix.EIO), fail(0)},
		{"writes fail with ENOSPC", fail(unix.ENOSPC), fail(0)},
		{"fsync fails", func(f *faultfs.FS) { f.FailSyncs(unix.EIO) }, func(f *faultfs.FS) { f.FailSyncs(0) }},
		{"the disk is read-only", func(f *faultfs.FS) { f.ReadOnly(true) }, func(f *faultfs.FS) { f.ReadOnly(false) }},
		{"the disk hangs", func(f *faultfs.FS) { f.Hang(true) }, func(f *faultfs.FS) { f.Hang(false) }},
	}
}

// P2, A48: while the disk under the audit log fails, nothing is signed, bots and
// operator get one clear error soon, status and lock work; once it no longer does,
// signing goes on by itself, and nothing is lost.
func TestADiskThatFailsUnderTheLogRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	for _, fault := range diskFaults() {
		t.Run(fault.what, func(t *testing.T) {
			t.Parallel()
			r := newDisk(t, conditions{})
			r.disk.Only(func(path string) bool { return strings.HasPrefix(path, "audit") })
			r.start()
			r.fill("main")
			r.failUnderLoad(func() { fault.begin(r.disk) }, func() { fault.end(r.disk) })
		})
	}
}

// P2, A48: the same on a disk that is really full.
func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	r := newFolder(t, conditions{})
	must(t, os.Mkdir(r.dir, 0o700))
	if err := unix.Mount("tmpfs", r.dir, "tmpfs", 0, "size=8m,mode=0700"); err != nil {
		t.Skipf("this test mounts a file system, which is not permitted here: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(r.dir, unix.MNT_DETACH)) })
	r.start()
	r.fill("main")
	filler := filepath.Join(r.dir, "filler")
	r.failUnderLoad(func() {
		f, err := os.Create(filler)
		must(t, err)
		for err == nil {
			_, err = f.Write(make([]byte, 64<<10))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		must(t, f.Close())
	}, func() { must(t, os.Remove(filler)) })
}

// failUnderLoad has bots sign while a fault begins and ends, twice: once the vault is
// left alone, and once it is locked in the middle.
func (r *rig) failUnderLoad(begin, end func()) {
	t := r.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // far beyond what anything may take
	defer cancel()
	a := r.admin()
	a.ctx = ctx
	l := r.load(ctx)
	await(t, l.signed.more(20), l.failed)

	begin()
	await(t, l.refused.more(2*loaders), l.failed)
	if problem := a.status(t).GetAuditProblem(); problem == "" {
		t.Error("the status does not say that nothing can be recorded")
	}
	bots := []string{botName, "afterwards"}
	if made(t, "bot add", a.addBot("in-between", 8)) {
		bots = append(bots, "in-between")
	}
	end()
	await(t, l.signed.more(20), l.failed)
	a.mustRecover(t, func() error { return a.addBot("afterwards", 9) })

	begin()
	await(t, l.refused.more(2*loaders), l.failed)
	must(t, a.lock())
	await(t, l.locked.more(loaders), l.failed)
	wantState(t, a, "locked")
	made(t, "unlock", a.unlock())
	end()
	a.mustRecover(t, a.unlock)
	await(t, l.signed.more(20), l.failed)
	l.stop(t)
	if problem := a.status(t).GetAuditProblem(); problem != "" {
		t.Errorf("the status says still: %s", problem)
	}
	wantBots(t, a, bots...)
	r.crashed(t)
	r.stop(t)
	l.trail.verifyDead(r)
	for _, missing := range l.trail.settle(l.trail.readOn(t, r.auditDir())) {
		t.Errorf("a bot has a signature without its record: %+v", missing)
	}
	l.nonces.check(t)
}

// made says whether something was done though records are refused: a short one may have
// found room on a full disk where those of signatures did not, and so may an intent where
// its outcome did not.
func made(t testing.TB, what string, err error) bool {
	t.Helper()
	if err == nil {
		return true
	}
	want(t, what, err, "CANNOT_WRITE")
	return strings.Contains(err.Error(), "it was done, but not recorded")
}

// mustRecover tries until the disk is found to work.
func (a *admin) mustRecover(t testing.TB, try func() error) {
	t.Helper()
	for {
		err := try()
		if reasonOf(err) != "CANNOT_WRITE" {
			must(t, err)
			return
		}
		must(t, a.ctx.Err())
	}
}

func wantBots(t testing.TB, a *admin, names ...string) {
	t.Helper()
	bots, err := a.ListBots(a.ctx, &pb.ListBotsRequest{})
	must(t, err)
	got := map[string]bool{}
	for _, b := range bots.GetBots() {
		got[b.GetName()] = true
	}
	for _, name := range names {
		if !got[name] {
			t.Errorf("bot %s is lost", name)
		}
	}
	if len(got) != len(names) {
		t.Errorf("the bots are %v, want %q", got, names)
	}
}

const loaders = 4

// load is bots that sign, over one connection each, and go on after a refusal.
type load struct {
	signed, refused, locked tally
	trail                   trail
	nonces                  ledger
	failed                  chan error
	over                    atomic.Bool
	all                     sync.WaitGroup
}

func (r *rig) load(ctx context.Context) *load {
	r.t.Helper()
	l := &load{failed: make(chan error, loaders)}
	for i := range loaders {
		b := r.bot()
		b.ctx = ctx
		if i == 0 {
			b.streaming(r.t)
		}
		l.all.Go(func() {
			for !l.over.Load() {
				if err := l.sign(b); err != nil {
					l.failed <- err
					return
				}
			}
		})
	}
	return l
}

func (l *load) sign(b *bot) error {
	asked := time.Now()
	s, err := l.nonces.signed(b, "main")
	switch reason := reasonOf(err); {
	case err == nil:
		l.trail.note(s, "main", asked)
		l.signed.add()
	case reason == "LOCKED":
		l.locked.add()
	case reason == "CANNOT_WRITE":
		l.refused.add()
	default:
		return fmt.Errorf("signing: %w", err)
	}
	return nil
}

func (l *load) stop(t testing.TB) {
	t.Helper()
	l.over.Store(true)
	l.all.Wait()
	close(l.failed)
	must(t, <-l.failed)
}

// P6, A48: while the disk under the vault file fails, no request nonce is given that
// no mark covers, and nothing is signed with it; once it no longer does, signing goes
// on by itself.
func TestADiskThatFailsUnderTheVaultFileRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	for _, fault := range diskFaults() {
		t.Run(fault.what, func(t *testing.T) {
			t.Parallel()
			r := newDisk(t, conditions{})
			r.disk.Only(func(path string) bool { return path == "vault.db" })
			r.start()
			r.fill("main")
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			a, b := r.admin(), r.bot()
			a.ctx, b.ctx = ctx, ctx
			_, err := b.sign("main")
			must(t, err, a.lock(), a.unlock()) // from here on, the first signature needs a mark

			fault.begin(r.disk)
			_, err = b.sign("main")
			want(t, "sign", err, "CANNOT_WRITE")
			if problem := a.status(t).GetAuditProblem(); problem != "" {
				t.Errorf("the log is blamed: %s", problem)
			}
			must(t, a.lock())
			wantState(t, a, "locked")
			fault.end(r.disk)

			a.mustRecover(t, a.unlock)
			var l load
			for l.signed.load() == 0 {
				must(t, l.sign(b), ctx.Err())
			}
			must(t, a.addBot("afterwards", 9))
			wantBots(t, a, botName, "afterwards")
			r.crashed(t)
			r.stop(t)
			l.trail.verifyDead(r)
		})
	}
}

// P2, A48, A51: a FIFO in place of the newest segment hangs nobody and is not written
// to: while vaultd runs as well as at its start. Once the segment is back, all goes on
// by itself.
func TestAFIFOInPlaceOfTheSegmentIsRefused(t *testing.T) {
	t.Parallel()
	r := ready(t, conditions{}, "main")
	names, err := audit.Segments(r.auditDir())
	must(t, err)
	segment := filepath.Join(r.auditDir(), names[len(names)-1])
	kept := filepath.Join(r.dir, "kept")
	r.failUnderLoad(
		func() { must(t, os.Rename(segment, kept), unix.Mkfifo(segment, 0o600)) },
		func() { must(t, os.Rename(kept, segment)) },
	)

	must(t, os.Rename(segment, kept), unix.Mkfifo(segment, 0o600))
	r.start()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	a := r.admin()
	a.ctx = ctx
	if problem := a.status(t).GetAuditProblem(); !strings.Contains(problem, "not a regular file") {
		t.Errorf("the status says %q", problem)
	}
	want(t, "unlock", a.unlock(), "CANNOT_WRITE")
	must(t, a.lock(), os.Rename(kept, segment))
	a.mustRecover(t, a.unlock)
	_, err = r.bot().sign("main")
	must(t, err)
	var log trail
	log.verifyLive(r, a)
}
