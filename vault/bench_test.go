package vault_test

import (
	"crypto/sha512"
	"fmt"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/policy"
)

// BenchmarkSign is the core without a wire: identity, parsing, decision under a
// grant with every rule, limits, request nonce, MAC, hex. Its yardstick is
// BenchmarkTwoSums.
func BenchmarkSign(b *testing.B) {
	r := newRig(b).ready()
	r.must(r.grantSpec("mm-1", maker(b)))
	caller := uid(1001)
	request := vault.SignRequest{Label: "main", Path: "v2/auth/w/order/submit", Body: []byte(testOrder)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.v.Sign(caller, request); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTwoSums is what no HMAC-SHA-384 can do without: hashing the payload,
// and hashing the inner sum, each behind one block.
func BenchmarkTwoSums(b *testing.B) {
	payload := []byte("/api/v2/auth/w/order/submit1700000000000000" + testOrder)
	inner := make([]byte, sha512.BlockSize+len(payload))
	copy(inner[sha512.BlockSize:], payload)
	outer := make([]byte, sha512.BlockSize+sha512.Size384)
	b.ReportAllocs()
	for b.Loop() {
		sum := sha512.Sum384(inner)
		copy(outer[sha512.BlockSize:], sum[:])
		_ = sha512.Sum384(outer)
	}
}

// BenchmarkSignAmongMany shows that the number of API keys, bots and grants does
// not matter.
func BenchmarkSignAmongMany(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			r := newRig(b).ready()
			r.must(r.grantSpec("mm-1", maker(b)))
			for i := 1; i < n; i++ {
				name := fmt.Sprintf("n-%d", i)
				r.must(r.addKey(name, name, testSecret), r.addBot(name, uint32(10_000+i)), r.grant(name, name, policy.Read))
			}
			for b.Loop() {
				if _, err := r.sign(uid(1001), "main"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseAndDecide is what judging an order costs, with as many grants loaded.
func BenchmarkParseAndDecide(b *testing.B) {
	for _, n := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			grants := make(map[string]*policy.Grant, n)
			for i := range n {
				spec := maker(b)
				g, err := spec.Compile(nil)
				if err != nil {
					b.Fatal(err)
				}
				grants[fmt.Sprintf("bot-%d", i)] = g
			}
			var request policy.Request
			body, t := []byte(testOrder), time.Now()
			b.ReportAllocs()
			for b.Loop() {
				if err := bitfinex.Parse(&request, "v2/auth/w/order/submit", body); err != nil {
					b.Fatal(err)
				}
				if d := policy.Decide(grants["bot-0"], &request, policy.Now{Wall: t, Steady: t}); !d.Allowed {
					b.Fatal(d)
				}
			}
		})
	}
}
