package operator

import (
	"crypto/rand"
	"errors"
	"fmt"

	"bfxvault/vault"
)

// A recovery code is 34 random digits of 5 bits, 170 bits, and 6 digits of a checksum, in
// Crockford's base32 (crockford.com/base32.html), which has no I, L, O and U: eight groups
// of five. The checksum is Bech32m's BCH code (BIP-350), which tells up to four wrong
// digits from none, and so each one that was mistyped and each two that were swapped.
const (
	recoveryDigits   = 34
	recoveryChecksum = 6
	recoverySize     = recoveryDigits + recoveryChecksum
	recoveryGroup    = 5

	recoveryAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	recoveryPrefix   = "bfxvault" // of the checksum: another program's codes are not ours
	bech32m          = 0x2bc830a3
)

// Why a text is no recovery code, before anything is computed of it.
var (
	ErrNoCode   = errors.New("not a recovery code: it has 40 letters and digits, without U")
	ErrMistyped = errors.New("the recovery code is mistyped: its checksum is wrong")
)

// RecoveryCode is what opens a vault whose passphrase is lost: its 40 digits, as they are
// stretched into a KEK. It prints as nothing.
type RecoveryCode [recoverySize]byte

// NewRecoveryCode draws a code. Argon2id adds nothing to 170 random bits: the floor of its
// cost will do.
func NewRecoveryCode() *RecoveryCode {
	c := new(RecoveryCode)
	rand.Read(c[:recoveryDigits]) // never fails: crypto/rand
	for i := range c[:recoveryDigits] {
		c[i] &= 31 // each of the 32 is as likely
	}
	sum := polymod(c) ^ bech32m // of six zeros
	for i := range recoveryChecksum {
		c[recoveryDigits+i] = byte(sum >> (5 * (recoveryChecksum - 1 - i)) & 31)
	}
	for i, digit := range c {
		c[i] = recoveryAlphabet[digit]
	}
	return c
}

// ParseRecoveryCode reads a code as people type it: case, spaces and hyphens do not
// matter, I and L are 1, O is 0. It returns [ErrNoCode] or [ErrMistyped].
func ParseRecoveryCode(text []byte) (*RecoveryCode, error) {
	var digits RecoveryCode
	defer digits.Wipe()
	n := 0
	for _, b := range text {
		if b == ' ' || b == '-' || b == '\t' || b == '\n' || b == '\r' {
			continue
		}
		digit := digitOf(b)
		if digit < 0 || n == recoverySize {
			return nil, ErrNoCode
		}
		digits[n] = byte(digit)
		n++
	}
	if n != recoverySize {
		return nil, ErrNoCode
	}
	if polymod(&digits) != bech32m {
		return nil, ErrMistyped
	}
	c := new(RecoveryCode)
	for i, digit := range digits {
		c[i] = recoveryAlphabet[digit]
	}
	return c, nil
}

// digitOf is the value of a letter or digit, -1 for none.
func digitOf(b byte) int {
	if 'a' <= b && b <= 'z' {
		b -= 'a' - 'A'
	}
	switch b {
	case 'I', 'L':
		b = '1'
	case 'O':
		b = '0'
	}
	for i := range len(recoveryAlphabet) {
		if recoveryAlphabet[i] == b {
			return i
		}
	}
	return -1
}

// polymod is BIP-350's checksum over the prefix and the values of the digits.
func polymod(digits *RecoveryCode) uint32 {
	sum := uint32(1)
	for i := range len(recoveryPrefix) {
		sum = polystep(sum, recoveryPrefix[i]>>5)
	}
	sum = polystep(sum, 0)
	for i := range len(recoveryPrefix) {
		sum = polystep(sum, recoveryPrefix[i]&31)
	}
	for _, digit := range digits {
		sum = polystep(sum, digit)
	}
	return sum
}

func polystep(sum uint32, value byte) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ uint32(value)
	for i, generator := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= generator
		}
	}
	return sum
}

// AppendGroups appends the code as it is written down: eight groups of five.
func (c *RecoveryCode) AppendGroups(b []byte) []byte {
	for i := 0; i < recoverySize; i += recoveryGroup {
		if i > 0 {
			b = append(b, '-')
		}
		b = append(b, c[i:i+recoveryGroup]...)
	}
	return b
}

// RecoveryTextSize is the length of a code in groups.
const RecoveryTextSize = recoverySize + recoverySize/recoveryGroup - 1

// KEK is Argon2id of the code, as DeriveKEK is of a passphrase.
func (c *RecoveryCode) KEK(params vault.Argon2Params, salt [16]byte) (*KEK, error) {
	return DeriveKEK(c[:], params, salt)
}

// Wipe overwrites the code.
func (c *RecoveryCode) Wipe() { clear(c[:]) }

// String keeps a code out of logs and errors.
func (*RecoveryCode) String() string { return "RecoveryCode(redacted)" }

// Format keeps a code out of every verb of fmt.
func (c *RecoveryCode) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }
