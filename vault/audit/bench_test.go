package audit_test

import (
	"crypto/sha256"
	"io"
	"os"
	"sync/atomic"
	"testing"

	"bfxvault/vault/audit"
)

// BenchmarkAppend is what a record costs: for one caller, and for 64 together.
func BenchmarkAppend(b *testing.B) {
	for _, kind := range []struct {
		name   string
		synced bool
	}{{"default", false}, {"fsync", true}} {
		for _, callers := range []int{1, 64} {
			b.Run(kind.name+"/"+itoa(callers), func(b *testing.B) {
				o := options(folder(b))
				o.Synced = kind.synced
				l := open(b, o)
				record := signature() // without a tag: what that costs is the ratchet's
				b.ReportAllocs()
				if callers == 1 {
					for b.Loop() {
						if _, err := l.Append(record, false); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				b.SetParallelism(callers / 2) // for the two cores that the figures are for
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := l.Append(record, false); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}

// signature is a record as those of signed orders are.
func signature() *audit.Record {
	return &audit.Record{
		Op: "sign", Revision: 117, Caller: &audit.Caller{UID: 1001, GID: 1001}, Bot: "mm-1", Key: "main", Version: 1,
		Nonce: 1795560000000000, Endpoint: "v2/auth/w/order/submit", Class: []byte("trade"),
		View:     []byte(`[{"op":"new","symbol":"tBTCUSD","type":"EXCHANGE LIMIT","side":"buy","amount":"0.01","price":"90000"}]`),
		Decision: audit.Allowed, Digest: &[32]byte{1, 2, 3},
	}
}

// logOf is a log of so many records without a ratchet, and the size of its segment.
func logOf(b *testing.B, records int) (dir string, size int64) {
	b.Helper()
	dir = folder(b)
	l := open(b, options(dir))
	record := signature()
	var left atomic.Int64
	left.Store(int64(records))
	done := make(chan error)
	for range 64 {
		go func() {
			for left.Add(-1) >= 0 {
				if _, err := l.Append(record, false); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 64 {
		must(b, <-done)
	}
	must(b, l.Close())
	for _, name := range segments(b, dir) {
		info, err := os.Stat(dir + "/" + name)
		must(b, err)
		size += info.Size()
	}
	return dir, size
}

// BenchmarkVerify verifies the plain chain; its memory is that of a few buffers, for
// ten times the records as well.
func BenchmarkVerify(b *testing.B) {
	for _, records := range []int{20_000, 200_000} {
		b.Run(itoa(records), func(b *testing.B) {
			dir, size := logOf(b, records)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if r := verify(b, dir, nil); r.FirstBad != nil {
					b.Fatal(describe(r))
				}
			}
		})
	}
}

// BenchmarkSHA256 is the yardstick: the sum of the same files.
func BenchmarkSHA256(b *testing.B) {
	dir, size := logOf(b, 200_000)
	b.SetBytes(size)
	for b.Loop() {
		for _, name := range segments(b, dir) {
			f, err := os.Open(dir + "/" + name)
			must(b, err)
			h := sha256.New()
			_, err = io.CopyBuffer(h, f, make([]byte, 1<<20))
			must(b, err, f.Close())
		}
	}
}
