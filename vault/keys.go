package vault

import (
	"context"

	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

const (
	maxAPIKey = 128
	maxSecret = 512
)

// APIKey is an API key without its secret.
type APIKey struct {
	Label       string
	Permissions policy.Class
	Versions    []KeyVersion
	// Bots are those that hold a grant on it, by name.
	Bots []string
}

// KeyVersion is one pair of API key and API secret under a label.
type KeyVersion struct {
	Version uint32
	APIKey  string
	State   string // "active"
	Created int64  // unix seconds
	Held    string // why its request nonces are held back; empty when they are not
}

// AddKey stores an API key under a new label and makes it ready to sign. It
// widens. A label or an API key id that the vault has already is KindExists: two
// labels must never count request nonces for one key (P6).
func (v *Vault) AddKey(ctx context.Context, by Operator, r AddKey, p Proof) (revision uint64, err error) {
	const op = "key add"
	if err := r.check(op); err != nil {
		return 0, err
	}
	buffer, err := v.openSealed(op, by, r.Secret, r.Purpose())
	if err != nil {
		return 0, err
	}
	defer buffer.Destroy()
	secret := buffer.Bytes()[sealedPrefixSize:]
	if len(secret) > maxSecret || !printable(secret) {
		return 0, fail(op, KindInvalid, "an API secret is 1 to %d printable ASCII characters", maxSecret)
	}
	var undo func()
	revision, err = v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) ([]change, error) {
		if err := s.checkNew(op, r); err != nil {
			return nil, err
		}
		changes, slot, err := u.storeKey(op, s, r, secret)
		undo = func() { u.slab.Free(slot) }
		return changes, err
	})
	if err != nil && undo != nil {
		undo()
	}
	return revision, err
}

func (r AddKey) check(op string) error {
	if err := checkName(op, "label", r.Label); err != nil {
		return err
	}
	if n := len(r.APIKey); n < 1 || n > maxAPIKey || !printable([]byte(r.APIKey)) {
		return fail(op, KindInvalid, "an API key id is 1 to %d printable ASCII characters", maxAPIKey)
	}
	if r.Permissions == 0 || r.Permissions&policy.Cancel != 0 {
		return fail(op, KindInvalid, "say what the API key may do at Bitfinex: read, trade, funding, withdraw, settings")
	}
	return nil
}

func (s *snapshot) checkNew(op string, r AddKey) error {
	if s.keys[r.Label] != nil {
		return fail(op, KindExists, "there is an API key with that label").hint("choose another label")
	}
	if label, ok := s.ids[r.APIKey]; ok {
		return fail(op, KindExists, "this API key stands in the vault under the label %s", label).
			hint("give more bots a grant on it instead")
	}
	return nil
}

// storeKey absorbs the secret, adds the key to the snapshot and returns what to
// write and the slot that holds the mid-states.
func (u *unlocked) storeKey(op string, s *snapshot, r AddKey, secret []byte) ([]change, int, error) {
	if err := u.enter(op); err != nil {
		return nil, 0, err
	}
	defer u.slab.Leave()
	var slot int
	err := quietly(func() (err error) {
		slot, err = u.absorb(secret)
		return err
	})
	if err != nil {
		return nil, 0, memoryError(op, err)
	}
	const version = 1
	rec := record.Key{
		Permissions: r.Permissions.Words(),
		Versions:    []record.KeyVersion{{Version: version, APIKey: r.APIKey, State: record.Active, Created: unixNow()}},
	}
	text, err := record.Append(nil, rec)
	if err != nil {
		return nil, slot, fail(op, KindInternal, "%w", err)
	}
	mark := wallNow()
	s.keys[r.Label] = &apiKey{
		label: r.Label, record: rec, id: r.APIKey, version: version, slot: slot,
		clock: u.clock, counter: u.book.Counter(r.APIKey, mark),
	}
	s.ids[r.APIKey] = r.Label
	return []change{
		sealedChange(store.Keys, r.Label, text),
		sealedChange(store.Secrets, secretKey(r.Label, version), secret),
		markChange(r.APIKey, mark),
	}, slot, nil
}

// Keys lists the API keys by label.
func (v *Vault) Keys() ([]APIKey, error) {
	u, err := v.unlocked("key list")
	if err != nil {
		return nil, err
	}
	s := u.snapshot.Load()
	holders := s.holders()
	list := make([]APIKey, 0, len(s.keys))
	for _, label := range sortedKeys(s.keys) {
		list = append(list, s.keys[label].view(holders[label]))
	}
	return list, nil
}

// Key shows one API key.
func (v *Vault) Key(label string) (APIKey, error) {
	const op = "key show"
	u, err := v.unlocked(op)
	if err != nil {
		return APIKey{}, err
	}
	s := u.snapshot.Load()
	k := s.keys[label]
	if k == nil {
		return APIKey{}, noKey(op)
	}
	return k.view(s.holders()[label]), nil
}

func (k *apiKey) view(bots []string) APIKey {
	classes, _ := policy.ParseClasses(k.record.Permissions) // stored from a Class
	view := APIKey{Label: k.label, Permissions: classes, Bots: bots}
	for _, rec := range k.record.Versions {
		version := KeyVersion{Version: rec.Version, APIKey: rec.APIKey, State: rec.State, Created: rec.Created}
		if rec.Version == k.version {
			version.Held = k.held
		}
		view.Versions = append(view.Versions, version)
	}
	return view
}

// holders lists for each label the bots that hold a grant on it, sorted.
func (s *snapshot) holders() map[string][]string {
	holders := make(map[string][]string)
	for _, name := range sortedKeys(s.bots) {
		for label := range s.bots[name].grants {
			holders[label] = append(holders[label], name)
		}
	}
	return holders
}
