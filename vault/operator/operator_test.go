package operator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bfxvault/vault"
)

// Argon2id is calibrated with memory first, inside floor, ceiling and free memory.
func TestCalibrateRaisesMemoryFirstAndStaysInBounds(t *testing.T) {
	// perMiB is what one pass over one MiB costs on an imagined machine.
	machine := func(perMiB time.Duration) func(vault.Argon2Params) time.Duration {
		return func(p vault.Argon2Params) time.Duration {
			return perMiB * time.Duration(p.Time) * time.Duration(p.MemoryKiB/mib)
		}
	}
	const gib = 1 << 20 // KiB
	tests := map[string]struct {
		perMiB   time.Duration
		limitKiB uint64
		want     vault.Argon2Params
	}{
		"a slow machine stays at the floor":              {time.Second, 8 * gib, vault.Argon2Params{Time: 3, MemoryKiB: 64 * mib, Threads: 4}},
		"memory is raised towards a second":              {time.Millisecond, 8 * gib, vault.Argon2Params{Time: 3, MemoryKiB: 333 * mib, Threads: 4}},
		"a quick machine stops at 1 GiB, then passes":    {100 * time.Microsecond, 8 * gib, vault.Argon2Params{Time: 9, MemoryKiB: gib, Threads: 4}},
		"little memory makes passes do the work":         {time.Millisecond, 100 * mib, vault.Argon2Params{Time: 9, MemoryKiB: 100 * mib, Threads: 4}},
		"no memory to spare still means the floor":       {time.Millisecond, 0, vault.Argon2Params{Time: 15, MemoryKiB: 64 * mib, Threads: 4}},
		"an absurdly quick machine stops at 64 passes":   {time.Nanosecond, 8 * gib, vault.Argon2Params{Time: 64, MemoryKiB: gib, Threads: 4}},
		"a machine at a second at the floor stays there": {5208 * time.Microsecond, 8 * gib, vault.Argon2Params{Time: 3, MemoryKiB: 64 * mib, Threads: 4}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := choose(vault.MinArgon2(), test.limitKiB, machine(test.perMiB))
			if got != test.want {
				t.Fatalf("chose %+v, want %+v", got, test.want)
			}
			if err := got.Check(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A46: what an edited slot asks for is refused before it costs anything.
func TestDeriveKEKRefusesParametersOutOfBounds(t *testing.T) {
	for _, p := range []vault.Argon2Params{
		{Time: 1, MemoryKiB: 64 * mib, Threads: 4},
		{Time: 3, MemoryKiB: 8, Threads: 4},
		{Time: 3, MemoryKiB: 4 << 20, Threads: 4},
		{Time: 3, MemoryKiB: 64 * mib, Threads: 255},
		{Time: 1 << 31, MemoryKiB: 64 * mib, Threads: 4},
	} {
		if kek, err := DeriveKEK([]byte("x"), p, [16]byte{}); err == nil || kek != nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}

func TestKeyfileIsExactly32Bytes(t *testing.T) {
	for _, n := range []int{0, 31, 33} {
		if _, err := Keyfile(make([]byte, n)); err == nil {
			t.Errorf("%d bytes were accepted", n)
		}
	}
}

// P1: a KEK prints as nothing, whatever the verb.
func TestKEKPrintsAsNothing(t *testing.T) {
	kek := KEK{1, 2, 3, 0xde, 0xad}
	text := fmt.Sprintf("%v %+v %#v %x %X %s %q %d", &kek, &kek, &kek, &kek, &kek, &kek, &kek, &kek)
	text += fmt.Sprint(errors.Join(fmt.Errorf("with %v", &kek)))
	if strings.Contains(strings.ToLower(text), "dead") || strings.Contains(text, "222 173") || strings.Contains(text, "1 2 3") {
		t.Fatalf("a KEK shows in %q", text)
	}
}
