package login

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bfxvault/cmd/internal/paths"
)

// A keyfile in the desktop's login keyring, which the login opens with its password, by way
// of the Secret Service (secretservice.go).

func (w *Way) keyring(program string) error {
	config, err := paths.ConfigHome()
	if err != nil {
		return err
	}
	w.works = w.keyringWorks
	w.things = append(w.things, item{w.id})
	units := filepath.Join(config, "systemd", "user")
	return w.unit("user/bfxvault-unlock.service", units, units+"/graphical-session.target.wants", 0o700,
		strings.NewReplacer("/usr/bin/vaultctl", w.command(program)))
}

func (w *Way) keyringWorks(ctx context.Context) error {
	if w.note == nil {
		s, err := openKeyring(ctx)
		if err != nil {
			return err
		}
		defer s.Close()
		return s.opened()
	}
	k, err := fromKeyring(ctx, w.id)
	if err != nil {
		return err
	}
	defer k.Wipe()
	if k.Slot != w.note.Slot {
		return fmt.Errorf("the keyring's item is for slot %d", k.Slot)
	}
	return nil
}

// FromKeyring reads the keyfile of a vault from the login keyring. It fails with ErrAbsent
// where there is no keyring, it is locked, or it has no such item.
func FromKeyring(ctx context.Context, vaultID [16]byte) (*Key, error) {
	return fromKeyring(ctx, fmt.Sprintf("%x", vaultID))
}

func fromKeyring(ctx context.Context, id string) (*Key, error) {
	s, err := openKeyring(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	text, err := s.get(attributes(id))
	if err != nil {
		return nil, err
	}
	defer clear(text)
	b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	defer clear(b)
	n, err := base64.StdEncoding.Decode(b, text)
	if err != nil {
		return nil, fmt.Errorf("the keyring's item is no keyfile of ours")
	}
	return parseKey(b[:n])
}

// attributes are what the item is found by.
func attributes(id string) map[string]string {
	return map[string]string{"application": "bfxvault", "vault": id}
}

// item is the keyring's.
type item struct{ id string }

const itemLabel = "bfxvault"

func (item) folder() (string, os.FileMode) { return "", 0 }

func (i item) put(ctx context.Context, k *Key) error {
	s, err := openKeyring(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	b := k.bytes()
	defer clear(b)
	text := base64.StdEncoding.AppendEncode(make([]byte, 0, base64.StdEncoding.EncodedLen(len(b))), b)
	defer clear(text)
	return s.put(itemLabel, attributes(i.id), text)
}

func (i item) remove(ctx context.Context) error {
	s, err := openKeyring(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.remove(attributes(i.id))
}

func (i item) look(ctx context.Context) File {
	seen := File{Name: "keyring item " + itemLabel + ", vault " + i.id}
	s, err := openKeyring(ctx)
	if err != nil {
		seen.State, seen.Detail = Unknown, err.Error()
		return seen
	}
	defer s.Close()
	found, err := s.find(attributes(i.id))
	switch {
	case err != nil:
		seen.State, seen.Detail = Unknown, err.Error()
	case len(found) == 0:
		seen.State = Missing
	default:
		seen.State = There
	}
	return seen
}
