package campaign_test

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// BenchmarkDurability measures what durability = "fsync" costs, in calls that take
// turns. One iteration is all there is: -benchtime 1x.
//
//	one-ratio  p50 of SignRest over that of an empty call and one append with
//	           fdatasync, one caller; target 1.5
//	512-ratio  signatures a second of 512 callers over those of one; target 50
//	written-ratio  the same p50 under the default durability, over an empty call
func BenchmarkDurability(b *testing.B) {
	for b.Loop() {
		written, synced := ready(b, conditions{}, "main"), newFolder(b, conditions{})
		synced.configure("durability = \"fsync\"\n")
		synced.start()
		synced.fill("main")
		c := compared{written: written.bot(), synced: synced.bot(), file: appended(b, synced.dir)}
		c.empty = healthpb.NewHealthClient(dial(b, synced.paths.SignSocket(), 0))
		for range rounds {
			c.round(b)
		}
		empty, disk, one := median(c.took[0]), median(c.took[1]), median(c.took[2])
		rate := crowd(b, synced)
		b.ReportMetric(float64(empty.Microseconds()), "empty-us")
		b.ReportMetric(float64(disk.Microseconds()), "append-us")
		b.ReportMetric(float64(one.Microseconds()), "one-us")
		b.ReportMetric(float64(one)/float64(empty+disk), "one-ratio")
		b.ReportMetric(rate, "512-per-second")
		b.ReportMetric(rate*one.Seconds(), "512-ratio")
		b.ReportMetric(float64(median(c.took[3]))/float64(empty), "written-ratio")
	}
	b.ReportMetric(0, "ns/op") // of no interest
}

// compared are calls that take turns.
type compared struct {
	empty           healthpb.HealthClient
	file            *os.File
	written, synced *bot
	took            [4][]time.Duration
}

// appended is a file beside the vault, with room behind its end.
func appended(b *testing.B, dir string) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(filepath.Dir(dir), "yardstick"))
	must(b, err)
	b.Cleanup(func() { f.Close() })
	must(b, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, 64<<20))
	return f
}

func (c *compared) round(b *testing.B) {
	b.Helper()
	record := make([]byte, 480)
	calls := [4]func() error{
		func() error { _, err := c.empty.Check(b.Context(), &healthpb.HealthCheckRequest{}); return err },
		func() error {
			if _, err := c.file.Write(record); err != nil {
				return err
			}
			return unix.Fdatasync(int(c.file.Fd()))
		},
		func() error { _, err := c.synced.sign("main"); return err },
		func() error { _, err := c.written.sign("main"); return err },
	}
	for range 300 {
		for i, call := range calls {
			began := time.Now()
			err := call()
			c.took[i] = append(c.took[i], time.Since(began))
			must(b, err)
		}
	}
}

// crowd is how many signatures a second 512 callers are given, on 32 connections.
func crowd(b *testing.B, r *rig) float64 {
	b.Helper()
	const callers = 512
	var signed atomic.Int64
	var over atomic.Bool
	var all sync.WaitGroup
	began := time.Now()
	time.AfterFunc(3*time.Second, func() { over.Store(true) })
	for range connections {
		one := r.bot()
		for range callers / connections {
			all.Go(func() {
				for !over.Load() {
					if _, err := one.sign("main"); err != nil {
						b.Error(err)
						return
					}
					signed.Add(1)
				}
			})
		}
	}
	all.Wait()
	return float64(signed.Load()) / time.Since(began).Seconds()
}
