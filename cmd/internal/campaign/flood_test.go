package campaign_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"bfxvault/cmd/internal/paths"
	pb "bfxvault/proto/bfxvault/v1"
)

const floodEnv = "CAMPAIGN_FLOOD"

// flood is another process of the operator's own uid that tries wrong proofs, or
// wrong passphrases, as quickly as it gets answers, over several connections. It
// prints the reason of each answer, and ends once its standard input does, or once
// there is nothing more to try.
func flood() error {
	var dir, kind string
	if _, err := fmt.Sscan(os.Getenv(floodEnv), &dir, &kind); err != nil {
		return err
	}
	p, err := paths.In(dir)
	if err != nil {
		return err
	}
	var over atomic.Bool
	go func() {
		io.Copy(io.Discard, os.Stdin)
		over.Store(true)
	}()
	kek := randomKEK()
	var all sync.WaitGroup
	for range 4 {
		conn, err := connect(p.AdminSocket(), os.Geteuid())
		if err != nil {
			return err
		}
		a := &admin{pb.NewAdminServiceClient(conn), context.Background(), &kek}
		all.Go(func() {
			for answer := error(os.ErrInvalid); answer != nil && !over.Load(); {
				if kind == "unlock" {
					answer = a.unlock()
				} else {
					answer = a.addBot("intruder", 1)
				}
				fmt.Println("answer", reasonOf(answer))
			}
		})
	}
	all.Wait()
	return nil
}

// flooding is a flood that runs.
type flooding struct {
	stdin io.Closer
	done  chan struct{}

	all   tally
	mu    sync.Mutex
	count map[string]int // answers by reason
}

func startFlood(t testing.TB, r *rig, kind string) *flooding {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{floodEnv + "=" + r.dir + " " + kind}
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	must(t, err1, err2, cmd.Start())
	f := &flooding{stdin: in, done: make(chan struct{}), count: map[string]int{}}
	go func() {
		defer close(f.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var reason string
			_, _ = fmt.Sscanf(lines.Text(), "answer %s", &reason) // none: it was let in
			f.mu.Lock()
			f.count[reason]++
			f.mu.Unlock()
			f.all.add()
		}
		_ = cmd.Wait()
	}()
	t.Cleanup(func() { f.stop() })
	return f
}

// stop ends the flood after the answers that are under way and returns how many
// there were for each reason.
func (f *flooding) stop() map[string]int {
	f.stdin.Close()
	<-f.done
	return f.count
}
