package audit_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

// recordsEnv says how many records the log of the benchmarks has, a million a day.
const recordsEnv = "BFXVAULT_AUDIT_RECORDS"

// bigLog writes days of a million signing records each, of twenty bots, and returns
// when the last ends.
func bigLog(b *testing.B) (dir string, end time.Time) {
	n := 1_000_000
	if text := os.Getenv(recordsEnv); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		must(b, err)
	}
	const aDay = 1_000_000
	s, day := newScript(b), midnight()
	for i := range n {
		at := day.Add(time.Duration(i) * (24 * time.Hour / aDay))
		if i%aDay == 0 {
			s.segment(at)
		}
		s.line(at, fmt.Sprintf(`"op":"sign","rev":12,"uid":%d,"gid":1000,"bot":"mm-%d","key":"main","version":1,"nonce":%d,`+
			`"endpoint":"v2/auth/w/order/submit","class":"trade","ops":[{"do":"submit","symbol":"tBTCUSD","type":"EXCHANGE LIMIT","amount":"0.5","price":"30000.%d"}],`+
			`"decision":"allowed","digest":"6d8564b6371f044952efe49e48db16995416d23080698235b2af06b8ae81ebe5"`, 1000+i%20, i%20, 1_795_598_131_202_717+i, i%1000))
		end = at
	}
	s.flush()
	return s.dir, end
}

// BenchmarkFind finds in a log of a million records, or as many as the environment says.
func BenchmarkFind(b *testing.B) {
	dir, end := bigLog(b)
	hour := end.Add(-time.Hour)
	for _, c := range []struct {
		name   string
		filter audit.Filter
		newest int
	}{
		{"a bot's last hour", audit.Filter{Bot: "mm-7", Since: hour}, 0},
		{"a bot of all time", audit.Filter{Bot: "mm-7"}, 0},
		{"a bot that there is none of", audit.Filter{Bot: "mm-77"}, 0},
		{"the newest 20", audit.Filter{}, 20},
		{"the newest 20 of a bot", audit.Filter{Bot: "mm-7"}, 20},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			n := 0
			for b.Loop() {
				n = find(b, dir, c.filter, c.newest)
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(n), "found")
			b.ReportMetric(float64(after.HeapSys-before.HeapSys)/(1<<20), "MiB-grown")
		})
	}
}

func find(b *testing.B, dir string, f audit.Filter, most int) (n int) {
	r, err := audit.OpenReader(dir)
	must(b, err)
	defer r.Close()
	if most > 0 {
		list, _, err := r.Newest(f, most)
		must(b, err)
		return len(list)
	}
	for _, err := range r.Records(f) {
		must(b, err)
		n++
	}
	return n
}
