package login

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"bfxvault/cmd/internal/paths"
	"bfxvault/cmd/internal/units"
)

// A keyfile as a systemd credential (systemd.io/CREDENTIALS): encrypted under the machine's
// key, and its TPM's where it has one, and decrypted by systemd for one unit alone. The
// trap is A68: a new firmware, or another machine, does not decrypt it.

// credentialName is what the unit and the ciphertext call it.
const credentialName = "bfxvault.key"

// userCredentials is the first systemd whose user manager decrypts credentials.
const userCredentials = 256

// manager is whose systemd it is: the system's, or a user's.
type manager struct {
	units, store, wants string // folders
	text                string // the unit file
	unitMode            os.FileMode
	flags               []string // of systemd-creds
}

func managerHere() (manager, error) {
	if os.Geteuid() == 0 {
		const units = "/etc/systemd/system"
		return manager{
			units: units, store: "/etc/credstore.encrypted", wants: units + "/multi-user.target.wants",
			text: "system/bfxvault-unlock.service", unitMode: 0o755,
		}, nil
	}
	config, err := paths.ConfigHome()
	if err != nil {
		return manager{}, err
	}
	units := filepath.Join(config, "systemd", "user")
	return manager{
		units: units, store: filepath.Join(config, "credstore.encrypted"), wants: units + "/default.target.wants",
		text: "user/bfxvault-credential.service", unitMode: 0o700, flags: []string{"--user"},
	}, nil
}

func (w *Way) credential(program string) error {
	m, err := managerHere()
	if err != nil {
		return err
	}
	sealed := filepath.Join(m.store, credentialName)
	w.sealed = sealed
	w.works = func(ctx context.Context) error { return w.credentialWorks(ctx, m, program, sealed) }
	w.things = append(w.things, file{sealed, 0o600, 0o700, func(ctx context.Context, k *Key) ([]byte, error) {
		return encrypt(ctx, m, k)
	}})
	if m.flags == nil {
		w.things = append(w.things, tree{"/var/lib/bfxvault-unlock"}) // the unit's StateDirectory
	}
	return w.unit(m.text, m.units, m.wants, m.unitMode, strings.NewReplacer(
		"/usr/bin/vaultctl", w.command(program),
		"User=bfxvault\n", "User="+userName(w.setup.Owner)+"\n",
		"%h/.config/credstore.encrypted/"+credentialName, sealed,
	))
}

// unit adds a unit file and the link that has it started.
func (w *Way) unit(name, folder, wants string, mode os.FileMode, fit *strings.Replacer) error {
	text, err := units.Text(name)
	if err != nil {
		return err
	}
	base := filepath.Base(name)
	w.things = append(w.things,
		file{filepath.Join(folder, base), 0o644, mode, func(context.Context, *Key) ([]byte, error) { return []byte(fit.Replace(text)), nil }},
		link{filepath.Join(wants, base), filepath.Join("..", base), mode})
	return nil
}

// command is vaultctl as a unit or PAM calls it for this vault.
func (w *Way) command(program string) string {
	if w.setup.Dir == "" {
		return program
	}
	return program + " --dir " + w.setup.Dir
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// credentialWorks tries what systemd would: only root can decrypt the system's.
func (w *Way) credentialWorks(ctx context.Context, m manager, program, sealed string) error {
	version, err := systemdVersion(ctx)
	switch {
	case err != nil:
		return err
	case m.flags != nil && version < userCredentials:
		return absent("a credential of a user service needs systemd %d, this is %d: use the keyring", userCredentials, version)
	case m.flags == nil:
		if err := onlyRoot(program); err != nil {
			return err
		}
	}
	if w.note == nil {
		return nil
	}
	k, err := decrypt(ctx, m, sealed)
	if err != nil {
		return err
	}
	defer k.Wipe()
	if k.Slot != w.note.Slot {
		return fmt.Errorf("the credential is for slot %d", k.Slot)
	}
	return nil
}

func systemdVersion(ctx context.Context) (version int, err error) {
	text, err := exec.CommandContext(ctx, "systemd-creds", "--version").Output()
	if err != nil {
		return 0, absent("there is no systemd-creds here")
	}
	_, err = fmt.Sscanf(string(text), "systemd %d", &version)
	return version, err
}

// encrypt hands the keyfile to systemd-creds, on its standard input.
func encrypt(ctx context.Context, m manager, k *Key) ([]byte, error) {
	secret := k.bytes()
	defer clear(secret)
	cmd := exec.CommandContext(ctx, "systemd-creds", append(m.flags, "encrypt", "--name="+credentialName, "-", "-")...)
	cmd.Stdin = bytes.NewReader(secret)
	sealed, err := cmd.Output()
	if err != nil {
		return nil, credsFailed("encrypt", err)
	}
	return sealed, nil
}

// decrypt reads a credential back, into one buffer.
func decrypt(ctx context.Context, m manager, path string) (*Key, error) {
	cmd := exec.CommandContext(ctx, "systemd-creds", append(m.flags, "decrypt", "--name="+credentialName, path, "-")...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	k, readErr := readKey(out)
	out.Close()
	if err := cmd.Wait(); err != nil {
		return nil, credsFailed("decrypt", errors.Join(err, errors.New(strings.TrimSpace(complaint.String()))))
	}
	return k, readErr
}

func credsFailed(verb string, err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("systemd-creds %s: %w: %s", verb, err, bytes.TrimSpace(exit.Stderr))
	}
	return fmt.Errorf("systemd-creds %s: %w", verb, err)
}

// readKey reads a keyfile with its slot.
func readKey(r io.Reader) (*Key, error) {
	b := make([]byte, keySize+1)
	defer clear(b)
	n, err := io.ReadFull(r, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return parseKey(b[:n])
}

// FromCredential reads the keyfile that systemd has decrypted for this process. It fails
// with ErrAbsent where systemd has passed no credential.
func FromCredential() (*Key, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, absent("CREDENTIALS_DIRECTORY is not set, so systemd has passed no credential")
	}
	f, err := os.Open(filepath.Join(dir, credentialName))
	if err != nil {
		return nil, absent("%w", err)
	}
	defer f.Close()
	return readKey(f)
}
