//go:build !race

package mac_test

import (
	"testing"

	"bfxvault/vault/internal/mac"
)

// Not under the race detector: there, sync.Pool forgets on purpose.
func TestSum384DoesNotAllocate(t *testing.T) {
	state, message := make([]byte, mac.StateSize), make([]byte, 150)
	if err := mac.Precompute(state, []byte("key")); err != nil {
		t.Fatal(err)
	}
	var out [48]byte
	if n := testing.AllocsPerRun(1000, func() { mac.Sum384(&out, state, message[:20], message[20:]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
