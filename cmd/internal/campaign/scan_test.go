package campaign_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"bfxvault/cmd/internal/memscan"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

// P1, P5, A52, A59: at every stage of its life, the memory of vaultd (the
// ordinary build) holds no API secret and no passphrase in any form, its keys in
// guarded pages only, and nothing once it is locked; nor do its folder and the
// output of either program. That the scanner finds what is there is shown in
// cmd/internal/memscan, and here by what must be found.
func TestNoSecretIsLeftBehind(t *testing.T) {
	t.Parallel()
	for name, noSecret := range map[string]bool{"memfd_secret": false, "memguard": true} {
		t.Run(name, func(t *testing.T) {
			s := newScan(t, conditions{noSecret: noSecret})
			if got := s.admin().status(t).GetMemory(); got != name {
				t.Fatalf("guarded memory is %s", got)
			}
			s.expect("unlocked, one key added", atRest)
			s.sign(1)
			s.expect("after the first signature", atRest)
			s.underLoad(size(1_000, 10_000))
			s.expect("idle after the load", atRest)
			s.ctl(0, "key", "add", "second", "--api-key", idOf("second"), "--permissions", "read",
				"--secret-file", s.file("secret", secretOf("second")), "--passphrase-file", s.file("pass", passphrase))
			s.expect("after key add", atRest)
			s.mistakes()
			s.expect("after wrong passphrases", atRest)
			must(t, s.admin().lock())
			s.expect("locked", nowhere)
			s.ctl(1, "unlock", "--passphrase-file", s.file("pass", wrongPassphrase))
			s.expect("locked, after a wrong passphrase", nowhere)
			s.ctl(0, "unlock", "--passphrase-file", s.file("pass", passphrase))
			s.sign(10)
			s.expect("unlocked again", atRest)
			s.ctl(0, "lock")
			s.expect("locked again", nowhere)
			s.otherLocks()
			s.stop(t)
			s.files()
		})
	}
}

// otherLocks are the other ways to a locked vault (A59, A60): each from one that has just
// signed.
func (s *scan) otherLocks() {
	s.t.Helper()
	open := func() {
		s.ctl(0, "unlock", "--passphrase-file", s.file("pass", passphrase), "--accept-config")
		s.sign(10)
	}
	open()
	must(s.t, s.cmd.Process.Signal(syscall.SIGUSR1))
	s.lockedBy("signal")
	s.expect("locked by SIGUSR1", nowhere)
	open()
	s.ctl(0, "lock", "--burn", "--upstream", "http://127.0.0.1:1")
	s.expect("locked, with requests to send", nowhere)
	open()
	s.ctl(1, "panic", "--cancel-all", "--passphrase-file", s.file("pass", passphrase), "--upstream", "http://127.0.0.1:1")
	s.expect("after a panic", nowhere)
	s.stop(s.t)
	s.configure("idle_lock = \"3s\"\n")
	s.start()
	open()
	s.lockedBy("idle")
	s.expect("locked by itself", nowhere)
}

// P5: a vaultd that is told to end wipes first. Here its disk hangs, so that it is still
// there to be looked at.
func TestAVaultdThatEndsHasWipedBefore(t *testing.T) {
	t.Parallel()
	r := newDisk(t, conditions{noSecret: true})
	r.start()
	s := newScanOf(t, r)
	s.sign(10)
	s.expect("unlocked", atRest)
	s.hangUp()
	r.disk.Hang(true)
	must(t, s.cmd.Process.Signal(syscall.SIGTERM))
	if s.log.count(1, "msg=locked") != 1 {
		t.Fatalf("it has not locked:\n%s", s.log)
	}
	must(t, s.cmd.Process.Signal(syscall.SIGSTOP)) // it waits for its disk for some seconds only
	s.expect("told to end", nowhere)
	select {
	case <-s.ended:
		t.Error("it had ended before it was looked at")
	default:
	}
	must(t, s.cmd.Process.Signal(syscall.SIGCONT))
	r.disk.Hang(false)
	<-s.ended
}

// lockedBy waits until the vault has locked, and says so.
func (s *scan) lockedBy(why string) {
	s.t.Helper()
	a := s.admin()
	for {
		if now := a.status(s.t); now.GetState() == "locked" && now.GetLockedBy() != "" {
			if now.GetLockedBy() != why {
				s.t.Errorf("locked by %q, want %q", now.GetLockedBy(), why)
			}
			return
		}
	}
}

const (
	passphrase      = "TESTPASS fake, do not use: seven green ladders"
	wrongPassphrase = "TESTPASS fake, do not use: some other sentence"
)

// where says where what kind of secret may lie.
type where int

const (
	nowhere where = iota // locked
	atRest               // keys in guarded pages
	inUse                // mid-states in flight, too
)

type scan struct {
	*rig
	t       testing.TB
	needles []memscan.Needle
	scanner *memscan.Scanner
	ctlSaid bytes.Buffer
}

func newScan(t testing.TB, on conditions) *scan { return newScanOf(t, newRig(t, on)) }

