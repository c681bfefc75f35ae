package mac_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"bfxvault/vault/internal/mac"
)

// sum returns the HMAC-SHA-384 by Precompute and Sum384.
func sum(t testing.TB, key []byte, parts ...[]byte) []byte {
	t.Helper()
	state := bytes.Repeat([]byte{0xee}, mac.StateSize) // what was there before does not matter
	if err := mac.Precompute(state, key); err != nil {
		t.Fatal(err)
	}
	var out [48]byte
	mac.Sum384(&out, state, parts...)
	return out[:]
}

func sum256(t testing.TB, key []byte, parts ...[]byte) []byte {
	t.Helper()
	var out [32]byte
	if err := mac.Sum256(&out, key, parts...); err != nil {
		t.Fatal(err)
	}
	return out[:]
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestVectorsOfRFC4231(t *testing.T) {
	for _, c := range []struct{ name, key, data, sha256, sha384 string }{
		{"1", strings.Repeat("0b", 20), hex.EncodeToString([]byte("Hi There")),
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
			"afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6"},
		{"2", hex.EncodeToString([]byte("Jefe")), hex.EncodeToString([]byte("what do ya want for nothing?")),
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
			"af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
		{"3", strings.Repeat("aa", 20), strings.Repeat("dd", 50),
			"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
			"88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27"},
		{"4", "0102030405060708090a0b0c0d0e0f10111213141516171819", strings.Repeat("cd", 50),
			"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
			"3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb"},
		{"6, a key longer than a block", strings.Repeat("aa", 131),
			hex.EncodeToString([]byte("Test Using Larger Than Block-Size Key - Hash Key First")),
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
			"4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"},
		{"7, key and data longer than a block", strings.Repeat("aa", 131),
			hex.EncodeToString([]byte("This is a test using a larger than block-size key and a larger than block-size data. " +
				"The key needs to be hashed before being used by the HMAC algorithm.")),
			"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
			"6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := hex.EncodeToString(sum(t, unhex(c.key), unhex(c.data))); got != c.sha384 {
				t.Errorf("SHA-384: %s, want %s", got, c.sha384)
			}
			if got := hex.EncodeToString(sum256(t, unhex(c.key), unhex(c.data))); got != c.sha256 {
				t.Errorf("SHA-256: %s, want %s", got, c.sha256)
			}
		})
	}
}

// Test case 3 is the one without a salt. Its output is 42 bytes long: T(1) and 10 more.
func TestVectorOfRFC5869(t *testing.T) {
	got := make([]byte, 32)
	if err := mac.HKDF256(got, bytes.Repeat([]byte{0x0b}, 22), ""); err != nil {
		t.Fatal(err)
	}
	if want := unhex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func random(r *rand.ChaCha8, n int) []byte {
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

func TestSum384AgreesWithTheStandardLibraryAtEveryLength(t *testing.T) {
	r := rand.NewChaCha8([32]byte{})
	for n := range 1001 {
		key, message := random(r, (n*7)%301), random(r, n)
		cut := 0
		if n > 0 {
			cut = int(r.Uint64() % uint64(n))
		}
		if got, want := sum(t, key, message[:cut], nil, message[cut:]), hmac384(key, message); !bytes.Equal(got, want) {
			t.Fatalf("key of %d bytes, message of %d cut at %d: %x, want %x", len(key), n, cut, got, want)
		}
	}
	// Every length of key, over the blocks' borders.
	for n := range 400 {
		key := random(r, n)
		if got, want := sum(t, key, key), hmac384(key, key); !bytes.Equal(got, want) {
			t.Fatalf("key of %d bytes: %x, want %x", n, got, want)
		}
	}
}

func TestOneShotsAgreeWithTheStandardLibrary(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	for n := range 300 {
		key, message := random(r, (n*7)%211), random(r, n)
		h := hmac.New(sha256.New, key)
		h.Write(message)
		if got, want := sum256(t, key, message[:n/2], message[n/2:]), h.Sum(nil); !bytes.Equal(got, want) {
			t.Fatalf("key of %d bytes, message of %d: %x, want %x", len(key), n, got, want)
		}
		info := hex.EncodeToString(message)
		want, err := hkdf.Key(sha256.New, key, nil, info, n%33)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, n%33)
		if err := mac.HKDF256(got, key, info); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("HKDF of %d bytes, info of %d: %x, %v, want %x", len(key), len(info), got, err, want)
		}
	}
}

func hmac384(key, message []byte) []byte {
	h := hmac.New(sha512.New384, key)
	h.Write(message)
	return h.Sum(nil)
}

func TestArgumentsAreLeftAsTheyWere(t *testing.T) {
	key, message := bytes.Repeat([]byte("k"), 200), bytes.Repeat([]byte("m"), 1000)
	state := make([]byte, mac.StateSize)
	if err := mac.Precompute(state, key); err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(state)
	var out [48]byte
	mac.Sum384(&out, state, message)
	sum256(t, key, message)
	if !bytes.Equal(state, before) || !bytes.Equal(key, bytes.Repeat([]byte("k"), 200)) || !bytes.Equal(message, bytes.Repeat([]byte("m"), 1000)) {
		t.Error("changed")
	}
}

func TestWrongLengthsAreRefused(t *testing.T) {
	for _, n := range []int{0, 127, 129} {
		if mac.Precompute(make([]byte, n), []byte("key")) == nil {
			t.Errorf("Precompute into %d bytes", n)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Sum384 from %d bytes", n)
				}
			}()
			var out [48]byte
			mac.Sum384(&out, make([]byte, n))
		}()
	}
	long := bytes.Repeat([]byte{1}, 33)
	if mac.HKDF256(long, []byte("secret"), "") == nil || !bytes.Equal(long, bytes.Repeat([]byte{1}, 33)) {
		t.Error("HKDF256 of 33 bytes")
	}
}

// Scratch goes from one signer to the next: none sees another's key.
func TestSignersDoNotDisturbEachOther(t *testing.T) {
	var signers sync.WaitGroup
	for g := range 16 {
		signers.Go(func() {
			r := rand.NewChaCha8([32]byte{byte(g)})
			for n := range 200 {
				key, message := random(r, n), random(r, n*3)
				if !bytes.Equal(sum(t, key, message), hmac384(key, message)) {
					t.Error("a wrong sum")
					return
				}
			}
		})
	}
	signers.Wait()
}

// FuzzSum384 compares with crypto/hmac, for any key and any cut of any message.
func FuzzSum384(f *testing.F) {
	seeds := []struct {
		key, message string
		cut          uint16
	}{
		{"", "", 0},
		{"Jefe", "what do ya want for nothing?", 5},
		{strings.Repeat("k", 43), "/api/v2/auth/w/order/submit1700000000000000{}", 28},
		{strings.Repeat("k", 128), strings.Repeat("m", 111), 111},
		{strings.Repeat("k", 129), strings.Repeat("m", 112), 0},
		{strings.Repeat("k", 240), strings.Repeat("m", 512), 511},
		{strings.Repeat("k", 256), strings.Repeat("m", 1025), 512},
	}
	for _, s := range seeds {
		f.Add([]byte(s.key), []byte(s.message), s.cut)
	}
	f.Fuzz(func(t *testing.T, key, message []byte, cut uint16) {
		at := min(int(cut), len(message))
		if got, want := sum(t, key, message[:at], message[at:]), hmac384(key, message); !bytes.Equal(got, want) {
			t.Errorf("%x, want %x", got, want)
		}
	})
}
