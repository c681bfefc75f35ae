package envelope_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"bfxvault/vault/internal/envelope"
)

func place() envelope.Place {
	return envelope.Place{Vault: vaultID(1), Bucket: "secrets", Key: []byte("main/1")}
}

func seal(t testing.TB, key *[32]byte, p envelope.Place, rev uint64, plaintext []byte) []byte {
	t.Helper()
	sealed, err := envelope.Seal(nil, key, p, rev, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestARecordOpensWhereItWasSealed(t *testing.T) {
	key := randomKey()
	for _, n := range []int{0, 1, 31, 32, 33, 64, 1000, envelope.MaxPlaintext} {
		want := bytes.Repeat([]byte{'s'}, n)
		sealed := seal(t, key, place(), math.MaxUint64, want)
		if len(sealed) != n+envelope.Overhead {
			t.Errorf("%d bytes sealed are %d", n, len(sealed))
		}
		got, rev, err := envelope.Open(nil, key, place(), sealed)
		if err != nil || rev != math.MaxUint64 || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: revision %d, %v", n, rev, err)
		}
	}
}

func TestSealAppends(t *testing.T) {
	key := randomKey()
	sealed, err := envelope.Seal([]byte("before"), key, place(), 1, []byte("text"))
	if err != nil || !bytes.HasPrefix(sealed, []byte("before")) {
		t.Fatalf("%q, %v", sealed, err)
	}
	got, _, err := envelope.Open(append(make([]byte, 0, 64), "also "...), key, place(), sealed[6:])
	if err != nil || string(got) != "also text" {
		t.Errorf("%q, %v", got, err)
	}
}

// A45: a record does not open anywhere else, at another revision, under another
// key, nor where the border between bucket and key was moved.
func TestARecordDoesNotOpenElsewhere(t *testing.T) {
	key := randomKey()
	sealed := seal(t, key, place(), 5, []byte("the secret"))
	for name, p := range map[string]envelope.Place{
		"another vault":           {Vault: vaultID(2), Bucket: "secrets", Key: []byte("main/1")},
		"another bucket":          {Vault: vaultID(1), Bucket: "keys", Key: []byte("main/1")},
		"another key":             {Vault: vaultID(1), Bucket: "secrets", Key: []byte("main/2")},
		"the border moved":        {Vault: vaultID(1), Bucket: "secretsm", Key: []byte("ain/1")},
		"all in the bucket":       {Vault: vaultID(1), Bucket: "secretsmain/1"},
		"an empty key":            {Vault: vaultID(1), Bucket: "secrets"},
		"a length field as bytes": {Vault: vaultID(1), Bucket: "secrets\x00\x00\x00\x06main/1"},
	} {
		if got, _, err := envelope.Open(nil, key, p, sealed); !isTampered(err) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, _, err := envelope.Open(nil, randomKey(), place(), sealed); !isTampered(err) {
		t.Errorf("another key: %v", err)
	}
	other := seal(t, key, place(), 6, []byte("the secret"))
	if _, _, err := envelope.Open(nil, key, place(), append(bytes.Clone(other[:9]), sealed[9:]...)); !isTampered(err) {
		t.Errorf("another revision: %v", err)
	}
}

// A45: each flipped bit is an error that names bucket and key.
func TestEveryFlippedBitOfARecordIsAnError(t *testing.T) {
	key := randomKey()
	sealed := seal(t, key, place(), 5, []byte("a secret of some length, longer than a block"))
	try := func(what int, bad []byte) {
		_, _, err := envelope.Open(nil, key, place(), bad)
		if !isTampered(err) || !strings.Contains(err.Error(), `"main/1" in bucket "secrets"`) {
			t.Errorf("%d: %v", what, err)
		}
	}
	for bit := range len(sealed) * 8 {
		bad := bytes.Clone(sealed)
		bad[bit/8] ^= 1 << (bit % 8)
		try(bit, bad)
	}
	for n := range sealed {
		try(-n, sealed[:n])
	}
	try(len(sealed), append(bytes.Clone(sealed), 0))
	try(0, make([]byte, envelope.Overhead+envelope.MaxPlaintext+1))
}

func TestTheDestinationIsNeverGrownNorTouchedInVain(t *testing.T) {
	key, want := randomKey(), []byte("0123456789abcdef")
	sealed := seal(t, key, place(), 1, want)
	mem := guarded(t, len(want)+8)

	got, _, err := envelope.Open(mem[:0], key, place(), sealed)
	if err != nil || &got[0] != &mem[0] || !bytes.Equal(got, want) {
		t.Errorf("opened elsewhere than in the destination, %v", err)
	}
	for _, dst := range [][]byte{mem[: 0 : len(want)-1], mem[:9], {}} {
		if _, _, err := envelope.Open(dst, key, place(), sealed); !errors.Is(err, envelope.ErrShortBuffer) {
			t.Errorf("room for %d: %v", cap(dst)-len(dst), err)
		}
	}
	copy(mem, "what was there before...")
	bad := bytes.Clone(sealed)
	bad[len(bad)-1] ^= 1
	if _, _, err := envelope.Open(mem[:0], key, place(), bad); !isTampered(err) || string(mem) != "what was there before..." {
		t.Errorf("destination now %q, %v", mem, err)
	}
}

func TestWhatIsTooLargeIsNotSealed(t *testing.T) {
	long := strings.Repeat("b", math.MaxUint16+1)
	for name, err := range map[string]error{
		"plaintext": sealError(place(), make([]byte, envelope.MaxPlaintext+1)),
		"bucket":    sealError(envelope.Place{Bucket: long, Key: []byte("k")}, nil),
		"key":       sealError(envelope.Place{Bucket: "b", Key: []byte(long)}, nil),
	} {
		if !errors.Is(err, envelope.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func sealError(p envelope.Place, plaintext []byte) error {
	_, err := envelope.Seal(nil, randomKey(), p, 1, plaintext)
	return err
}

func TestSealingTwiceShowsNothingInCommon(t *testing.T) {
	key := randomKey()
	a, b := seal(t, key, place(), 1, make([]byte, 32)), seal(t, key, place(), 1, make([]byte, 32))
	if bytes.Equal(a[9:33], b[9:33]) || bytes.Equal(a[33:], b[33:]) {
		t.Error("a nonce or a ciphertext repeats")
	}
}