// newScanOf makes the vault of a vaultd that runs, and what to look for in it.
func newScanOf(t testing.TB, r *rig) *scan {
	s := &scan{rig: r, t: t}
	salt := operator.NewSalt()
	kek, err := operator.DeriveKEK([]byte(passphrase), vault.MinArgon2(), salt)
	must(t, err)
	s.kek = *kek
	wrong, err := operator.DeriveKEK([]byte(wrongPassphrase), vault.MinArgon2(), salt)
	must(t, err)
	a := s.admin()
	must(t, a.initWith(salt), a.addBot(botName, me()), a.addKey("main", secretOf("main")), a.grant(botName, "main"))

	k := recompute(t, s.paths.VaultFile(), s.slot, &s.kek)
	var needles []memscan.Needle
	for name, secret := range map[string][]byte{
		"secret of main": []byte(secretOf("main")), "secret of second": []byte(secretOf("second")),
		"passphrase": []byte(passphrase), "wrong passphrase": []byte(wrongPassphrase),
		"wrong KEK": wrong[:],
	} {
		needles = append(needles, memscan.Forms(name, secret)...)
	}
	for name, key := range k {
		needles = append(needles, memscan.Forms(name, key)...)
	}
	for name, key := range map[string][]byte{"main": []byte(secretOf("main")), "second": []byte(secretOf("second")), "set-hash key": k["set-hash key"]} {
		needles = append(needles, stateNeedles(t, midState+name, key)...)
	}
	s.needles = needles
	s.know("", nil)
	return s
}

const dataKey, midState = "data key", "mid-state of "

// expect scans vaultd's memory.
func (s *scan) expect(moment string, allowed where) {
	s.t.Helper()
	report, err := s.scanner.Target(s.memory)
	must(s.t, err)
	found := false
	for _, h := range report.Hits {
		state := strings.HasPrefix(h.Name, midState)
		switch {
		case allowed == inUse && state:
		case allowed != nowhere && h.Guarded && (state || h.Name == dataKey):
			found = true
		default:
			s.t.Errorf("%s: %v", moment, h)
		}
	}
	// What must be seen: the keys themselves, or else pages that not even we can read.
	secretMemory := len(report.Unreadable) > 0 && strings.Contains(strings.Join(report.Unreadable, " "), "secretmem")
	if allowed == atRest && found == secretMemory {
		s.t.Errorf("%s: keys in readable guarded pages: %t; unreadable: %q", moment, found, report.Unreadable)
	}
	if allowed != inUse { // which is scanned fifty times over
		s.t.Logf("%s: %d bytes in %d mappings, %d hits where they may be, unreadable %q",
			moment, report.Bytes, report.Regions, len(report.Hits), report.Unreadable)
	}
}

// sign has n orders signed from several connections.
func (s *scan) sign(n int) {
	s.t.Helper()
	each(s.t, 8, n, func() func(int) error {
		b := s.bot()
		return func(int) error { _, err := b.sign("main"); return err }
	})
}

// underLoad scans while orders are being signed, n of them at least.
func (s *scan) underLoad(n int) {
	s.t.Helper()
	var scanned atomic.Bool
	var load sync.WaitGroup
	for range 8 {
		b := s.bot()
		load.Go(func() {
			for i := 0; i < n/8 || !scanned.Load(); i++ {
				if _, err := b.sign("main"); err != nil {
					s.t.Errorf("under load: %v", err)
					return
				}
			}
		})
	}
	for range size(2, 50) {
		s.expect("under load", inUse)
	}
	scanned.Store(true)
	load.Wait()
}

// mistakes are wrong proofs: by vaultctl with another passphrase, and by a KEK
// sealed for something else.
func (s *scan) mistakes() {
	s.t.Helper()
	s.ctl(1, "key", "add", "third", "--api-key", idOf("third"), "--permissions", "read",
		"--secret-file", s.file("secret", secretOf("second")), "--passphrase-file", s.file("pass", wrongPassphrase))
	a := s.admin()
	r := vault.Unlock{Slot: 2}
	box, err := a.seal(r.Purpose(), s.kek[:])
	must(s.t, err, a.lock())
	_, err = a.Unlock(a.ctx, unlockRequest(1, box))
	want(s.t, "a KEK sealed for another slot", err, "STALE")
	must(s.t, a.unlock())
}

// file writes what vaultctl is to read, out of the vault's folder.
func (s *scan) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(filepath.Dir(s.dir), name)
	must(s.t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	return path
}

// ctl runs vaultctl and expects an exit code.
func (s *scan) ctl(code int, args ...string) {
	s.t.Helper()
	cmd := exec.Command(program(s.t, "vaultctl"), append([]string{"--dir", s.dir}, args...)...)
	cmd.Env = append(cmd.Environ(), "XDG_STATE_HOME="+filepath.Dir(s.dir))
	out, err := cmd.CombinedOutput()
	s.ctlSaid.Write(out)
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("vaultctl %s: exit code %d, want %d (%v)\n%s", args[0], got, code, err, out)
	}
}

// files scans the folder, what was noted beside it, and all output.
func (s *scan) files() {
	s.t.Helper()
	for _, name := range []string{"pass", "secret"} { // the test's own
		must(s.t, os.Remove(filepath.Join(filepath.Dir(s.dir), name)))
	}
	report, err := s.scanner.Tree(filepath.Dir(s.dir))
	must(s.t, err)
	if report.Regions < 2 { // vault.db, and what vaultctl notes
		s.t.Errorf("only %d files were there", report.Regions)
	}
	for _, output := range []string{s.log.String(), s.ctlSaid.String()} {
		if len(output) == 0 {
			s.t.Error("a program said nothing at all")
		}
		report.Hits = append(report.Hits, s.scanner.Bytes([]byte(output))...)
	}
	for _, h := range report.Hits {
		s.t.Errorf("files and output: %v", h)
	}
}
