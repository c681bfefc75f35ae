package operator

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"bfxvault/vault"
)

const (
	mib = 1 << 10 // KiB

	// target is how long one try of a passphrase should take its owner.
	target = time.Second
	// ceilingKiB bounds the memory that a new slot asks for: the same passphrase
	// may have to be tried on a smaller machine.
	ceilingKiB = 1 << 20
)

// choose starts at the floor and raises memory, then passes, by what the floor
// was measured to cost. Cost is linear in both.
func choose(p vault.Argon2Params, limitKiB uint64, measure func(vault.Argon2Params) time.Duration) vault.Argon2Params {
	limit := uint32(min(max(limitKiB, uint64(p.MemoryKiB)), ceilingKiB)) / mib * mib
	cost := max(measure(p), time.Millisecond)
	if wanted := uint64(p.MemoryKiB) * uint64(target/time.Microsecond) / uint64(cost/time.Microsecond); wanted > uint64(p.MemoryKiB) {
		p.MemoryKiB = uint32(min(wanted, uint64(limit))) / mib * mib
	}
	if p.MemoryKiB < limit {
		return p
	}
	cost = max(measure(p), time.Millisecond)
	p.Time = min(max(p.Time, p.Time*uint32(target/cost)), vault.MaxArgon2().Time)
	return p
}

// weakShare is the part of the target below which a slot is weak.
const weakShare = 4

// weakBelow is the product of passes and memory that takes a quarter of the target, by
// what the floor was measured to cost.
func weakBelow(cost time.Duration) uint64 {
	p := vault.MinArgon2()
	return uint64(p.Time) * uint64(p.MemoryKiB) * uint64(target/weakShare) / uint64(max(cost, time.Millisecond))
}

// measure takes the quicker of two runs: what else the machine does must not make
// a vault weak.
func measure(p vault.Argon2Params) time.Duration {
	best := time.Hour
	for range 2 {
		start := time.Now()
		argon2.IDKey([]byte("calibrate"), make([]byte, 16), p.Time, p.MemoryKiB, p.Threads, KEKSize)
		best = min(best, time.Since(start))
	}
	return best
}

// freeKiB is the memory that this process may still use: what the machine has
// available, or less where a cgroup says so. Unknown counts as none.
func freeKiB() uint64 {
	free := availableKiB()
	for _, dir := range cgroups() {
		limit, ok1 := readUint(filepath.Join(dir, "memory.max"))
		used, ok2 := readUint(filepath.Join(dir, "memory.current"))
		if ok1 && ok2 {
			free = min(free, (limit-min(used, limit))/1024)
		}
	}
	return free
}

func availableKiB() uint64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			n, _ := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return n
		}
	}
	return 0
}

// cgroups lists the folders of this process's cgroup (version 2) and its parents:
// each may set a limit.
func cgroups() []string {
	const root = "/sys/fs/cgroup"
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	path, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "0::")
	if !ok {
		return nil
	}
	dirs := []string{root}
	for dir := filepath.Join(root, path); len(dir) > len(root); dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

// readUint reads a number from a file; "max" and unreadable are not ok.
func readUint(path string) (uint64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
