package envelope_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"testing"

	"bfxvault/vault/internal/envelope"

	"golang.org/x/crypto/nacl/box"
)

func transport(t testing.TB) (*envelope.Transport, *[envelope.TransportSize]byte) {
	t.Helper()
	mem := (*[envelope.TransportSize]byte)(guarded(t, envelope.TransportSize))
	return envelope.NewTransport(mem), mem
}

func TestASealedBoxOpensStraightIntoTheDestination(t *testing.T) {
	for _, n := range []int{0, 1, 32, 33, 500} {
		tr, _ := transport(t)
		public, want := tr.Public(), bytes.Repeat([]byte{'x'}, n)
		sealed, err := envelope.SealBox(&public, want)
		if err != nil || len(sealed) != n+envelope.BoxOverhead {
			t.Fatalf("%d bytes, %v", len(sealed), err)
		}
		dst := guarded(t, n+1)
		got, err := tr.Open(dst[:0], sealed)
		if err != nil || !bytes.Equal(got, want) || n > 0 && &got[0] != &dst[0] {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// The wire format is that of NaCl's own library, both ways.
func TestBoxesAreThoseOfNaCl(t *testing.T) {
	tr, _ := transport(t)
	public := tr.Public()
	sealed, err := box.SealAnonymous(nil, []byte("from outside"), &public, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tr.Open(make([]byte, 0, 12), sealed); err != nil || string(got) != "from outside" {
		t.Errorf("%q, %v", got, err)
	}

	public2, secret2, err := box.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err = envelope.SealBox(public2, []byte("to outside"))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := box.OpenAnonymous(nil, sealed, public2, secret2); !ok || string(got) != "to outside" {
		t.Errorf("%q, %t", got, ok)
	}
}

// P1: the key pair is good for one call, whatever comes of it, and gone after it.
func TestATransportIsGoodForOneCall(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"a good box":  func(b []byte) []byte { return b },
		"a bad box":   func(b []byte) []byte { b[40] ^= 1; return b },
		"a short box": func(b []byte) []byte { return b[:47] },
		"no box":      func([]byte) []byte { return nil },
	} {
		tr, mem := transport(t)
		public := tr.Public()
		sealed, err := envelope.SealBox(&public, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		_, first := tr.Open(make([]byte, 0, 6), damage(bytes.Clone(sealed)))
		if (first == nil) != (name == "a good box") || *mem != [envelope.TransportSize]byte{} {
			t.Errorf("%s: %v", name, first)
		}
		for _, again := range [][]byte{sealed, forgeForWiped(t, []byte("secret"))} {
			if _, err := tr.Open(make([]byte, 0, 6), again); !errors.Is(err, envelope.ErrBox) {
				t.Errorf("a second time after %s: %v", name, err)
			}
		}
	}
}

func TestEveryFlippedBitOfABoxIsAnError(t *testing.T) {
	for bit := range (envelope.BoxOverhead + 6) * 8 {
		tr, _ := transport(t)
		public := tr.Public()
		sealed, err := envelope.SealBox(&public, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		sealed[bit/8] ^= 1 << (bit % 8)
		dst := make([]byte, 6)
		if got, err := tr.Open(dst[:0], sealed); !errors.Is(err, envelope.ErrBox) || got != nil || !bytes.Equal(dst, make([]byte, 6)) {
			t.Fatalf("bit %d: %q, %v", bit, got, err)
		}
	}
}

func TestABoxNeedsRoomThatIsGiven(t *testing.T) {
	for _, dst := range [][]byte{nil, {}, make([]byte, 0, 5), make([]byte, 1, 6)} {
		tr, _ := transport(t)
		public := tr.Public()
		sealed, err := envelope.SealBox(&public, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Open(dst, sealed); !errors.Is(err, envelope.ErrShortBuffer) {
			t.Errorf("room for %d: %v", cap(dst)-len(dst), err)
		}
	}
}

// lowOrder are the encodings of points of low order, whose shared secret is zero
// for every scalar (RFC 7748, section 6.1; the list is libsodium's blacklist).
func lowOrder(t *testing.T) (points [][32]byte) {
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != 32 {
			t.Fatal(s, err)
		}
		p := [32]byte(b)
		points = append(points, p)
		p[31] |= 0x80
		points = append(points, p)
	}
	return points
}

func TestPointsOfLowOrderAreRefused(t *testing.T) {
	for _, p := range lowOrder(t) {
		if _, err := envelope.SealBox(&p, []byte("secret")); !errors.Is(err, envelope.ErrBox) {
			t.Errorf("SealBox to %x: %v", p, err)
		}
		// What anybody could seal, knowing that the shared point is zero.
		tr, _ := transport(t)
		public := tr.Public()
		forged := forgeFromLowOrder(t, p, public, []byte("secret"))
		if _, err := tr.Open(make([]byte, 0, 6), forged); !errors.Is(err, envelope.ErrBox) {
			t.Errorf("box from %x: %v", p, err)
		}
	}
}

func TestWhatIsTooLargeIsNotBoxed(t *testing.T) {
	tr, _ := transport(t)
	public := tr.Public()
	if _, err := envelope.SealBox(&public, make([]byte, envelope.MaxPlaintext+1)); !errors.Is(err, envelope.ErrTooLarge) {
		t.Errorf("SealBox: %v", err)
	}
	if _, err := tr.Open(make([]byte, 0, 64), make([]byte, envelope.MaxPlaintext+envelope.BoxOverhead+1)); !errors.Is(err, envelope.ErrBox) {
		t.Errorf("Open: %v", err)
	}
}
