package campaign_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// BenchmarkGrowth compares a vault with one API key, bot and grant with one that
// has ten thousand of each (a thousand without -long), in calls that take turns,
// and measures what memory they take. Filling the vault takes minutes, and one
// iteration is all there is: -benchtime 1x.
//
//	p50-ratio         SignRest, many over one; target 1.1
//	unlock-ms         unlock with the KEK at hand, keys only; target 300
//	unlock-cpu-ms     vaultd's share of it in processor time
//	locked-bytes      of all API keys; target 8 MiB
//	idle-rss-bytes    vaultd with one API key, unlocked; target 24 MB
//	rss-bytes/key     per API key, the mapped file included; target 2,000
//	rss-anon-bytes/key without the mapped file
//	rss-bytes/all     per API key, bot and grant
//	rss-bytes/conn    per idle connection; target 32,000
func BenchmarkGrowth(b *testing.B) {
	n := size(1_000, 10_000)
	each := func(bytes, less uint64) float64 { return (float64(bytes) - float64(less)) / float64(n) }
	for b.Loop() {
		one, many := ready(b, conditions{}, "main"), ready(b, conditions{}, "main")
		fresh(b, one)
		idle, anon := procStatus(b, one, "VmRSS:"), procStatus(b, one, "RssAnon:")
		b.ReportMetric(float64(idle), "idle-rss-bytes")
		b.ReportMetric(perConnection(b, one), "rss-bytes/conn")

		addKeys(b, many, n)
		fresh(b, many)
		b.ReportMetric(each(procStatus(b, many, "VmRSS:"), idle), "rss-bytes/key")
		b.ReportMetric(each(procStatus(b, many, "RssAnon:"), anon), "rss-anon-bytes/key")
		b.ReportMetric(float64(lockedBytes(b, many)), "locked-bytes")
		wall, cpu := unlockTime(b, many)
		b.ReportMetric(wall.Seconds()*1000, "unlock-ms")
		b.ReportMetric(cpu.Seconds()*1000, "unlock-cpu-ms")

		addBots(b, many, n)
		fresh(b, many)
		b.ReportMetric(each(procStatus(b, many, "VmRSS:"), idle), "rss-bytes/all")
		fresh(b, one)
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
	after := procStatus(b, r, "VmRSS:")
	for _, conn := range all {
		must(b, conn.Close())
	}
	return float64(after-before) / n
}

// unlockTime is what unlock takes without Argon2: the median time, and the
// processor time of vaultd for one of them.
func unlockTime(b *testing.B, r *rig) (wall, cpu time.Duration) {
	b.Helper()
	a := r.admin()
	var all []time.Duration
	for range rounds {
		must(b, a.lock())
		before := processorTime(b, r)
		began := time.Now()
		must(b, a.unlock())
		all = append(all, time.Since(began))
		cpu += processorTime(b, r) - before
	}
	return median(all), cpu / rounds
}

// processorTime is utime and stime, fields 14 and 15 of /proc/PID/stat, which
// count hundredths of a second.
func processorTime(b *testing.B, r *rig) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.cmd.Process.Pid))
	must(b, err)
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	must(b, err1, err2)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// medians are the p50 of SignRest with either vault: medians of rounds in which
// they take turns, call by call.
func medians(b *testing.B, one, many *rig) (small, large time.Duration) {
	b.Helper()
	bots := [2]*bot{one.bot(), many.bot()}
	var p50 [2][]time.Duration
	for range rounds {
		var round [2][]time.Duration
		for call := range 2000 {
			for i := range bots {
				i ^= call % 2 // who comes second finds the processor awake
				began := time.Now()
				_, err := bots[i].sign("main")
				round[i] = append(round[i], time.Since(began))
				must(b, err)
			}
		}
		for i := range round {
			p50[i] = append(p50[i], median(round[i]))
		}
	}
	return median(p50[0]), median(p50[1])
}

const rounds = 5

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
