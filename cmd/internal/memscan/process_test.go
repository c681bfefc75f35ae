package memscan_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bfxvault/cmd/internal/memscan"
)

// mask hides on the way to the child what it shall hold; no form undoes it.
const mask = 0xA5

func TestMain(m *testing.M) {
	if os.Getenv("MEMSCAN_CHILD") != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// child plants what its standard input says, one "PLACE HEX" a line, and stays
// until that input ends.
func child() {
	var heap [][]byte
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		place, value, _ := strings.Cut(in.Text(), " ")
		if place == "go" {
			fmt.Println("ready")
			continue
		}
		masked, err := hex.DecodeString(value)
		if err != nil {
			panic(err)
		}
		switch place {
		case "heap":
			heap = append(heap, make([]byte, len(masked)))
			unmask(heap[len(heap)-1], masked)
		case "global":
			unmask(global[:], masked)
		case "stack":
			started := make(chan bool)
			go onStack(masked, started)
			<-started
		default:
			unmask(mapping(place), masked)
			if place == "none" {
				check(unix.Mprotect(last, unix.PROT_NONE))
			}
		}
	}
	fmt.Print(len(heap) > 1<<30, global[0] == 0) // keeps them alive to here
}

var (
	global [128]byte // what the child's data segment holds
	last   []byte    // the child's newest mapping
)

func unmask(to, masked []byte) {
	for i, c := range masked {
		to[i] = c ^ mask
	}
}

// onStack never returns, but the compiler must believe that it reads local.
//
//go:noinline
func onStack(masked []byte, started chan bool) byte {
	var local [128]byte
	for i, c := range masked {
		local[i] = c ^ mask
	}
	started <- true
	started <- true
	return local[len(masked)/2]
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// mapping returns a page of its own: "none", "locked", or "memfd".
func mapping(place string) []byte {
	fd, flags := -1, unix.MAP_PRIVATE|unix.MAP_ANON
	if place == "memfd" {
		n, _, errno := unix.Syscall(unix.SYS_MEMFD_SECRET, unix.O_CLOEXEC, 0, 0)
		if errno != 0 {
			fmt.Println("no memfd_secret:", errno)
			os.Exit(0)
		}
		fd, flags = int(n), unix.MAP_SHARED
		check(unix.Ftruncate(fd, 4096))
	}
	b, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, flags)
	check(err)
	if place == "locked" {
		check(unix.Mlock(b))
	}
	last = b
	return b
}

type planted struct {
	place string
	value []byte
}

// start runs a child that holds what is given, and returns its pid and its
// first line.
func start(t testing.TB, plants []planted) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{"MEMSCAN_CHILD=1"}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		cmd.Wait()
	})
	for _, p := range plants {
		masked := make([]byte, len(p.value))
		unmask(masked, p.value)
		fmt.Fprintf(in, "%s %x\n", p.place, masked)
	}
	fmt.Fprintln(in, "go")
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, line
}

func TestEveryFormAndEveryPlaceIsFoundInAnotherProcess(t *testing.T) { // A52
	var needles []memscan.Needle
	var plants []planted
	want := map[string]string{} // name → form
	plant := func(place, form string) {
		name := place + " " + form
		s := secret()
		needles = append(needles, memscan.Forms(name, s)...)
		plants = append(plants, planted{place, decoys(s)[form]})
		want[name] = form
	}
	for form := range decoys(secret()) {
		plant("heap", form)
	}
	for _, place := range []string{"global", "stack", "locked", "none"} {
		plant(place, "raw")
	}
	half := secret()
	needles = append(needles, memscan.Forms("a piece", half)...)
	// Its neighbours in memory are set, or one time in 128 they would happen to fit.
	piece := slices.Concat([]byte{^half[6]}, half[7:24], []byte{^half[24]})
	plants = append(plants, planted{"heap", piece})

	cmd, _ := start(t, plants)
	report, err := scanner(t, needles).Process(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string][]memscan.Hit{}
	for _, h := range report.Hits {
		byName[h.Name] = append(byName[h.Name], h)
	}
	for name, form := range want {
		hits := byName[name]
		if got := wholeForms(hits); !slices.Equal(got, []string{form}) {
			t.Errorf("%s was found as %q", name, got)
		}
		for _, h := range hits {
			if h.Guarded != strings.HasPrefix(name, "locked") {
				t.Errorf("%s: locked is %t", name, h.Guarded)
			}
		}
	}
	if p := byName["a piece"]; len(p) != 1 || p[0].Whole || p[0].From != 7 || p[0].To != 24 {
		t.Errorf("a piece: %v", p)
	}
}

func TestACleanProcessHasNoHits(t *testing.T) {
	var needles []memscan.Needle
	for range 20 {
		needles = append(needles, memscan.Forms("key", secret())...)
	}
	cmd, _ := start(t, nil)
	report, err := scanner(t, needles).Process(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Hits) != 0 || len(report.Unreadable) != 0 {
		t.Errorf("hits %v, unreadable %v", report.Hits, report.Unreadable)
	}
	if report.Regions < 5 || report.Bytes < 1<<20 {
		t.Errorf("it read only %d bytes in %d mappings", report.Bytes, report.Regions)
	}
}

func TestAPageOfMemfdSecretIsReportedAsUnreadable(t *testing.T) {
	s := secret()
	cmd, line := start(t, []planted{{"memfd", s}})
	if strings.HasPrefix(line, "no memfd_secret") {
		t.Skip(line) // the kernel has none
	}
	report, err := scanner(t, memscan.Forms("key", s)).Process(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Hits) != 0 {
		t.Errorf("hits %v", report.Hits)
	}
	if len(report.Unreadable) != 1 || !strings.Contains(report.Unreadable[0], "/secretmem") {
		t.Errorf("unreadable %q, want the one page", report.Unreadable)
	}
}

func TestAScanThatReadsNothingIsAnError(t *testing.T) {
	sc := scanner(t, memscan.Forms("key", secret()))
	if _, err := sc.Process(os.Getpid()); err == nil {
		t.Error("it scanned itself")
	}
	if _, err := sc.Process(1 << 30); err == nil {
		t.Error("it scanned a process that is not there")
	}
	cmd, _ := start(t, nil)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var info unix.Siginfo // waits for the end, but leaves the zombie
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if report, err := sc.Process(cmd.Process.Pid); err == nil {
		t.Errorf("a zombie was called clean: %+v", report)
	}
}

func BenchmarkProcess(b *testing.B) {
	var needles []memscan.Needle
	for range 20 {
		needles = append(needles, memscan.Forms("key", secret())...)
	}
	sc := scanner(b, needles)
	cmd, _ := start(b, nil)
	for b.Loop() {
		report, err := sc.Process(cmd.Process.Pid)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(report.Bytes)
	}
}

func TestATargetIsScannedAsOftenAsItLivesAndNeverOnceItHasEnded(t *testing.T) {
	s := secret()
	sc := scanner(t, memscan.Forms("key", s))
	cmd, _ := start(t, []planted{{"heap", s}})
	target, err := memscan.Open(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	for range 2 {
		if report, err := sc.Target(target); err != nil || len(wholeForms(report.Hits)) != 1 {
			t.Fatalf("%v, hits %v", err, report.Hits)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if report, err := sc.Target(target); err == nil {
		t.Errorf("a process that has ended was called clean: %+v", report)
	}
}
