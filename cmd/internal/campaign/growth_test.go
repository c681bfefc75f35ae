package campaign_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

const rounds = 5

// BenchmarkGrowth compares a vault with one API key, bot and grant with one that
// has ten thousand of each, in rounds that take turns, and measures what memory
// they take. It needs about a minute to fill the vault, and one iteration is all
// there is: -benchtime 1x.
//
//	p50-ratio         SignRest, many over one; target 1.1
//	unlock-ms         unlock with the KEK at hand, keys only; target 300
//	locked-bytes      of 10,000 API keys; target 8 MiB
//	idle-rss-bytes    vaultd with one API key, unlocked; target 24 MB
//	rss-bytes/key     per API key; target 2,000
//	rss-bytes/all     per API key, bot and grant
//	rss-bytes/conn    per idle connection; target 32,000
func BenchmarkGrowth(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		one, many := ready(b, conditions{}, "main"), ready(b, conditions{}, "main")
		fresh(b, one)
		idle := procStatus(b, one, "VmRSS:")
		b.ReportMetric(float64(idle), "idle-rss-bytes")
		b.ReportMetric(perConnection(b, one), "rss-bytes/conn")

		addKeys(b, many, n)
		fresh(b, many)
		b.ReportMetric(float64(procStatus(b, many, "VmRSS:")-idle)/n, "rss-bytes/key")
		b.ReportMetric(float64(lockedBytes(b, many)), "locked-bytes")
		b.ReportMetric(unlockTime(b, many).Seconds()*1000, "unlock-ms")

		addBots(b, many, n)
		fresh(b, many)
		b.ReportMetric(float64(procStatus(b, many, "VmRSS:")-idle)/n, "rss-bytes/all")
		b.ReportMetric(unlockTime(b, many).Seconds()*1000, "unlock-all-ms")
		small, large := medians(b, one, many)
		b.ReportMetric(float64(small.Nanoseconds())/1000, "p50-us/one")
		b.ReportMetric(float64(large.Nanoseconds())/1000, "p50-us/many")
		b.ReportMetric(float64(large)/float64(small), "p50-ratio")
	}
	b.ReportMetric(0, "ns/op") // filling the vault: of no interest
}

// fresh restarts vaultd and unlocks, so that memory is that of a vault at rest.
func fresh(b *testing.B, r *rig) {
	b.Helper()
	r.stop(b)
	r.restart()
	_, err := r.bot().sign("main")
	must(b, err)
}

func addBots(b *testing.B, r *rig, n int) {
	b.Helper()
	each(b, 4, n, func() func(int) error {
		a := r.admin()
		return func(i int) error {
			name := "bot-" + strconv.Itoa(i)
			if err := a.addBot(name, 100_000+uint32(i)); err != nil {
				return err
			}
			return a.grant(name, label(i))
		}
	})
}

// perConnection is the resident memory of a connection that says nothing.
func perConnection(b *testing.B, r *rig) float64 {
	b.Helper()
	const n = 200
	before := procStatus(b, r, "VmRSS:")
	var all []*grpc.ClientConn
	for range n {
		conn := dial(b, r.paths.SignSocket(), r.on.uid)
		conn.Connect()
		all = append(all, conn)
	}
	for _, conn := range all {
		for s := conn.GetState(); s != connectivity.Ready; s = conn.GetState() {
			conn.WaitForStateChange(b.Context(), s)
		}
	}
	return float64(procStatus(b, r, "VmRSS:")-before) / n
}

// unlockTime is the median time of unlock without Argon2.
func unlockTime(b *testing.B, r *rig) time.Duration {
	b.Helper()
	a := r.admin()
	var all []time.Duration
	for range rounds {
		must(b, a.lock())
		began := time.Now()
		must(b, a.unlock())
		all = append(all, time.Since(began))
	}
	return median(all)
}

// medians are the p50 of SignRest with either vault: medians of rounds in which
// they take turns.
func medians(b *testing.B, one, many *rig) (small, large time.Duration) {
	b.Helper()
	botOne, botMany := one.bot(), many.bot()
	var smalls, larges []time.Duration
	for range rounds {
		smalls = append(smalls, p50(b, botOne))
		larges = append(larges, p50(b, botMany))
	}
	return median(smalls), median(larges)
}

func p50(b *testing.B, caller *bot) time.Duration {
	b.Helper()
	all := make([]time.Duration, 2000)
	for i := range all {
		began := time.Now()
		_, err := caller.sign("main")
		all[i] = time.Since(began)
		must(b, err)
	}
	return median(all)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
