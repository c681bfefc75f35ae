package audit_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"bfxvault/vault/audit"

	"golang.org/x/sys/unix"
)

// onSmallDisk runs a test again as a child that has a mount of its own: a tmpfs of so
// many bytes.
func onSmallDisk(t *testing.T, size int, test func(t *testing.T, disk string)) {
	t.Helper()
	if disk := os.Getenv("BFXVAULT_SMALL_DISK"); disk != "" {
		must(t, unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
		if err := unix.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", size)); err != nil {
			fmt.Println("CANNOT MOUNT", err)
			return
		}
		test(t, disk)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), "BFXVAULT_SMALL_DISK="+t.TempDir())
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		child.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		child.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	}
	out, err := child.CombinedOutput()
	switch {
	case errors.Is(err, unix.EPERM):
		t.Skip("no mount of one's own here: ", err)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// fill leaves no free space, and returns what frees it again.
func fill(t testing.TB, disk string) (free func()) {
	t.Helper()
	path := filepath.Join(disk, "full")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return func() { must(t, os.Remove(path)) }
}

// A47
func TestAFullDiskRefusesAndRecoversByItself(t *testing.T) {
	onSmallDisk(t, 1<<20, func(t *testing.T, disk string) {
		dir, s, a := filepath.Join(disk, "audit"), slot{[]byte("one")}, new(alerts)
		o := options(dir)
		o.Alert = a.add
		l := open(t, o)
		unlock(t, l, s)
		good := uint64(0)
		for range 3 {
			free := fill(t, disk)
			var refused error
			for range 100000 {
				seq, err := l.Append(&audit.Record{Op: "sign", Bot: "mm-1"}, false)
				if err != nil {
					refused = err
					break
				}
				good = max(good, seq)
			}
			var cannot *audit.WriteError
			if !errors.As(refused, &cannot) || !errors.Is(refused, unix.ENOSPC) {
				t.Fatalf("on a full disk: %v", refused)
			}
			if _, err := l.Append(&audit.Record{Op: "key add"}, true); !errors.Is(err, unix.ENOSPC) {
				t.Errorf("once more: %v", err)
			}
			if r := verify(t, dir, s); r.FirstBad != nil || r.Torn {
				t.Errorf("something half is left: %+v", r)
			}
			free()
			seq, err := l.Append(&audit.Record{Op: "sign", Bot: "mm-1"}, true)
			must(t, err)
			if seq != good+1 {
				t.Errorf("the log goes on with record %d, want %d", seq, good+1)
			}
			good = seq
		}
		if a.count(audit.AlertDisk) == 0 {
			t.Error("nothing was alerted")
		}
		known, err := l.Checkpoint()
		must(t, err, l.Close())
		verifies(t, dir, s, known)
	})
}

// A47: many wait, and no record is torn or lost between them.
func TestAFullDiskUnderLoad(t *testing.T) {
	onSmallDisk(t, 1<<20, func(t *testing.T, disk string) {
		dir, s := filepath.Join(disk, "audit"), slot{[]byte("one")}
		l := open(t, options(dir))
		unlock(t, l, s)
		var mu sync.Mutex
		stands := map[uint64]string{}
		for range 3 {
			free := fill(t, disk)
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					for n := 0; ; n++ {
						bot := fmt.Sprintf("b-%d-%d", i, n)
						seq, err := l.Append(&audit.Record{Op: "sign", Bot: bot}, i == 0)
						if err != nil {
							return
						}
						mu.Lock()
						stands[seq] = bot
						mu.Unlock()
					}
				})
			}
			all.Wait()
			free()
			deadline := time.Now().Add(10 * time.Second)
			for second(l.Append(&audit.Record{Op: "sign"}, true)) != nil {
				if time.Now().After(deadline) {
					t.Fatal("there is room, and still: ", l.Fault())
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		must(t, l.Close())
		verifies(t, dir, s)
		for _, f := range load(t, dir) {
			for _, line := range f.lines {
				e := entry(t, line)
				if bot, ok := stands[e.Seq]; ok && bot != e.Bot {
					t.Fatalf("record %d is of %s, not of %s", e.Seq, e.Bot, bot)
				}
				delete(stands, e.Seq)
			}
		}
		if len(stands) > 0 {
			t.Errorf("%d records were acknowledged and are gone", len(stands))
		}
	})
}

// A47: at midnight there is no room for a new segment: the old one goes on, and the new
// one comes when there is.
func TestAFullDiskAtMidnight(t *testing.T) {
	onSmallDisk(t, 160<<20, func(t *testing.T, disk string) {
		dir, s, c := filepath.Join(disk, "audit"), slot{[]byte("one")}, clockAt(day())
		o := options(dir)
		o.Now = c.now
		l := open(t, o)
		unlock(t, l, s)
		free := fill(t, disk)
		c.set(day().Add(24 * time.Hour))
		sign(t, l, 5) // into what is reserved
		if n := len(segments(t, dir)); n != 1 {
			t.Errorf("%d segments on a full disk", n)
		}
		known, err := l.Checkpoint()
		if err == nil {
			t.Errorf("a checkpoint file stands on a full disk, at %v", known)
		}
		verifies(t, dir, s)
		free()
		must(t, l.Close())
		l = open(t, o)
		unlock(t, l, s)
		sign(t, l, 5)
		if n := len(segments(t, dir)); n != 2 {
			t.Errorf("%d segments once there is room", n)
		}
		must(t, l.Close())
		verifies(t, dir, s)
	})
}
