package mac_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"fmt"
	"slices"
	"testing"
	"time"

	"bfxvault/vault/internal/mac"
)

// 150 bytes: path, request nonce and body of an ordinary order.
const messageSize = 150

func BenchmarkSum384(b *testing.B) {
	for _, n := range []int{0, messageSize, 1000, 10_000} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) { b.ReportAllocs(); loop(b, ours(b, n)) })
	}
}

// crypto/hmac made anew, and kept and reset: as quick, with its key on the heap.
func BenchmarkStandardLibrary(b *testing.B) {
	key, message, out := make([]byte, 43), make([]byte, messageSize), make([]byte, 0, 48)
	kept := hmac.New(sha512.New384, key)
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		loop(b, func() { h := hmac.New(sha512.New384, key); h.Write(message); h.Sum(out) })
	})
	b.Run("reset", func(b *testing.B) {
		b.ReportAllocs()
		loop(b, func() { kept.Reset(); kept.Write(message); kept.Sum(out) })
	})
}

// BenchmarkRatio reports Sum384 as a multiple of the two bare SHA-384 sums that an
// HMAC cannot do without: the median of eleven interleaved rounds.
func BenchmarkRatio(b *testing.B) {
	signs, bare := ours(b, messageSize), twoSums()
	var ratios []float64
	for b.Loop() {
		ratios = ratios[:0]
		for range 11 {
			ratios = append(ratios, float64(clock(signs))/float64(clock(bare)))
		}
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-two-sums")
}

func BenchmarkPrecompute(b *testing.B) {
	state, key := make([]byte, mac.StateSize), make([]byte, 43)
	loop(b, func() {
		if err := mac.Precompute(state, key); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkSum256(b *testing.B) {
	var out [32]byte
	key, message := make([]byte, 32), make([]byte, 64)
	loop(b, func() {
		if err := mac.Sum256(&out, key, message); err != nil {
			b.Fatal(err)
		}
	})
}

func ours(b *testing.B, n int) func() {
	state, message := make([]byte, mac.StateSize), make([]byte, n)
	if err := mac.Precompute(state, make([]byte, 43)); err != nil {
		b.Fatal(err)
	}
	var out [48]byte
	return func() { mac.Sum384(&out, state, message) }
}

func twoSums() func() {
	message, inner := make([]byte, messageSize), make([]byte, 48)
	return func() {
		sha512.Sum384(message)
		sha512.Sum384(inner)
	}
}

func loop(b *testing.B, f func()) {
	for b.Loop() {
		f()
	}
}

// clock returns how long 2,000 calls of f take.
func clock(f func()) time.Duration {
	start := time.Now()
	for range 2000 {
		f()
	}
	return time.Since(start)
}
