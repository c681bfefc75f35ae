package campaign_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bfxvault/cmd/internal/memscan"
)

// conditions are what a vaultd runs under.
type conditions struct {
	hooked   bool    // the build whose clock a test can set
	uid      int     // the user it runs as; 0 is whoever runs the tests
	memlock  *uint64 // RLIMIT_MEMLOCK in bytes; nil is that of the tests
	noSecret bool    // the kernel has no memfd_secret(2), as before Linux 5.14
	killAt   string  // the point at which it kills itself; takes hooked
}

// process is a vaultd that runs, or a vaultproxy.
type process struct {
	cmd    *exec.Cmd
	log    *output         // all that it has written
	memory *memscan.Target // opened before its first instruction
	ended  chan struct{}
}

// output collects what a process writes, and says when it has written a word.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	word  string
	found chan struct{}
	more  chan struct{} // closed at the next write; nil where nobody waits
}

func newOutput(word string) *output { return &output{word: word, found: make(chan struct{})} }

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if o.more != nil {
		close(o.more)
		o.more = nil
	}
	if o.word != "" && bytes.Contains(o.text.Bytes(), []byte(o.word)) {
		o.word = ""
		close(o.found)
	}
	return len(p), nil
}

// String is all of it so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// count says how often words stand in it, all together, and waits until that is n
// times at least: what the process has written before it answered may still be on its
// way through the pipe. It waits for ten seconds of silence at most.
func (o *output) count(n int, words ...string) (found int) {
	for {
		o.mu.Lock()
		found = 0
		for _, word := range words {
			found += bytes.Count(o.text.Bytes(), []byte(word))
		}
		if o.more == nil {
			o.more = make(chan struct{})
		}
		more := o.more
		o.mu.Unlock()
		if found >= n {
			return found
		}
		select {
		case <-more:
		case <-time.After(10 * time.Second):
			return found
		}
	}
}

// startProcess starts vaultd and returns once it serves.
func startProcess(t testing.TB, binary, dir string, env []string, on conditions) *process {
	t.Helper()
	return launch(t, binary, dir, env, on).serving(t)
}

// serving waits until the process serves.
func (p *process) serving(t testing.TB) *process {
	t.Helper()
	select {
	case <-p.log.found:
	case <-p.ended:
		t.Fatalf("%s ended:\n%s", p.cmd.Path, p.log)
	}
	return p
}

// launch starts vaultd.
func launch(t testing.TB, binary, dir string, env []string, on conditions) *process {
	t.Helper()
	return launchAs(t, exec.Command(binary, "--dir", dir), "msg=ready", env, on)
}

// launchAs starts a program, which serves once it has written a word.
func launchAs(t testing.TB, cmd *exec.Cmd, ready string, env []string, on conditions) *process {
	t.Helper()
	p := &process{cmd: cmd, log: newOutput(ready), ended: make(chan struct{})}
	p.cmd.Env = append(p.cmd.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	if on.uid != 0 {
		p.cmd.SysProcAttr = as(on.uid)
	}
	p.cmd.SysProcAttr.Pdeathsig, p.cmd.SysProcAttr.Ptrace = unix.SIGKILL, true
	started := make(chan error)
	go p.run(on, started)
	if err := <-started; err != nil {
		t.Fatalf("starting %s: %v", cmd.Path, err)
	}
	t.Cleanup(p.kill)
	return p
}

// run is the life of the process on one thread: the kernel ties the tracing, the
// filter and the death of the child to the thread that started it, so the thread
// is kept until the child has ended and goes with it.
func (p *process) run(on conditions, started chan<- error) {
	runtime.LockOSThread()
	if on.noSecret {
		if err := refuseSecretMemory(); err != nil {
			started <- err
			return
		}
	}
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	if err := p.prepare(on); err != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		started <- err
		return
	}
	started <- nil
	_ = p.cmd.Wait() // a test that cares looks at ProcessState
	p.memory.Close()
	close(p.ended)
}

// prepare finds the child stopped at its execve: limits hold from its first
// instruction, and its memory is opened before it closes itself to us.
func (p *process) prepare(on conditions) error {
	pid := p.cmd.Process.Pid
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil || !status.Stopped() {
		return fmt.Errorf("waiting for its execve: %v, status %#x", err, status)
	}
	if on.memlock != nil {
		if err := setMemlock(pid, on.uid, *on.memlock); err != nil {
			return err
		}
	}
	var err error
	if p.memory, err = memscan.Open(pid); err != nil {
		return err
	}
	return unix.PtraceDetach(pid)
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // gone already is as good
	<-p.ended
}

// stop is what systemd does: SIGTERM, and an orderly end.
func (p *process) stop(t testing.TB) {
	t.Helper()
	must(t, p.cmd.Process.Signal(unix.SIGTERM))
	<-p.ended
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%s ended with %d:\n%s", p.cmd.Path, code, p.log)
	}
}

// crashed reports a process that ended, or panicked and went on.
func (p *process) crashed(t testing.TB) {
	t.Helper()
	select {
	case <-p.ended:
		t.Errorf("vaultd has ended: %v\n%s", p.cmd.ProcessState, p.log)
	default:
		if strings.Contains(p.log.String(), "panic") {
			t.Errorf("vaultd panicked:\n%s", p.log)
		}
	}
}
