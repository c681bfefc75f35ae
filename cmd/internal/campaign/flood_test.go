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

// flood is another process that tries wrong proofs, or wrong passphrases, or asks for
// signatures that it is not granted, as quickly as it gets answers, over several
// connections. It prints the reason of each answer, and ends once its standard input
// does, or once there is nothing more to try.
func flood() error {
	var dir, kind string
	var uid int
	if _, err := fmt.Sscan(os.Getenv(floodEnv), &dir, &kind, &uid); err != nil {
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
	var all sync.WaitGroup
	for range 4 {
		try, err := floodOnce(p, kind, uid)
		if err != nil {
			return err
		}
		all.Go(func() {
			for answer := error(os.ErrInvalid); answer != nil && !over.Load(); {
				answer = try()
				fmt.Println("answer", reasonOf(answer))
			}
		})
	}
	all.Wait()
	return nil
}

const (
	withdrawPath = "v2/auth/w/withdraw"
	withdrawBody = `{"wallet":"exchange","method":"bitcoin","amount":"0.1","address":"1FAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE"}`
)

// floodOnce returns what a connection of its own tries, with a vaultd of a uid.
func floodOnce(p paths.Paths, kind string, uid int) (try func() error, err error) {
	if kind == "sign" {
		conn, err := connect(p.SignSocket(), uid)
		b := &bot{SignerServiceClient: pb.NewSignerServiceClient(conn), ctx: context.Background()}
		return func() error {
			_, err := b.ask(&pb.SignRestRequest{Label: "main", Path: withdrawPath, Body: []byte(withdrawBody)})
			return err
		}, err
	}
	conn, err := connect(p.AdminSocket(), uid)
	kek, slot := randomKEK(), uint32(1)
	a := &admin{pb.NewAdminServiceClient(conn), context.Background(), &kek, &slot}
	if kind == "unlock" {
		return a.unlock, err
	}
	return func() error { return a.addBot("intruder", 1) }, err
}

// flooding is a flood that runs.
type flooding struct {
	stdin io.Closer
	done  chan struct{}

	all   tally
	mu    sync.Mutex
	count map[string]int // answers by reason
}

// startFlood starts one, as another user or, with uid 0, as oneself.
func startFlood(t testing.TB, r *rig, kind string, uid int) *flooding {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{fmt.Sprintf("%s=%s %s %d", floodEnv, r.dir, kind, os.Geteuid())}
	if uid != 0 {
		cmd.Dir, cmd.SysProcAttr = "/", as(uid)
	}
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
