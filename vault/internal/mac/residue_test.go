//go:build !race

// Not under the race detector: its shadow memory is terabytes to scan, and copies.

package mac_test

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bfxvault/vault/internal/guard"
	"bfxvault/vault/internal/mac"
)

// TestMain runs the test binary as one of the children below where a test asks
// for it.
func TestMain(m *testing.M) {
	child := os.Getenv("MAC_CHILD")
	if child == "" {
		os.Exit(m.Run())
	}
	var masked map[string][]byte
	err := json.NewDecoder(os.Stdin).Decode(&masked)
	if err == nil {
		err = map[string]func(map[string][]byte) error{"work": childWork, "decoys": childDecoys}[child](masked)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// After a thousand of each call, no byte of a key, a pad, a state or a derived key
// is anywhere in the process but in guarded memory: with every compression function
// that this processor can run.
func TestNoCallLeavesAKeyBehind(t *testing.T) { // P1, A52
	for _, cpu := range []string{"", "cpu.avx2=off", "cpu.sha=off", "cpu.avx2=off,cpu.sha=off,cpu.avx=off"} {
		t.Run(cpu, func(t *testing.T) {
			if found := scanChild(t, "work", "GODEBUG="+cpu); len(found) != 0 {
				t.Errorf("left behind: %v", found)
			}
		})
	}
}

// The scan above sees what there is to see.
func TestTheScanFindsEveryDecoy(t *testing.T) { // A52
	var all []string
	for name := range secrets() {
		for _, order := range []string{"", " in words of 4", " in words of 8"} {
			all = append(all, name+order)
		}
	}
	slices.Sort(all)
	if found := scanChild(t, "decoys"); !slices.Equal(found, all) {
		t.Errorf("found %v,\nwant %v", found, all)
	}
}

// scanChild runs a child and returns what it found in its own memory. The child is
// told what to look for, but masked: it never holds a secret in the clear.
func scanChild(t *testing.T, name string, env ...string) (found []string) {
	t.Helper()
	masked := secrets()
	for _, secret := range masked {
		xorAll(secret, mask)
	}
	input, err := json.Marshal(masked)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(env, "MAC_CHILD="+name)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

const (
	mask    = 0xa5
	info    = "bfxvault/test"
	keyLen  = 43  // Bitfinex's API secrets
	longLen = 300 // hashed before use
)

// canary writes a key to guarded memory without it having been anywhere else.
func canary(dst []byte, seed uint64) {
	for i := range dst {
		seed = seed*6364136223846793005 + 1442695040888963407
		dst[i] = byte(seed >> 56)
	}
}

// secrets returns all that no call may leave behind, computed by the standard
// library.
func secrets() map[string][]byte {
	key, long := make([]byte, keyLen), make([]byte, longLen)
	canary(key, 1)
	canary(long, 2)
	hashed := sha512.Sum384(long)
	prk, err1 := hkdf.Extract(sha256.New, key, nil)
	okm, err2 := hkdf.Expand(sha256.New, prk, info, 32)
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	all := map[string][]byte{"key": key, "long key": long, "hash of long key": hashed[:], "prk": prk, "okm": okm}
	for name, key := range map[string][]byte{"key": key, "hash of long key": hashed[:], "prk": prk} {
		all[name+"⊕ipad"] = xorAll(bytes.Clone(key), 0x36)
		all[name+"⊕opad"] = xorAll(bytes.Clone(key), 0x5c)
	}
	for name, key := range map[string][]byte{"key": key, "long key": hashed[:]} {
		all["state of "+name] = slices.Concat(chain(sha512.New384(), key, 0x36), chain(sha512.New384(), key, 0x5c))
	}
	for name, key := range map[string][]byte{"key": key, "prk": prk} {
		all["SHA-256 state of "+name] = slices.Concat(chain(sha256.New(), key, 0x36), chain(sha256.New(), key, 0x5c))
	}
	return all
}

// chain returns the chaining value of h after one block of key⊕pad.
func chain(h hash.Hash, key []byte, pad byte) []byte {
	block := make([]byte, h.BlockSize())
	copy(block, key)
	h.Write(xorAll(block, pad))
	form, err := h.(interface{ MarshalBinary() ([]byte, error) }).MarshalBinary()
	if err != nil {
		panic(err)
	}
	return form[4 : 4+h.BlockSize()/2]
}

func xorAll(b []byte, with byte) []byte {
	for i := range b {
		b[i] ^= with
	}
	return b
}

// childWork calls everything from eight goroutines and reports what is left.
func childWork(masked map[string][]byte) error {
	slab, err := guard.NewSlab(1024, 8, guard.Memguard) // ordinary reads see it, and its lock flag hides it
	if err != nil {
		return err
	}
	results := make([]error, 8)
	var all sync.WaitGroup
	for g := range results {
		all.Go(func() { results[g] = work(slab, g) })
	}
	all.Wait()
	if err := signalAll(); err != nil {
		return err
	}
	if err := errors.Join(results...); err != nil {
		return err
	}
	return report(masked)
}

// work makes each call 125 times, and ends with the last-th of them.
func work(slab *guard.Slab, last int) error {
	i, err := slab.Alloc()
	if err != nil || !slab.Enter() {
		return fmt.Errorf("no slot: %w", err)
	}
	defer slab.Leave()
	slot := slab.Slot(i)
	key, long, state, out := slot[:keyLen], slot[64:][:longLen], slot[512:][:mac.StateSize], slot[768:]
	canary(key, 1)
	canary(long, 2)
	message := bytes.Repeat([]byte("m"), 1000)
	calls := []func(n int) error{
		func(int) error { return mac.Precompute(state, long) },
		func(n int) error { return sum384(state, message[:n*7]) },
		func(int) error { return mac.Precompute(state, key) },
		func(int) error { return sum384(state, message[:150]) },
		func(n int) error { return mac.Sum256((*[32]byte)(out), key, message[:n]) },
		func(int) error { return mac.HKDF256(out[:32], key, info) },
	}
	for n := range 125 {
		for i := range calls {
			if err := calls[(last+1+i)%len(calls)](n); err != nil {
				return err
			}
		}
		if n%50 == 0 {
			runtime.GC() // takes pooled scratch away and shrinks stacks
		}
	}
	return nil
}

// signalAll makes the kernel write the registers of every thread to its signal
// stack, over those of a signal that may have caught Sum384 in flight: what is left
// in registers shows, what was is gone.
func signalAll() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		if err := unix.Tgkill(os.Getpid(), tid, unix.SIGURG); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

func sum384(state, message []byte) error {
	var sum [48]byte
	mac.Sum384(&sum, state, message)
	if sum == [48]byte{} {
		return errors.New("no sum")
	}
	return nil
}

// childDecoys puts every secret into ordinary memory, in every byte order.
func childDecoys(masked map[string][]byte) error {
	var decoys [][]byte
	for _, secret := range masked {
		for _, word := range []int{1, 4, 8} {
			decoys = append(decoys, swapWords(xorAll(bytes.Clone(secret[:len(secret)/8*8]), mask), word))
		}
	}
	defer runtime.KeepAlive(decoys)
	return report(masked)
}

func report(masked map[string][]byte) error {
	found, err := scanSelf(masked, mask)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// The check of the scan must be of the calls under test: a crypto/hmac in their
// place is caught.
func TestTheScanCatchesTheStandardLibrary(t *testing.T) { // A52
	key := make([]byte, keyLen)
	canary(key, 1)
	masked := map[string][]byte{"key⊕ipad": xorAll(bytes.Clone(key), 0x36^mask), "key⊕opad": xorAll(bytes.Clone(key), 0x5c^mask)}
	h := hmac.New(sha512.New384, key)
	found, err := scanSelf(masked, mask)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(found, "key⊕ipad") || !slices.Contains(found, "key⊕opad") {
		t.Errorf("found %v", found)
	}
	runtime.KeepAlive(h)
}
