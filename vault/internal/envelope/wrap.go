package envelope

import (
	"crypto/subtle"

	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/mac"
)

// WrapKeysSize is the length of [WrapKeys].
const WrapKeysSize = 2 * keySize

// WrapKeys are what wraps a data key for a slot whose KEK is not at hand, in guarded
// memory: the public half of an X25519 key, whose secret half only the KEK gives, and a
// key that both sides share. They open nothing. The vault keeps them sealed under the
// data key, so that a new data key can be wrapped for every slot by who proves one of
// them; nobody else can put others in their place.
//
// Both are needed to open: who once had a data key, and so had them, still lacks the
// secret half; who breaks X25519 lacks the shared key (docs/adr/0008).
type WrapKeys [WrapKeysSize]byte

func (k *WrapKeys) public() *[keySize]byte { return (*[keySize]byte)(k[:keySize]) }
func (k *WrapKeys) shared() *[keySize]byte { return (*[keySize]byte)(k[keySize:]) }

// DeriveWrapKeys writes what wraps for a KEK to k, guarded memory. It returns the error
// of making guarded memory.
func DeriveWrapKeys(k *WrapKeys, kek *[32]byte) error {
	return withKey(kek, infoWrapSecret, func(secret *[keySize]byte) error {
		publicOf(k.public(), secret)
		return mac.HKDF256(k.shared()[:], kek[:], infoWrapShared)
	})
}

// Wrap seals the data key under the KEK into s, whose other fields are filled and
// authenticated with it (A46). It returns a *[ParamsError] for parameters out of
// bounds, [ErrSlotDamaged] for a kind that does not exist or a keyfile slot with
// parameters, and the error of making guarded memory.
func Wrap(s *Slot, vault VaultID, kek, dataKey *[32]byte) error {
	b, err := guard.NewBuffer(WrapKeysSize)
	if err != nil {
		return err
	}
	defer b.Destroy()
	keys := (*WrapKeys)(b.Bytes())
	guard.Quiet(func() {
		if err = DeriveWrapKeys(keys, kek); err == nil {
			err = WrapWith(s, vault, keys, dataKey)
		}
	})
	return err
}

// WrapWith is [Wrap] for who has not the KEK but what was derived of it. The slot is
// opened again from the bytes that it has in a file, by way of the one-shot secret that
// it was made with, before it counts. It returns [ErrBox] for a public half of low order.
func WrapWith(s *Slot, vault VaultID, keys *WrapKeys, dataKey *[32]byte) error {
	if err := s.Check(); err != nil {
		return err
	}
	b, err := guard.NewBuffer(3 * keySize)
	if err != nil {
		return err
	}
	defer b.Destroy()
	mem := b.Bytes()
	public, secret, again := (*[keySize]byte)(mem), (*[keySize]byte)(mem[keySize:]), (*[keySize]byte)(mem[2*keySize:])
	guard.Quiet(func() { err = s.wrapWith(vault, keys, dataKey, public, secret, again) })
	return err
}

func (s *Slot) wrapWith(vault VaultID, keys *WrapKeys, dataKey, public, secret, again *[keySize]byte) error {
	newX25519(public, secret)
	s.ephemeral, s.nonce = *public, randomNonce()
	*again = *secret
	if err := wrapKey(secret, keys.public(), keys, &s.ephemeral); err != nil {
		return err
	}
	nonce := s.bound(vault)
	aeadSeal(s.wrapped[:0], dataKey[:], &nonce, secret)

	text, err := s.AppendBinary(nil)
	if err != nil {
		return err
	}
	read, err := ParseSlot(text)
	if err != nil {
		return err
	}
	if err := wrapKey(again, keys.public(), keys, &read.ephemeral); err != nil {
		return err
	}
	// Where the key was, the data key comes back, or nothing.
	clear(public[:])
	nonce = read.bound(vault)
	if _, ok := aeadOpen(public[:0], read.wrapped[:], &nonce, again); !ok || subtle.ConstantTimeCompare(public[:], dataKey[:]) != 1 {
		return ErrWrongKey
	}
	return nil
}

// Unwrap writes the data key to *dataKey. It returns [ErrWrongKey] where the KEK
// does not open the slot, and what [Wrap] returns; then *dataKey is as it was.
func (s *Slot) Unwrap(vault VaultID, kek, dataKey *[32]byte) error {
	if err := s.Check(); err != nil {
		return err
	}
	b, err := guard.NewBuffer(WrapKeysSize)
	if err != nil {
		return err
	}
	defer b.Destroy()
	keys := (*WrapKeys)(b.Bytes())
	if err := DeriveWrapKeys(keys, kek); err != nil {
		return err
	}
	return withKey(kek, infoWrapSecret, func(secret *[keySize]byte) error {
		if wrapKey(secret, &s.ephemeral, keys, &s.ephemeral) != nil {
			return ErrWrongKey // the ephemeral is of low order: no slot of ours
		}
		nonce := s.bound(vault)
		if _, ok := aeadOpen(dataKey[:0], s.wrapped[:], &nonce, secret); !ok {
			return ErrWrongKey
		}
		return nil
	})
}

// wrapKey replaces a secret scalar by the key of a wrap, which both sides come to: of
// what X25519 gives with the other side's public half, the shared key, and both public
// halves, as HPKE mixes them (RFC 9180, section 4.1).
func wrapKey(secret, peer *[keySize]byte, keys *WrapKeys, ephemeral *[keySize]byte) error {
	b, err := guard.NewBuffer(4 * keySize)
	if err != nil {
		return err
	}
	defer b.Destroy()
	if !sharedOf(secret, peer) {
		return ErrBox
	}
	mem := b.Bytes()
	for i, part := range [...]*[keySize]byte{secret, keys.shared(), ephemeral, keys.public()} {
		copy(mem[i*keySize:], part[:])
	}
	return mac.HKDF256(secret[:], mem, infoWrapKey)
}

func (s *Slot) bound(vault VaultID) [nonceSize]byte {
	return bindNonce(&s.nonce, domainSlot, vault[:], s.appendHeader(nil), s.ephemeral[:])
}
