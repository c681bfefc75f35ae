// Package daemon is vaultd: a vault behind two sockets.
//
// Command reads vaultd's flags and runs it; New and Daemon.Run are the same for
// whoever has the paths already. cmd/vaultd is it, and vaultctl's demo and bench
// re-execute themselves into it, so that there too the vault is a process of its
// own.
//
// Trap: harden.Process comes before everything else here.
//
// Promises: P5, SIGUSR1 locks and SIGTERM ends with nothing left in memory; P7, a
// second vaultd on the same folder ends before it touches a thing (A3).
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"bfxvault/api"
	"bfxvault/api/peer"
	"bfxvault/cmd/internal/paths"
	"bfxvault/vault"
	"bfxvault/vault/release"
)

// gcPercent trades memory, of which vaultd has little, for fewer collections.
const gcPercent = 400

const (
	// drain is how long calls in flight get at SIGTERM.
	drain = 2 * time.Second
	// grace is how long the disk gets after that, with all keys wiped already.
	grace = 5 * time.Second
)

// Daemon is a vault and its two sockets, ready to serve.
type Daemon struct {
	log   *slog.Logger
	vault *vault.Vault
	ends  []end
}

// end is one socket with its server.
type end struct {
	listener net.Listener
	server   *grpc.Server
}

// New opens the vault and makes the sockets. What is wrong with the folder, the
// settings or the file is an error, and nothing is left behind.
func New(p paths.Paths, config string, log *slog.Logger) (*Daemon, error) {
	path, asked := p.Config(), config != ""
	if asked {
		path = config
	}
	s, err := readSettings(path, asked)
	if err != nil {
		return nil, err
	}
	signGID, err1 := groupID("sign_group", s.SignGroup)
	adminGID, err2 := groupID("admin_group", s.AdminGroup)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if err := makeFolders(p, signGID >= 0 || adminGID >= 0); err != nil {
		return nil, err
	}
	v, err := vault.Open(vault.Options{
		Path: p.VaultFile(), Log: log, Checkable: api.Checkable,
		Synced: s.Durability == "fsync", Keep: s.AuditKeep.keep(), Anchor: s.Anchor,
		AutoLock: s.autoLock(), SignGroup: s.SignGroup, AdminGroup: s.AdminGroup, Journal: toJournal(log),
	})
	if err != nil {
		return nil, err
	}
	d := &Daemon{log: log, vault: v}
	given, err := activated()
	if err == nil {
		err = errors.Join(
			d.listen(given["admin"], peer.Options{Path: p.AdminSocket(), GID: adminGID}, api.NewAdmin(v, log)),
			d.listen(given["sign"], peer.Options{Path: p.SignSocket(), GID: signGID}, api.NewSigner(v, log)),
		)
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// activated returns the sockets that systemd has passed on, by the name that
// their units give them: "admin" and "sign", both or none.
func activated() (map[string]net.Listener, error) {
	named, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("socket activation: %w", err)
	}
	given := make(map[string]net.Listener, len(named))
	for name, listeners := range named {
		if (name != "admin" && name != "sign") || len(listeners) != 1 {
			return nil, fmt.Errorf("socket activation: %d sockets named %q: use FileDescriptorName=admin and =sign, one each", len(listeners), name)
		}
		if given[name], err = peer.Adopt(listeners[0]); err != nil {
			return nil, err
		}
	}
	if len(given) == 1 {
		return nil, errors.New("socket activation: pass both sockets, admin and sign")
	}
	return given, nil
}

// makeFolders makes the state folder, for its owner only, and the folder of the
// sockets, which members of a group may pass through where there is one: then so
// must the state folder where the sockets are inside it. What is kept there has
// mode 0600 by itself.
func makeFolders(p paths.Paths, shared bool) error {
	state, runtime := os.FileMode(0o700), os.FileMode(0o700)
	if shared {
		runtime = 0o711
	}
	if filepath.Dir(p.Runtime) == p.State {
		state = runtime
	} else if err := os.MkdirAll(filepath.Dir(p.State), 0o700); err != nil {
		return err // a new user has no ~/.local/state yet (XDG Base Directory Specification 0.8)
	}
	if err := peer.EnsureDir(p.State, state); err != nil {
		return err
	}
	return peer.EnsureDir(p.Runtime, runtime)
}

// listen adds a socket with its server: the one that was given, or a new one.
func (d *Daemon) listen(given net.Listener, o peer.Options, server *grpc.Server) error {
	if given == nil {
		var err error
		if given, err = peer.Listen(o); err != nil {
			server.Stop()
			return err
		}
	}
	d.ends = append(d.ends, end{given, server})
	return nil
}

// Run serves until the context ends or a signal says so.
func (d *Daemon) Run(ctx context.Context) error {
	debug.SetGCPercent(gcPercent)
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGINT)
	defer stop()
	locks := make(chan os.Signal, 1)
	signal.Notify(locks, unix.SIGUSR1)

	failed := make(chan error, len(d.ends))
	for _, e := range d.ends {
		go func() { failed <- e.server.Serve(e.listener) }()
	}
	go func() { // for as long as the process lives: also while it stops
		for range locks {
			d.vault.LockFor(vault.CauseSignal, vault.Operator{})
		}
	}()
	d.log.Info("ready", "version", release.Version, "state", d.vault.Status().State)
	d.notify(sd.SdNotifyReady)
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serving: %w", err), d.close())
	case <-ctx.Done():
		d.notify(sd.SdNotifyStopping)
		d.log.Info("stopping")
		return d.close()
	}
}

// close lets calls in flight end, wipes and closes the file. Whatever the disk
// does, the keys are gone after the drain and the process after the grace (P5).
func (d *Daemon) close() error {
	ended := make(chan error, 1)
	go func() {
		for _, e := range d.ends {
			e.server.GracefulStop()
			e.listener.Close() // closed by the server already, unless it never served
		}
		ended <- d.vault.Close()
	}()
	select {
	case err := <-ended:
		return err
	case <-time.After(drain):
	}
	d.vault.Lock()
	for _, e := range d.ends {
		go e.server.Stop()
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(grace):
		return errors.New("the disk has not answered; all keys are wiped, and what was acknowledged is on it")
	}
}

// notify tells systemd, where there is one.
func (d *Daemon) notify(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		d.log.Warn("telling systemd", "error", err)
	}
}
