package store_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"bfxvault/vault/internal/store"

	"github.com/google/go-cmp/cmp"
)

var crashes = flag.Int("crashes", 12, "kill a writing child so many times")

// The test binary is its own child: what it is to do, and with which file.
const (
	childEnv     = "BFXVAULT_STORE_CHILD"
	childPathEnv = "BFXVAULT_STORE_PATH"
)

func TestMain(m *testing.M) {
	path := os.Getenv(childPathEnv)
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "write":
		writeForEver(path)
	case "full":
		fillUp(path)
	}
}

func child(t *testing.T, what, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+what, childPathEnv+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// batch is what is written at a revision: a function of the revision, so that the
// content at any revision can be told.
func batch(rev uint64) []store.Op {
	r := rand.New(rand.NewPCG(rev, 0))
	var ops []store.Op
	for range 1 + r.IntN(30) {
		op := store.Op{Bucket: store.Keys, Key: fmt.Appendf(nil, "%d", r.IntN(150))}
		if r.IntN(4) > 0 {
			op.Value = pattern(int(rev), r.IntN(3*pageSize))
		}
		ops = append(ops, op)
	}
	return append(ops, store.Op{Bucket: store.Marks, Key: []byte("last"), Value: fmt.Append(nil, rev)})
}

// writeForEver applies batches and acknowledges each on standard output.
func writeForEver(path string) {
	s, err := store.Open(path)
	if err != nil {
		panic(err)
	}
	rev, err := s.Revision()
	for ; err == nil; rev++ {
		if err = s.Apply(rev, batch(rev)); err == nil {
			fmt.Println(rev + 1)
		}
	}
	panic(err)
}

// P7: a process killed with SIGKILL at any moment leaves a file that opens, holds
// every acknowledged batch and no half of one.
func TestAKilledWriterLosesNothing(t *testing.T) {
	path := onDisk(t)
	model, at := content{}, uint64(0)
	for i := range *crashes {
		acknowledged := runAndKill(t, path, i)
		s, err := store.Open(path)
		if err != nil {
			t.Fatalf("after crash %d: %v", i, err)
		}
		got, rev, err := load(s)
		if err != nil {
			t.Fatalf("after crash %d: %v", i, err)
		}
		if acknowledged = max(acknowledged, at); rev < acknowledged || rev > acknowledged+1 {
			t.Fatalf("after crash %d: at revision %d, acknowledged %d", i, rev, acknowledged)
		}
		for ; at < rev; at++ {
			model.apply(batch(at))
		}
		if diff := cmp.Diff(model, got); diff != "" {
			t.Fatalf("after crash %d at revision %d:\n%s", i, rev, diff)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if at == 0 {
		t.Error("nothing was ever written")
	}
}

// runAndKill starts a writer, kills it while it goes on after some batches, and
// returns the last revision that it acknowledged, 0 for none.
func runAndKill(t *testing.T, path string, i int) uint64 {
	t.Helper()
	cmd := child(t, "write", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var last string
	for n := rand.IntN(20); n > 0 && lines.Scan(); n-- {
		last = lines.Text()
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // what it acknowledged before it died
		last = lines.Text()
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("writer %d ended by itself: %v", i, err)
	}
	if last == "" {
		return 0
	}
	rev, err := strconv.ParseUint(last, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// A47: without space a batch fails as a whole, reads go on, and with space again
// writing goes on. A limit on the size of files stands for a full disk.
func TestAFullDiskIsAnErrorThatPasses(t *testing.T) {
	path := onDisk(t)
	sample(t, path)
	out, err := child(t, "full", path).Output()
	if err != nil || strings.TrimSpace(string(out)) != "ok" {
		t.Errorf("child: %q, %v", out, err)
	}
	open(t, path)
}

func fillUp(path string) {
	s, err := store.Open(path)
	must(err)
	before, rev, err := load(s)
	must(err)
	info, err := os.Stat(path)
	must(err)

	var free syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &free))
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(info.Size()), Max: free.Max}))
	large := []store.Op{{Bucket: store.Keys, Key: []byte("large"), Value: pattern(1, 1<<20)}}
	for range 3 {
		// bbolt loses the error number on the way.
		if err := s.Apply(rev, large); err == nil || !strings.Contains(err.Error(), syscall.EFBIG.Error()) {
			panic(fmt.Sprint("without space: ", err))
		}
	}
	during, at, err := load(s)
	must(err)
	if at != rev || cmp.Diff(before, during) != "" {
		panic("a batch that failed has changed something")
	}
	must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &free))
	must(s.Apply(rev, large))
	must(s.Close())
	fmt.Println("ok")
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
