package campaign_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	pb "bfxvault/proto/bfxvault/v1"
)

// P1, A49: vaultd is brought down under load, by a goroutine dump and by an abort that
// asks for a core file. Neither dump nor disk holds a secret, and there is no core: the
// limit is 0 and the process undumpable, whatever core_pattern says.
func TestNoCrashShowsASecret(t *testing.T) {
	t.Parallel()
	h := newHunt(t, mixed)
	copy(h.kek[:], h.canary("the KEK"))
	h.start()
	h.setUp()
	h.bringDown(unix.SIGQUIT, "SIGQUIT: quit")

	h.process = startProcess(t, program(t, "vaultd"), h.rig.dir, []string{"GOTRACEBACK=crash"}, h.on)
	must(t, h.admin().unlock())
	h.bringDown(unix.SIGABRT, "SIGABRT: abort")
	h.noCores()

	must(t, h.restart().lock()) // P7: it opens, and its log goes on
	h.search()
}

// bringDown sends a signal while requests are under way, well-formed ones and others,
// all with secrets in them, and hears the dump.
func (h *hunt) bringDown(signal unix.Signal, says string) {
	h.t.Helper()
	var load sync.WaitGroup
	var signed tally
	for i := range 8 {
		conn, b := h.dialTo(false), h.bot()
		admin := pb.NewAdminServiceClient(conn)
		secret := h.canaryOf("a request under load", shapes()[i%3])
		stray := &pb.AddKeyRequest{
			Label: secret, ApiKey: secret, Permissions: []string{secret},
			Secret: &pb.Sealed{Id: 1, Box: []byte(secret)}, Proof: &pb.Proof{Mac: []byte(secret)},
		}
		body := []byte(`{"apiSecret":"` + secret + `"}`)
		load.Go(func() {
			for { // until vaultd is gone
				if _, err := b.SignRest(b.ctx, &pb.SignRestRequest{Label: "main", Path: "v2/auth/r/wallets", Body: body}); err != nil {
					return
				}
				signed.add()
				_, _ = admin.AddKey(b.ctx, stray) // refused, or cut off
			}
		})
	}
	<-signed.more(size(200, 20_000))
	h.proc()
	must(h.t, h.cmd.Process.Signal(signal))
	<-h.ended
	load.Wait()
	dump := h.log.String()
	h.hear("the dump of "+signal.String(), []byte(dump))
	if !strings.Contains(dump, says) || strings.Count(dump, "\ngoroutine ") < 10 {
		h.t.Errorf("no dump of goroutines at %v:\n%s", signal, dump)
	}
	if status, ok := h.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.CoreDump() {
		h.t.Errorf("vaultd left a core file at %v: %v", signal, h.cmd.ProcessState)
	}
}

// noCores fails where there is a core file of this vaultd, as far as core_pattern says
// where one would be: in its working folder, which is ours, or in the folder named.
func (h *hunt) noCores() {
	h.t.Helper()
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	must(h.t, err)
	folders := []string{".", h.rig.dir}
	if filepath.IsAbs(string(pattern)) {
		folders = append(folders, filepath.Dir(string(pattern)))
	}
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil && folder != "." {
			continue // the pattern's folder need not be there
		}
		must(h.t, err)
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !strings.Contains(e.Name(), "core") || !info.Mode().IsRegular() || info.ModTime().Before(h.began) {
				continue
			}
			head, _ := os.ReadFile(filepath.Join(folder, e.Name()))
			if bytes.HasPrefix(head, []byte("\x7fELF")) {
				h.t.Errorf("a core file: %s in %s", e.Name(), folder)
			}
		}
	}
}
