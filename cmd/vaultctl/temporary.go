package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"bfxvault/cmd/internal/paths"
	"bfxvault/vault"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

// temporary is a vault in a temporary folder behind a daemon process of its own,
// for demo and bench. It never touches the operator's vault.
type temporary struct {
	*session
	paths      paths.Paths
	dir        string
	daemon     *exec.Cmd
	credential *credential
}

// startTemporary makes the folder, starts this program as the daemon there, and
// makes a vault at the floor of Argon2id's cost: it lives for seconds.
func (a *app) startTemporary(ctx context.Context) (_ *temporary, err error) {
	dir, err := os.MkdirTemp("", "bfxvault-")
	if err != nil {
		return nil, err
	}
	t := &temporary{dir: dir}
	defer func() {
		if err != nil {
			t.stop()
		}
	}()
	if t.paths, err = paths.In(dir); err != nil {
		return nil, err
	}
	if err := t.startDaemon(); err != nil {
		return nil, err
	}
	on := *a
	on.dir = dir
	if _, err := on.statusWithin(ctx, 10*time.Second); err != nil {
		return nil, fmt.Errorf("%w (its log: %s)", err, t.logTail())
	}
	if t.session, err = dialAdmin(t.paths.AdminSocket()); err != nil {
		return nil, err
	}
	return t, t.makeVault(ctx)
}

func (t *temporary) startDaemon() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(t.logFile())
	if err != nil {
		return err
	}
	defer log.Close()
	t.daemon = exec.Command(self, "daemon", "--dir", t.dir)
	t.daemon.Stderr = log
	t.daemon.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGTERM}
	return t.daemon.Start()
}

func (t *temporary) logFile() string { return filepath.Join(t.dir, "vaultd.log") }

func (t *temporary) logTail() string {
	text, _ := os.ReadFile(t.logFile())
	return string(text)
}

func (t *temporary) makeVault(ctx context.Context) error {
	passphrase := randomText()
	defer clear(passphrase)
	if _, err := t.init(ctx, passphrase, vault.MinArgon2()); err != nil {
		return err
	}
	slots, _, err := t.slots(ctx, "passphrase")
	if err != nil {
		return err
	}
	kek, err := operator.DeriveKEK(passphrase, slots[0].Params, slots[0].Salt)
	if err != nil {
		return err
	}
	t.credential = &credential{kek, slots[0].ID}
	return nil
}

// addKeyAndBot stores one API key and gives this user's programs a grant on it,
// spelled as JSON.
func (t *temporary) addKeyAndBot(ctx context.Context, apiKey string, secret []byte, bot, grant string) error {
	spec, err := vault.ParseGrant([]byte(grant))
	if err != nil {
		return err
	}
	request := vault.AddKey{Label: spec.Key, APIKey: apiKey, Permissions: policy.Read | policy.Trade}
	if _, err := t.addKey(ctx, t.credential, request, secret); err != nil {
		return err
	}
	uid := uint32(os.Geteuid())
	add := vault.AddBot{Name: bot, Match: []policy.Match{{UID: &uid}}}
	if _, err := t.addBot(ctx, t.credential, add); err != nil {
		return err
	}
	_, err = t.setGrant(ctx, t.credential, vault.SetGrant{Bot: bot, Grant: spec})
	return err
}

// stop ends the daemon and removes the folder.
func (t *temporary) stop() {
	if t.credential != nil {
		t.credential.kek.Wipe()
	}
	if t.session != nil {
		t.session.Close()
	}
	if t.daemon != nil && t.daemon.Process != nil {
		_ = t.daemon.Process.Signal(unix.SIGTERM) // gone already is as good
		_ = t.daemon.Wait()
	}
	os.RemoveAll(t.dir)
}

// randomText is 256 random bits as printable text.
func randomText() []byte {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return base64.RawURLEncoding.AppendEncode(nil, b[:])
}
