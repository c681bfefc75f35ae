package main

import (
	"context"
	"errors"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

// credential is what proves that the operator is there: the KEK of a slot.
type credential struct {
	kek  *operator.KEK
	slot uint32
}

// kekMaker makes the KEK that a passphrase, a recovery code or a keyfile is for a slot.
type kekMaker func(vault.Slot) (*operator.KEK, error)

// kekMaker reads the passphrase or recovery code, once. The caller calls forget.
func (a *app) kekMaker(ctx context.Context, p passphraseFlags) (kekOf kekMaker, forget func(), err error) {
	text, err := a.passphrase(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	if !p.recovery {
		return func(s vault.Slot) (*operator.KEK, error) { return ofSlot(operator.DeriveKEK(text, s.Params, s.Salt)) },
			func() { clear(text) }, nil
	}
	code, err := operator.ParseRecoveryCode(text)
	clear(text)
	if err != nil {
		return nil, nil, failed("MISTYPED", "%v", err).withHint("compare it with what was written down, group by group")
	}
	return func(s vault.Slot) (*operator.KEK, error) { return ofSlot(code.KEK(s.Params, s.Salt)) }, code.Wipe, nil
}

// kekMakerOf is kekMaker for a keyfile, where one is named.
func (a *app) kekMakerOf(ctx context.Context, p passphraseFlags, keyfile string) (kekOf kekMaker, forget func(), err error) {
	if keyfile == "" {
		return a.kekMaker(ctx, p)
	}
	kek, err := a.keyfile(keyfile)
	if err != nil {
		return nil, nil, err
	}
	return func(vault.Slot) (*operator.KEK, error) {
		copied := *kek
		return &copied, nil
	}, kek.Wipe, nil
}

// ofSlot gives the error of parameters that no vault of ours has its reason.
func ofSlot(kek *operator.KEK, err error) (*operator.KEK, error) {
	if err != nil {
		return nil, failed("TAMPERED", "%v", err)
	}
	return kek, nil
}

// slots are the key slots of a kind, lowest id first, and the vault's id.
func (s *session) slots(ctx context.Context, kind string) ([]vault.Slot, [16]byte, error) {
	list, err := s.admin.ListSlots(ctx, &pb.ListSlotsRequest{})
	if err != nil {
		return nil, [16]byte{}, err
	}
	if len(list.GetVaultId()) != 16 {
		return nil, [16]byte{}, failed("FAILED", "vaultd sent an id of another size")
	}
	var slots []vault.Slot
	for _, slot := range list.GetSlots() {
		if slot.GetKind() == kind && len(slot.GetSalt()) == 16 {
			p := slot.GetParams()
			slots = append(slots, vault.Slot{
				ID: slot.GetId(), Kind: kind, Salt: [16]byte(slot.GetSalt()),
				Params: vault.Argon2Params{Time: p.GetTime(), MemoryKiB: p.GetMemoryKib(), Threads: uint8(min(p.GetThreads(), 255))},
			})
		}
	}
	if len(slots) == 0 {
		return nil, [16]byte{}, failed("NO_SLOT", "this vault has no %s slot", kind)
	}
	return slots, [16]byte(list.GetVaultId()), nil
}

// choose finds the slot that opens. Of several it tries each by itself, since a wrong try
// at vaultd costs a second; where none opens, it is the first, which vaultd refuses, and
// tells the owner of.
func (a *app) choose(ctx context.Context, slots []vault.Slot, kekOf kekMaker) (*credential, error) {
	if len(slots) > 1 {
		l, err := a.shownAudit(ctx)
		if err != nil {
			return nil, err
		}
		for _, slot := range slots {
			kek, err := kekOf(slot)
			if err != nil {
				return nil, err
			}
			if operator.Opens(kek, slot.ID, l) {
				return &credential{kek, slot.ID}, nil
			}
			kek.Wipe()
		}
	}
	kek, err := kekOf(slots[0])
	if err != nil {
		return nil, err
	}
	return &credential{kek, slots[0].ID}, nil
}

// credential reads the passphrase or recovery code and derives the KEK of its slot.
func (a *app) credential(ctx context.Context, s *session, p passphraseFlags) (*credential, error) {
	slots, _, err := s.slots(ctx, p.kind())
	if err != nil {
		return nil, err
	}
	kekOf, forget, err := a.kekMaker(ctx, p)
	if err != nil {
		return nil, err
	}
	defer forget()
	return a.choose(ctx, slots, kekOf)
}

// keyfile reads a keyfile as it is: its last byte may look like a line end.
func (a *app) keyfile(path string) (*operator.KEK, error) {
	b, err := a.privateFile(path)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return operator.Keyfile(b)
}

// isWrong says whether a KEK does not open its slot.
func isWrong(err error) bool { return errors.Is(err, operator.ErrWrongPassphrase) }
