package login

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/godbus/dbus/v5"
)

// The Secret Service API, as far as one item needs it
// (specifications.freedesktop.org/secret-service). A secret travels over the session bus
// unencrypted ("plain"): who can listen there is a program of the same user, and can ask the
// keyring itself. Here it is in byte slices that are cleared; what the D-Bus library copied
// to send or to read goes with this process, which ends at once.

const (
	ssName       = "org.freedesktop.secrets"
	ssPath       = "/org/freedesktop/secrets"
	ssService    = "org.freedesktop.Secret.Service."
	ssCollection = "org.freedesktop.Secret.Collection."
	ssItem       = "org.freedesktop.Secret.Item."
	// noObject stands for none; as a prompt, for none needed.
	noObject = dbus.ObjectPath("/")
)

// secretService is a conversation with the keyring.
type secretService struct {
	ctx     context.Context
	bus     *dbus.Conn
	session dbus.ObjectPath
}

// secret is a secret on the bus.
type secret struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

// openKeyring connects to the session bus, and starts none. It fails with ErrAbsent where
// there is no bus, or nobody keeps secrets there.
func openKeyring(ctx context.Context) (*secretService, error) {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		runtime := os.Getenv("XDG_RUNTIME_DIR")
		if !filepath.IsAbs(runtime) {
			return nil, absent("there is no session bus")
		}
		address = "unix:path=" + dbus.EscapeBusAddressValue(filepath.Join(runtime, "bus"))
	}
	bus, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return nil, absent("the session bus: %w", err)
	}
	s := &secretService{ctx: ctx, bus: bus}
	var output dbus.Variant
	err = s.call(ssPath, ssService+"OpenSession", "plain", dbus.MakeVariant("")).Store(&output, &s.session)
	if err != nil {
		bus.Close()
		return nil, absent("the keyring: %w", err)
	}
	return s, nil
}

// Close ends the conversation.
func (s *secretService) Close() error { return s.bus.Close() }

func (s *secretService) call(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return s.bus.Object(ssName, path).CallWithContext(s.ctx, method, 0, args...)
}

// collection is the keyring that the login opens: the one called "login", or else the
// default one.
func (s *secretService) collection() (dbus.ObjectPath, error) {
	for _, alias := range []string{"login", "default"} {
		var path dbus.ObjectPath
		if err := s.call(ssPath, ssService+"ReadAlias", alias).Store(&path); err != nil {
			return noObject, fmt.Errorf("the keyring: %w", err)
		}
		if path != noObject {
			return path, nil
		}
	}
	return noObject, absent("there is no login keyring")
}

// opened fails where there is no login keyring, or it is locked: nobody is asked to open it.
func (s *secretService) opened() error {
	path, err := s.collection()
	if err != nil {
		return err
	}
	return s.unlocked(path, ssCollection)
}

func (s *secretService) unlocked(path dbus.ObjectPath, of string) error {
	var locked dbus.Variant
	err := s.call(path, "org.freedesktop.DBus.Properties.Get", strings.TrimSuffix(of, "."), "Locked").Store(&locked)
	if err != nil {
		return fmt.Errorf("the keyring: %w", err)
	}
	if is, ok := locked.Value().(bool); !ok || is {
		return absent("the login keyring is locked")
	}
	return nil
}

// put adds an item. One with the same attributes must not be there.
func (s *secretService) put(label string, attributes map[string]string, value []byte) error {
	if err := s.opened(); err != nil {
		return err
	}
	found, err := s.find(attributes)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("the keyring's item: %w", ErrThere)
	}
	path, err := s.collection()
	if err != nil {
		return err
	}
	properties := map[string]dbus.Variant{
		ssItem + "Label":      dbus.MakeVariant(label),
		ssItem + "Attributes": dbus.MakeVariant(attributes),
	}
	var made, prompt dbus.ObjectPath
	err = s.call(path, ssCollection+"CreateItem", properties, secret{s.session, []byte{}, value, "text/plain"}, false).Store(&made, &prompt)
	return s.promptless(prompt, err)
}

// find is all items with these attributes, locked or not.
func (s *secretService) find(attributes map[string]string) ([]dbus.ObjectPath, error) {
	var unlocked, locked []dbus.ObjectPath
	if err := s.call(ssPath, ssService+"SearchItems", attributes).Store(&unlocked, &locked); err != nil {
		return nil, fmt.Errorf("the keyring: %w", err)
	}
	return append(unlocked, locked...), nil
}

// get is the value of the one item with these attributes. The caller clears it.
func (s *secretService) get(attributes map[string]string) ([]byte, error) {
	found, err := s.find(attributes)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, absent("the keyring has %d items of this vault", len(found))
	}
	if err := s.unlocked(found[0], ssItem); err != nil {
		return nil, err
	}
	var got secret
	if err := s.call(found[0], ssItem+"GetSecret", s.session).Store(&got); err != nil {
		return nil, fmt.Errorf("the keyring: %w", err)
	}
	return got.Value, nil
}

// remove deletes all items with these attributes.
func (s *secretService) remove(attributes map[string]string) error {
	found, err := s.find(attributes)
	if err != nil {
		return err
	}
	for _, path := range found {
		var prompt dbus.ObjectPath
		err := s.call(path, ssItem+"Delete").Store(&prompt)
		if err := s.promptless(prompt, err); err != nil {
			return err
		}
	}
	return nil
}

// promptless fails where the keyring would ask its user first, which at a login nobody
// answers.
func (s *secretService) promptless(prompt dbus.ObjectPath, err error) error {
	if err != nil {
		return fmt.Errorf("the keyring: %w", err)
	}
	if prompt != noObject {
		s.call(prompt, "org.freedesktop.Secret.Prompt.Dismiss")
		return absent("the keyring wants to ask first: open it, and try again")
	}
	return nil
}
