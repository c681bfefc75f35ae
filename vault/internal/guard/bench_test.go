package guard_test

import (
	"testing"

	"bfxvault/vault/internal/guard"
)

// What every signature pays: into the slab, its slot, and out.
func BenchmarkUse(b *testing.B) {
	s := newSlab(b, 128, 10_000, guard.Best())
	i := alloc(b, s)
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			useSlot(s, i)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				useSlot(s, i)
			}
		})
	})
}

func useSlot(s *guard.Slab, i int) {
	if s.Enter() {
		_ = s.Slot(i)[0]
		s.Leave()
	}
}

// What an unlock of 10,000 API keys pays.
func BenchmarkNewSlab(b *testing.B) {
	for _, backend := range []guard.Backend{guard.Memguard, guard.MemfdSecret} {
		b.Run(string(backend), func(b *testing.B) {
			for b.Loop() {
				s, err := guard.NewSlab(128, 10_000, backend)
				if err != nil {
					b.Fatal(err)
				}
				s.Destroy()
			}
		})
	}
}

func BenchmarkNewBuffer(b *testing.B) {
	for b.Loop() {
		buffer, err := guard.NewBuffer(32)
		if err != nil {
			b.Fatal(err)
		}
		buffer.Destroy()
	}
}

func BenchmarkQuiet(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		guard.Quiet(func() {})
	}
}

func BenchmarkScrub(b *testing.B) {
	for b.Loop() {
		guard.Scrub()
	}
}
