package campaign_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"bfxvault/cmd/internal/faultfs"
	"bfxvault/cmd/internal/paths"
	"bfxvault/vault/operator"
)

// rig is one vault in a folder of its own, the vaultd over it, and the key that
// opens it.
type rig struct {
	t     testing.TB
	dir   string
	paths paths.Paths
	on    conditions
	kek   operator.KEK
	slot  uint32 // that the KEK opens
	*process

	// disk is what the folder is on, where that is a disk that fails, and backing the
	// folder below. We look there: what we serve we must not map.
	disk    *faultfs.FS
	backing string

	logLost bool // a restore went on without the log of its vault

	mu    sync.Mutex
	conns []*grpc.ClientConn
}

// newFolder makes the folder, with no vaultd over it. The KEK is random: vaultd
// never sees a passphrase, so only the campaigns about passphrases pay for Argon2.
func newFolder(t testing.TB, on conditions) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "bv") // not t.TempDir: a socket's path has 108 bytes
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	if on.uid != 0 {
		must(t, os.Chown(dir, on.uid, on.uid))
	}
	r := &rig{t: t, dir: filepath.Join(dir, "v"), on: on, kek: randomKEK(), slot: 1}
	r.paths, err = paths.In(r.dir)
	must(t, err)
	return r
}

// newRig makes the folder and starts vaultd.
func newRig(t testing.TB, on conditions) *rig {
	t.Helper()
	r := newFolder(t, on)
	r.start()
	return r
}

// ready is newRig and fill.
func ready(t testing.TB, on conditions, labels ...string) *rig {
	t.Helper()
	r := newRig(t, on)
	r.fill(labels...)
	return r
}

// fill makes a vault that is unlocked, one bot, which is this process, and API
// keys with the given labels that it may trade with.
func (r *rig) fill(labels ...string) {
	r.t.Helper()
	a := r.admin()
	must(r.t, a.init(), a.addBot(botName, me()))
	for _, label := range labels {
		must(r.t, a.addKey(label, secretOf(label)), a.grant(botName, label))
	}
}

// start starts vaultd on the folder.
func (r *rig) start() {
	r.t.Helper()
	binary, env := r.binary()
	r.process = startProcess(r.t, binary, r.dir, env, r.on)
}

// binary is the vaultd of the rig, and its environment.
func (r *rig) binary() (path string, env []string) {
	r.t.Helper()
	env = []string{clockEnv + "=" + r.clockFile(), killEnv + "=" + r.on.killAt}
	if r.on.hooked {
		return hookedDaemon(r.t), env
	}
	return program(r.t, "vaultd"), env
}

// configure writes config.toml, for the next vaultd.
func (r *rig) configure(text string) {
	r.t.Helper()
	must(r.t, os.MkdirAll(filepath.Dir(r.file("config.toml")), 0o700), os.WriteFile(r.file("config.toml"), []byte(text), 0o600))
}

// restart starts vaultd after its end and unlocks the vault.
func (r *rig) restart() *admin {
	r.t.Helper()
	r.start()
	a := r.admin()
	must(r.t, a.unlock())
	return a
}

// auditDir is the folder of the audit log.
func (r *rig) auditDir() string { return r.file("audit") }

// file is where to look at a file of the state folder.
func (r *rig) file(name string) string {
	if r.backing != "" {
		return filepath.Join(r.backing, name)
	}
	return filepath.Join(r.dir, name)
}

func (r *rig) clockFile() string { return filepath.Join(filepath.Dir(r.dir), "clock") }

// setClock sets the clock of a hooked vaultd so far ahead of the true one.
func (r *rig) setClock(ahead time.Duration) {
	r.t.Helper()
	next := r.clockFile() + ".new"
	must(r.t, os.WriteFile(next, fmt.Append(nil, int64(ahead/time.Second)), 0o644), os.Rename(next, r.clockFile()))
}

// admin is a new connection to admin.sock.
func (r *rig) admin() *admin {
	r.t.Helper()
	a, conn := dialAdmin(r.t, r.paths, r.on.uid, &r.kek, &r.slot)
	r.keep(conn)
	return a
}

// bot is a new connection to sign.sock.
func (r *rig) bot() *bot {
	r.t.Helper()
	b, conn := dialBot(r.t, r.paths, r.on.uid)
	r.keep(conn)
	return b
}

func (r *rig) keep(conn *grpc.ClientConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, conn)
}

// hangUp closes all connections, before the end of the test does.
func (r *rig) hangUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.conns {
		conn.Close()
	}
	r.conns = nil
}

// setMemlock sets the limit under which vaultd runs from now on.
func (r *rig) setMemlock(bytes uint64) {
	r.t.Helper()
	must(r.t, setMemlock(r.cmd.Process.Pid, r.on.uid, bytes))
}
