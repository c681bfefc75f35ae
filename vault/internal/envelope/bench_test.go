package envelope_test

import (
	"testing"

	"bfxvault/vault/internal/envelope"
)

func BenchmarkSeal(b *testing.B) {
	key, plaintext := randomKey(), make([]byte, 43) // as long as an API secret
	dst := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := envelope.Seal(dst, key, place(), 1, plaintext); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	key := randomKey()
	sealed, dst := seal(b, key, place(), 1, make([]byte, 43)), make([]byte, 0, 43)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := envelope.Open(dst, key, place(), sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetHashAdd(b *testing.B) {
	state, key, value := setHashState(b, randomKey()), []byte("main"), make([]byte, 92)
	var h envelope.SetHash
	b.ReportAllocs()
	for b.Loop() {
		h.Add(state, "secrets", key, value)
	}
}

func BenchmarkTransport(b *testing.B) {
	mem := (*[envelope.TransportSize]byte)(guarded(b, envelope.TransportSize))
	dst, plaintext := make([]byte, 0, 64), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		tr := envelope.NewTransport(mem)
		public := tr.Public()
		sealed, err := envelope.SealBox(&public, plaintext)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tr.Open(dst, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
