package vault

import (
	"context"

	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/nonce"
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
	State   string // "staged", "active", "retiring" or "revoked"
	Created int64  // unix seconds
	Held    string // why its request nonces are held back; empty when they are not
	Retires int64  // when a retiring one ends or has ended, unix seconds
	Revoked int64  // when a revoked one was, unix seconds
	// Verified is when Bitfinex told what it may do, unix seconds; 0 for never. Scopes are
	// what that was.
	Verified int64
	Scopes   []Scope
}

// AddKey stores an API key under a new label and makes it ready to sign. It
// widens. A label or an API key id that the vault has already is KindExists: two
// labels must never count request nonces for one key (P6).
func (v *Vault) AddKey(ctx context.Context, by Operator, r AddKey, p Proof) (revision uint64, err error) {
	const op = "key add"
	if err := r.check(op); err != nil {
		return 0, err
	}
	var in intake
	defer in.end()
	return v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) (_ []change, err error) {
		if err := s.checkNew(op, r); err != nil {
			return nil, err
		}
		if err := in.open(v, u, op, by, r.Secret, r.Purpose()); err != nil {
			return nil, err
		}
		return u.storeKeyMu(op, s, r, &in)
	})
}

// openSecret opens the API secret of a request, behind its prefix.
func (v *Vault) openSecret(op string, by Operator, box Sealed, purpose Operation) (*guard.Buffer, error) {
	buffer, err := v.openSealed(op, by, box, purpose)
	if err != nil {
		return nil, err
	}
	if secret := buffer.Bytes()[sealedPrefixSize:]; len(secret) > maxSecret || !printable(secret) {
		buffer.Destroy()
		return nil, fail(op, KindInvalid, "an API secret is 1 to %d printable ASCII characters", maxSecret)
	}
	return buffer, nil
}

func (r AddKey) check(op string) error {
	if err := checkName(op, "label", r.Label); err != nil {
		return err
	}
	if err := checkAPIKey(op, r.APIKey); err != nil {
		return err
	}
	if r.Permissions == 0 || r.Permissions&policy.Cancel != 0 {
		return fail(op, KindInvalid, "say what the API key may do at Bitfinex: read, trade, funding, withdraw, settings")
	}
	return nil
}

func checkAPIKey(op, id string) error {
	if n := len(id); n < 1 || n > maxAPIKey || !printable([]byte(id)) {
		return fail(op, KindInvalid, "an API key id is 1 to %d printable ASCII characters", maxAPIKey)
	}
	return nil
}

func (s *snapshot) checkNew(op string, r AddKey) error {
	if s.keys[r.Label] != nil {
		return fail(op, KindExists, "there is an API key with that label").hint("choose another label, or: vaultctl key rotate")
	}
	return s.checkID(op, r.APIKey)
}

// checkID refuses an API key id that stands in the vault, as any version of any label: two
// must never count request nonces for one key (P6).
func (s *snapshot) checkID(op, id string) error {
	if label, ok := s.ids[id]; ok {
		return fail(op, KindExists, "this API key stands in the vault under the label %s", label).
			hint("give more bots a grant on it instead; if it was revoked: vaultctl key promote, or vaultctl key purge")
	}
	return nil
}

// storeKeyMu absorbs the secret, adds the key to the snapshot and returns what to write.
func (u *unlocked) storeKeyMu(op string, s *snapshot, r AddKey, in *intake) ([]change, error) {
	ver, changes, err := u.newVersionMu(op, r.Label, 1, r.APIKey, in)
	if err != nil {
		return nil, err
	}
	rec := record.Key{
		Permissions: r.Permissions.Words(),
		Versions:    []record.KeyVersion{{Version: ver.number, APIKey: r.APIKey, State: record.Active, Created: unixNow()}},
	}
	k := &apiKey{label: r.Label, record: rec, clock: u.clock, active: ver, live: []*version{ver}}
	if k.orders, err = u.ledger.Orders(r.Label, nil); err != nil {
		return nil, fail(op, KindInternal, "%w", err)
	}
	s.addKey(k)
	more, err := k.change(op)
	return append(changes, more...), err
}

// newVersionMu absorbs the secret of a new version and returns what to write of it besides
// the record of its label.
func (u *unlocked) newVersionMu(op, label string, number uint32, id string, in *intake) (*version, []change, error) {
	states, err := in.absorb(op)
	if err != nil {
		return nil, nil, err
	}
	if err := u.enter(op); err != nil {
		return nil, nil, err
	}
	defer u.slab.Leave()
	mark, err := u.firstMark(id)
	if err != nil {
		return nil, nil, fail(op, KindInternal, "%w", err)
	}
	ver := &version{number: number, id: id, states: states}
	first := u.counters[id] == nil
	ver.counter, ver.held = u.counterMu(id, mark)
	if first { // its request nonces begin now: there is nothing to hold back
		ver.held = ""
		delete(u.heldBack, id)
	}
	stored := in.change(place{store.Secrets, secretKey(label, number)})
	stored.made = in.kept
	return ver, []change{stored, markChange(id, max(mark, ver.counter.Mark()))}, nil
}

// change makes the change that writes an API key's record.
func (k *apiKey) change(op string) ([]change, error) {
	return recordChange(op, store.Keys, k.label, k.record)
}

// firstMark is where the request nonces of a new API key begin: now, by the clock
// that is believed and not by one that ran ahead (A44), and above the mark that
// the vault may have of an earlier life of the key (P6). The caller has entered.
func (u *unlocked) firstMark(id string) (nonce.RequestNonce, error) {
	now, _ := u.clock.Now()
	before, err := u.markOf(id)
	return max(now, before), err
}

// markOf is the mark of an API key id, 0 for none. The caller has entered.
func (u *unlocked) markOf(id string) (nonce.RequestNonce, error) {
	at := place{store.Marks, id}
	sealed, ok := u.raw[at]
	if !ok {
		return 0, nil
	}
	plain, _, err := envelope.Open(nil, u.key(), u.placeOf(at), sealed)
	if err != nil {
		return 0, err
	}
	mark, err := record.ParseMark(plain)
	return nonce.RequestNonce(mark), err
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
		version := KeyVersion{
			Version: rec.Version, APIKey: rec.APIKey, State: rec.State, Created: rec.Created,
			Retires: rec.Retires, Revoked: rec.Revoked, Verified: rec.Verified.Time,
		}
		for _, scope := range rec.Verified.Scopes {
			version.Scopes = append(version.Scopes, Scope(scope))
		}
		if ver := k.liveOne(rec.Version); ver != nil {
			version.Held = ver.held
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
