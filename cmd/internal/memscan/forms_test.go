package memscan_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"bfxvault/cmd/internal/memscan"
)

// secret returns 32 random bytes whose base64 differs between the alphabets at
// every alignment.
func secret() []byte {
	for {
		s := make([]byte, 32)
		rand.Read(s)
		ok := true
		for shift := range 3 {
			text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), s...))
			ok = ok && strings.ContainsAny(text[4:len(text)-2], "+/")
		}
		if ok {
			return s
		}
	}
}

// decoys returns the secret in each form, as a program would come to hold it,
// under the name that the scanner should give it. They are made without the
// help of the package.
func decoys(s []byte) map[string][]byte {
	b64 := func(e *base64.Encoding, before string) []byte {
		return []byte(e.EncodeToString([]byte(before + string(s) + "after")))
	}
	var wide []byte
	for _, u := range utf16.Encode([]rune(string(latin1(s)))) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	pad := func(p byte) []byte {
		block := bytes.Repeat([]byte{p}, 128)
		for i := range s {
			block[i] ^= s[i]
		}
		return block
	}
	ints := make([]int, len(s))
	for i, c := range s {
		ints[i] = int(c)
	}
	list, _ := json.Marshal(ints)
	back := slices.Clone(s)
	slices.Reverse(back)
	return map[string][]byte{
		"raw":         s,
		"hex":         []byte(hex.EncodeToString(s)),
		"HEX":         fmt.Appendf(nil, "%X", s),
		"base64+0":    b64(base64.StdEncoding, ""),
		"base64+1":    b64(base64.StdEncoding, "k"),
		"base64+2":    b64(base64.StdEncoding, "k="),
		"base64url+0": b64(base64.URLEncoding, "key"),
		"base64url+1": b64(base64.URLEncoding, "key="),
		"base64url+2": b64(base64.URLEncoding, "key=>"),
		"utf-16":      wide,
		"reversed":    back,
		"xor 0x36":    pad(0x36),
		"xor 0x5c":    pad(0x5c),
		"decimals":    fmt.Append(nil, s),
		"decimals,":   list,
	}
}

func latin1(b []byte) []rune {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return r
}

func scanner(t testing.TB, needles []memscan.Needle) *memscan.Scanner {
	t.Helper()
	s, err := memscan.New(needles)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wholeForms lists the forms that were found whole, sorted, each once.
func wholeForms(hits []memscan.Hit) []string {
	var forms []string
	for _, h := range hits {
		if h.Whole {
			forms = append(forms, h.Form)
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

func TestEveryFormIsFoundAsItself(t *testing.T) { // A49, A52
	s := secret()
	sc := scanner(t, memscan.Forms("key", s))
	all := decoys(s)
	for form, decoy := range all {
		text := slices.Concat([]byte("level=info msg="), decoy, []byte(" end"))
		if got := wholeForms(sc.Bytes(text)); !slices.Equal(got, []string{form}) {
			t.Errorf("%s was found as %q", form, got)
		}
	}
	if n := len(memscan.Forms("key", s)); n != len(all) {
		t.Errorf("%d forms, %d decoys", n, len(all))
	}
}

func TestSixteenBytesOfASecretAreAHitInEveryForm(t *testing.T) { // A52
	s := secret()
	sc := scanner(t, memscan.Forms("key", s))
	for at := 0; at+16 <= len(s); at++ {
		for form, decoy := range decoys(s[at : at+16]) {
			hits := sc.Bytes(slices.Concat([]byte("_"), decoy, []byte("_")))
			found := slices.ContainsFunc(hits, func(h memscan.Hit) bool { return strings.HasPrefix(h.Form, strings.TrimRight(form, "0123456789")) })
			if !found {
				t.Errorf("bytes %d to %d as %s: %v", at, at+16, form, hits)
			}
		}
	}
}

func TestFifteenBytesAreLeftToChance(t *testing.T) {
	s := secret()
	sc := scanner(t, memscan.Forms("key", s))
	if hits := sc.Bytes(s[3:18]); len(hits) != 0 {
		t.Errorf("hits %v", hits)
	}
}

func TestAShortSecretCountsOnlyWhole(t *testing.T) {
	s := []byte("hunter2hunter3")
	sc := scanner(t, memscan.Forms("passphrase", s))
	if hits := sc.Bytes(s[1:]); len(hits) != 0 {
		t.Errorf("hits %v", hits)
	}
	if got := wholeForms(sc.Bytes(s)); !slices.Equal(got, []string{"raw"}) {
		t.Errorf("found as %q", got)
	}
}

func TestAPieceOfLittleVarietyIsNoEvidence(t *testing.T) {
	s := []byte("0000000000000000000000-but-then-some-more")
	sc := scanner(t, memscan.Forms("key", s))
	if hits := sc.Bytes(bytes.Repeat([]byte("0"), 1000)); len(hits) != 0 {
		t.Errorf("a thousand zeros: %v", hits)
	}
	if hits := sc.Bytes(s); len(hits) != 1 || !hits[0].Whole {
		t.Errorf("the secret itself: %v", hits)
	}
}

func TestAHitShowsNothingOfTheSecret(t *testing.T) { // P1
	s := []byte("correct horse battery staple")
	sc := scanner(t, memscan.Forms("passphrase", s))
	for _, h := range sc.Bytes(slices.Concat(s, []byte{0}, []byte(hex.EncodeToString(s)))) {
		for _, text := range []string{h.String(), fmt.Sprintf("%#v", h)} {
			if hits := sc.Bytes([]byte(text)); len(hits) != 0 || strings.Contains(text, "horse") {
				t.Errorf("it does: %s", text)
			}
		}
	}
}

func TestNeedlesThatWouldMeanNothingAreRefused(t *testing.T) {
	for name, needles := range map[string][]memscan.Needle{
		"none":          nil,
		"a short one":   memscan.Forms("pin", []byte("1234567")),
		"an empty one":  memscan.Forms("nothing", nil),
		"a short piece": {{Name: "key", Form: "raw", Value: make([]byte, 32), Piece: 7}},
	} {
		if _, err := memscan.New(needles); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
