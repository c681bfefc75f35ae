package nonce_test

import (
	"testing"
	"time"

	"bfxvault/vault/internal/nonce"
)

func benchCounter(b *testing.B) *nonce.Counter {
	c := newBook(b, newDisk(b).commit).Counter("k", now())
	mustNext(b, c, now())
	return c
}

func TestANumberCostsNoAllocation(t *testing.T) {
	c := newBook(t, newDisk(t).commit).Counter("k", now())
	at := now()
	mustNext(t, c, at)
	if n := testing.AllocsPerRun(1000, func() { mustNext(t, c, at) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkNext(b *testing.B) {
	c := benchCounter(b)
	at := now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Next(at); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNextParallel(b *testing.B) {
	c := benchCounter(b)
	at := now()
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Next(at); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkNextWithItsClock(b *testing.B) {
	c := benchCounter(b)
	start := time.Now()
	clock := nonce.NewClock(time.Now, func() time.Duration { return time.Since(start) })
	b.ReportAllocs()
	for b.Loop() {
		at, _ := clock.Now()
		if _, err := c.Next(at); err != nil {
			b.Fatal(err)
		}
	}
}
