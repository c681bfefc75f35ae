package vault

import (
	"context"

	"bfxvault/vault/internal/record"
)

// maxVersions is how many versions of an API key are kept, revoked ones included.
const maxVersions = 16

// RotateKey stages a new version of an API key, which signs nothing but probes until it is
// promoted. It widens. Errors: KindNotFound for the label, KindExists for an API key id
// that the vault has, KindInvalid where one is staged already or too many are kept.
func (v *Vault) RotateKey(ctx context.Context, by Operator, r RotateKey, p Proof) (number uint32, revision uint64, err error) {
	const op = "key rotate"
	if err := checkAPIKey(op, r.APIKey); err != nil {
		return 0, 0, err
	}
	var in intake
	defer in.end()
	revision, err = v.change(ctx, op, by, r.Operation(), p, func(u *unlocked, s *snapshot) ([]change, error) {
		old := s.keys[r.Label]
		if old == nil {
			return nil, noKey(op)
		}
		if err := old.checkRotate(op, s, r.APIKey); err != nil {
			return nil, err
		}
		if err := in.open(v, u, op, by, r.Secret, r.Purpose()); err != nil {
			return nil, err
		}
		k := old.clone()
		number = k.record.Versions[len(k.record.Versions)-1].Version + 1
		ver, changes, err := u.newVersionMu(op, r.Label, number, r.APIKey, &in)
		if err != nil {
			return nil, err
		}
		k.record.Versions = append(k.record.Versions, record.KeyVersion{
			Version: number, APIKey: r.APIKey, State: record.Staged, Created: unixNow(),
		})
		k.live = append(k.live, ver)
		s.keys[r.Label], s.ids[r.APIKey] = k, r.Label
		more, err := k.change(op)
		return append(changes, more...), err
	})
	if err != nil {
		return 0, 0, err
	}
	return number, revision, nil
}

func (k *apiKey) checkRotate(op string, s *snapshot, id string) error {
	switch {
	case k.newest(record.Staged) != 0:
		return fail(op, KindInvalid, "version %d of it is staged already", k.newest(record.Staged)).
			hint("vaultctl key promote %s, or first: vaultctl key revoke %s --version %d", k.label, k.label, k.newest(record.Staged))
	case len(k.record.Versions) >= maxVersions:
		return fail(op, KindInvalid, "%d versions of it are kept, and no more can be", maxVersions).
			hint("vaultctl key purge %s", k.label)
	}
	return s.checkID(op, id)
}
