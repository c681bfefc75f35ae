package vault

import (
	"crypto/subtle"
	"errors"
	"strings"

	"bfxvault/vault/audit"
	"bfxvault/vault/internal/clock"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/mac"
	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
)

// contents is what the sealed records of a file say.
type contents struct {
	keys   map[string]record.Key
	bots   map[string]record.Bot
	grants map[string]record.Grant
	// standIns are stand-in credentials by id; their secrets stand under the same id among
	// those of API keys.
	standIns map[string]record.StandIn
	marks    map[string]uint64
	secrets  map[string]int // slots of the slab that hold mid-states, or notAbsorbed
	// limits is what each grant has spent; orders are blocks of signed orders, by label
	// and record key.
	limits map[string][]byte
	orders map[string]map[string][]byte
	// logged is a record that the audit log must have.
	logged audit.Position
	// anchored says that the anchor must be there, where there is to be one.
	anchored bool
	// panicCancels and humanOnly are settings.
	panicCancels, humanOnly bool
	restored                int64            // unix seconds; 0 for never
	config                  *record.Settings // nil before the first
	// mixed says that the records, each whole, are not those of one revision.
	mixed error
}

// openWith reads a file with the KEK of one of its slots.
func (u *unlocked) openWith(op string, f *file, slot *envelope.Slot, kek *[kekSize]byte) (c *contents, err error) {
	if err := u.enter(op); err != nil {
		return nil, err
	}
	defer u.slab.Leave()
	err = quietly(func() (err error) { // once for all: a pair of system calls for each record would cost more than opening it
		if err := slot.Unwrap(u.id, kek, u.key()); err != nil {
			return unwrapError(op, slot.ID, err)
		}
		if err := envelope.SetHashState(u.state(), u.key()); err != nil {
			return fail(op, KindInternal, "%w", err)
		}
		c, err = u.open(op, f)
		return err
	})
	return c, err
}

func wrongPassphrase(op string, slot uint32) *Error {
	return fail(op, KindWrongPassphrase, "wrong passphrase or keyfile for slot %d", slot)
}

// open reads a file with the data key that stands in u: every record is opened
// at its place, and all of them together must be what the manifest says (A43,
// A45). The caller has entered.
func (u *unlocked) open(op string, f *file) (*contents, error) {
	c := &contents{
		keys: make(map[string]record.Key), bots: make(map[string]record.Bot),
		grants: make(map[string]record.Grant), marks: make(map[string]uint64),
		standIns: make(map[string]record.StandIn),
		secrets:  make(map[string]int), limits: make(map[string][]byte), orders: make(map[string]map[string][]byte),
	}
	scratch, err := guard.NewBuffer(maxSecret) // proof keys are shorter
	if err != nil {
		return nil, memoryError(op, err)
	}
	defer scratch.Destroy()
	var set envelope.SetHash
	for _, secrets := range []bool{false, true} { // last, once it is known which of them are to sign
		for p, sealed := range f.raw {
			if secrets != (p.bucket == store.Secrets) {
				continue
			}
			set.Add(u.state(), p.bucket, []byte(p.key), sealed)
			if p.byKEK() {
				continue
			}
			if err := u.openRecord(op, c, p, sealed, scratch.Bytes()); err != nil {
				return nil, err
			}
		}
	}
	c.mixed = u.checkManifest(op, f, set)
	u.revision.Store(f.revision)
	u.set, u.logged = set, c.logged
	u.raw = f.raw
	return c, nil
}

// openRecord opens one record and files it. What is secret goes through scratch
// and never through ordinary memory (P1).
func (u *unlocked) openRecord(op string, c *contents, p place, sealed, scratch []byte) error {
	var dst []byte
	secret := p.secret()
	if secret {
		dst = scratch[:0]
	}
	plain, _, err := envelope.Open(dst, u.key(), u.placeOf(p), sealed)
	if err != nil {
		return tampered(op, p)
	}
	if secret {
		defer guard.Wipe(plain)
	}
	switch p.bucket {
	case store.Keys:
		c.keys[p.key], err = record.Parse[record.Key](plain)
	case store.Bots:
		c.bots[p.key], err = record.Parse[record.Bot](plain)
	case store.Grants:
		c.grants[p.key], err = record.Parse[record.Grant](plain)
	case store.StandIns:
		c.standIns[p.key], err = record.Parse[record.StandIn](plain)
	case store.Marks:
		c.marks[p.key], err = record.ParseMark(plain)
	case store.Limits:
		c.limits[p.key] = plain
	case store.Orders:
		label, _, _ := strings.Cut(p.key, "/")
		if c.orders[label] == nil {
			c.orders[label] = make(map[string][]byte)
		}
		c.orders[label][p.key] = plain
	case store.Secrets:
		c.secrets[p.key] = notAbsorbed
		if c.toSign(p.key) {
			c.secrets[p.key], err = u.absorb(plain)
		}
	case store.Settings:
		err = c.openSetting(p.key, plain)
	case store.Audit:
		err = u.openAudit(c, p.key, plain)
	case store.Proofs:
		if len(plain) != proofKeySize {
			err = errors.New("not a proof key")
		}
	case store.Wraps:
		err = checkWraps(p.key, plain)
	default:
		err = errors.New("unknown bucket")
	}
	if err != nil {
		var limit *guard.LimitError
		if errors.As(err, &limit) {
			return memoryError(op, err)
		}
		return tampered(op, p)
	}
	return nil
}

// notAbsorbed stands for a secret that stays sealed.
const notAbsorbed = -1

// toSign says whether the version, or the stand-in credential, that a secret is of is good.
func (c *contents) toSign(key string) bool {
	if rec, ok := c.standIns[key]; ok {
		return isGood(&rec)
	}
	label, _, _ := strings.Cut(key, "/")
	for i := range c.keys[label].Versions {
		if v := &c.keys[label].Versions[i]; secretKey(label, v.Version) == key {
			return absorbs(v, clock.Wall())
		}
	}
	return false
}

// absorb turns an API secret into mid-states in the slab and returns their slot.
// The caller has entered.
func (u *unlocked) absorb(secret []byte) (int, error) {
	slot, err := u.slab.Alloc()
	if err != nil {
		return 0, err
	}
	if err := mac.Precompute(u.slab.Slot(slot), secret); err != nil {
		u.slab.Free(slot)
		return 0, err
	}
	return slot, nil
}

// checkManifest compares the file as a whole with what its last writer sealed.
func (u *unlocked) checkManifest(op string, f *file, set envelope.SetHash) error {
	plain, revision, err := envelope.Open(nil, u.key(), u.placeOf(manifestPlace), f.manifest)
	if err != nil {
		return tampered(op, manifestPlace)
	}
	m, err := envelope.ParseManifest(plain)
	if err != nil || m.Revision != revision {
		return tampered(op, manifestPlace)
	}
	same := subtle.ConstantTimeCompare(m.Sum[:], set.Sum[:]) == 1
	if m.Revision != f.revision || m.Count != set.Count || !same {
		return fail(op, KindTampered,
			"records were dropped, swapped, put back or added: the manifest is of revision %d with %d entries, the file of revision %d with %d",
			m.Revision, m.Count, f.revision, set.Count).
			hint(restoreHint)
	}
	return nil
}
