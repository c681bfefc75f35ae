package vault_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// BenchmarkBackup is what a backup of many API keys costs, and by how much one that is
// under way delays a commit: the median of as many commits without one, and with.
func BenchmarkBackup(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			r := manyKeys(b, n)
			r.backup() // the first one finds no memory of its size
			var alone, beside, bytes []int64
			for b.Loop() {
				alone = append(alone, r.commit(b))
				done := make(chan int64)
				go func() {
					size := int64(0)
					if err := r.v.CreateBackup(r.by, func(part []byte) error { size += int64(len(part)); return nil }); err != nil {
						b.Error(err)
					}
					done <- size
				}()
				beside = append(beside, r.commit(b))
				bytes = append(bytes, <-done)
			}
			b.ReportMetric(float64(median(alone))/1e6, "ms/commit")
			b.ReportMetric(float64(median(beside))/1e6, "ms/commit-beside")
			b.ReportMetric(float64(slices.Max(beside))/1e6, "ms/slowest-beside")
			b.ReportMetric(float64(median(bytes))/1e6, "MB")
		})
	}
}

// manyKeys is a vault with n API keys beside "main", each with a bot and a grant.
func manyKeys(b *testing.B, n int) *rig {
	b.Helper()
	r := newRig(b).ready()
	bots := map[string]policy.BotSpec{}
	for i := range n {
		name := fmt.Sprintf("n-%d", i)
		uid := uint32(10_000 + i)
		r.must(r.addKey(name, name, testSecret))
		bots[name] = policy.BotSpec{Match: []policy.Match{{UID: &uid}}, Grants: []policy.GrantSpec{{Key: name, Allow: []string{"read"}}}}
	}
	r.must(r.apply(bots, true))
	return r
}

// commit makes one change and says how long it took, in ns.
func (r *rig) commit(b *testing.B) int64 {
	start := time.Now()
	if err := r.grant("mm-1", "main", policy.Read|policy.Trade); err != nil {
		b.Fatal(err)
	}
	return int64(time.Since(start))
}

func median(list []int64) int64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// BenchmarkVerifyBackup is what a restore and a verify do beyond the passphrase.
func BenchmarkVerifyBackup(b *testing.B) {
	r := newRig(b).ready()
	for i := range 1000 {
		r.must(r.addKey(fmt.Sprintf("n-%d", i), fmt.Sprintf("n-%d", i), testSecret))
	}
	text := r.backup()
	for b.Loop() {
		if _, err := vault.VerifyBackup(text, 1, (*[32]byte)(&r.kek)); err != nil {
			b.Fatal(err)
		}
	}
}
