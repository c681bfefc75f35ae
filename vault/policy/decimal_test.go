package policy_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bfxvault/vault/policy"
)

func decimal(t testing.TB, text string) policy.Decimal {
	t.Helper()
	d, ok := policy.ParseDecimal(text)
	if !ok {
		t.Fatalf("%q was refused", text)
	}
	return d
}

// exact is the value by math/big.
func exact(t rapid.TB, d policy.Decimal) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(d.String())
	if !ok {
		t.Fatalf("%q is no number", d.String())
	}
	return r
}

// genDecimal draws the text of a decimal.
func genDecimal() *rapid.Generator[string] {
	return rapid.StringMatching(`-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?`)
}

func TestADecimalIsReadExactlyAndPrintsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := genDecimal().Draw(t, "text")
		d, ok := policy.ParseDecimal(text)
		if !ok {
			t.Fatalf("%q was refused", text)
		}
		want, _ := new(big.Rat).SetString(text)
		if exact(t, d).Cmp(want) != 0 {
			t.Fatalf("%q was read as %s", text, d)
		}
		if again, ok := policy.ParseDecimal(d.String()); !ok || again != d {
			t.Fatalf("%q printed as %s", text, d)
		}
		if fromBytes, ok := policy.ParseDecimal([]byte(text)); !ok || fromBytes != d {
			t.Fatalf("%q differs as bytes", text)
		}
	})
}

// A32
func TestWhatIsNoDecimalIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "-", "+1", " 1", "1 ", "1.", ".5", "-.5", "00", "01", "-01", "1e3", "1E-9", "0x10", "1_000", "1,5", "NaN", "Infinity", "-Infinity",
		"1.0000000000000000001", "1000000000000000000", strings.Repeat("9", 40), "--1", "1.2.3", "\u0661", "1\u00a0", "1\x00", "\uff11", "1.-1", "0.", "- 1", "1n", "null",
	} {
		if d, ok := policy.ParseDecimal(text); ok {
			t.Errorf("%q was read as %s", text, d)
		}
	}
	for _, text := range []string{"-0", "-0.0", "0.000000000000000000"} {
		if d := decimal(t, text); !d.IsZero() || d.IsNegative() || d != (policy.Decimal{}) {
			t.Errorf("%q is not the one zero: %s", text, d)
		}
	}
}

// A32: as JavaScript prints numbers, and as it does not.
func TestNumbersAreReadAsJavaScriptPrintsThem(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1", "-0.5": "-0.5", "1e-7": "0.0000001", "1.5e-7": "0.00000015", "-1.5e-7": "-0.00000015", "1e-18": "0.000000000000000001",
		"1e+2": "100", "1.25e+1": "12.5", "9.99e+15": "9990000000000000",
	} {
		d, ok := policy.ParseNumber(text)
		if !ok || d.String() != want {
			t.Errorf("%q was read as %s (%t), want %s", text, d, ok, want)
		}
	}
	for _, text := range []string{
		"1e-19", "1.5e-18", "1e+18", "1e+21", "1e+999", "1e-999", "1e+1000", "1E-7", "1e7", "1e+07", "0e+1", "12e+1", "-12e+1", "0.1e-7", "e+1", "1e", "1e+", "1e+1e+1", "1e-0", "", "-e+1", "1.e+1",
	} {
		if d, ok := policy.ParseNumber(text); ok {
			t.Errorf("%q was read as %s", text, d)
		}
	}
}

func TestDecimalsComputeExactly(t *testing.T) {
	place := new(big.Rat).SetFrac64(1, 1_000_000_000_000_000_000)
	rapid.Check(t, func(t *rapid.T) {
		a, _ := policy.ParseDecimal(genDecimal().Draw(t, "a"))
		b, _ := policy.ParseDecimal(genDecimal().Draw(t, "b"))
		x, y := exact(t, a), exact(t, b)
		absX, absY := new(big.Rat).Abs(x), new(big.Rat).Abs(y)
		if a.Cmp(b) != x.Cmp(y) || a.CmpAbs(b) != absX.Cmp(absY) {
			t.Fatalf("%s against %s: %d and %d", a, b, a.Cmp(b), a.CmpAbs(b))
		}
		if exact(t, a.AddAbs(b)).Cmp(new(big.Rat).Add(absX, absY)) != 0 {
			t.Fatalf("|%s| + |%s| = %s", a, b, a.AddAbs(b))
		}
		difference := new(big.Rat).Sub(absX, absY)
		if difference.Sign() < 0 {
			difference.SetInt64(0)
		}
		if exact(t, a.SubAbs(b)).Cmp(difference) != 0 {
			t.Fatalf("|%s| - |%s| = %s", a, b, a.SubAbs(b))
		}
		product, want := exact(t, a.MulUp(b)), new(big.Rat).Mul(absX, absY)
		most, _ := new(big.Rat).SetString("340282366920938463463.374607431768211455")
		if want.Cmp(most) > 0 {
			want = most
		}
		if over := new(big.Rat).Sub(product, want); over.Sign() < 0 || over.Cmp(place) >= 0 {
			t.Fatalf("|%s|·|%s| = %s, which is off by %s", a, b, a.MulUp(b), over)
		}
		n := rapid.Uint64Range(1, 1000).Draw(t, "n")
		share := new(big.Rat).Quo(absX, new(big.Rat).SetFrac(new(big.Int).SetUint64(n), big.NewInt(1)))
		if over := new(big.Rat).Sub(exact(t, a.DivideUp(n)), share); over.Sign() < 0 || over.Cmp(place) >= 0 {
			t.Fatalf("|%s|/%d = %s", a, n, a.DivideUp(n))
		}
	})
}

func FuzzDecimal(f *testing.F) {
	for _, seed := range []string{"0", "-0.5", "1e-7", "1.5e+15", "999999999999999999.999999999999999999", "1e+21", "--1", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := policy.ParseNumber(text)
		if !ok {
			return
		}
		want, known := new(big.Rat).SetString(text)
		if !known || want.Cmp(exact(t, d)) != 0 {
			t.Fatalf("%q was read as %s", text, d)
		}
	})
}
