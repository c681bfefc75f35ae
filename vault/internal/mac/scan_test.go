//go:build !race

// Not under the race detector: its shadow memory is terabytes to scan, and copies.

package mac_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// window is 16 bytes of a secret, masked: what counts as a copy (a word of 8 bytes
// may stand in a general register for a while, and nobody can help it).
type window [2]uint64

func windowAt(b []byte) window {
	return window{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

// scanSelf reads all writable memory of this process that is not locked, and
// returns the names of the secrets of which it finds any window: as it is, and with
// its words of 4 and 8 bytes in the processor's order, as a compression function
// keeps them. The secrets come XORed with mask, so that the scan itself holds none
// in the clear.
func scanSelf(masked map[string][]byte, mask byte) ([]string, error) {
	windows, filter := windowsOf(masked)
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		return nil, err
	}
	defer memory.Close()
	// The scan must not read its own buffer.
	buf, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	defer unix.Munmap(buf)
	own := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(buf))))
	if err := unix.Madvise(buf, unix.MADV_DONTDUMP); err != nil { // a mapping of its own
		return nil, err
	}
	ranges, err := readable()
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	wide := uint64(mask) * 0x0101010101010101
	for _, r := range ranges {
		if r[0] <= own && own < r[1] {
			continue
		}
		for at := r[0]; at+16 <= r[1]; at += uint64(len(buf) - 15) {
			n, err := memory.ReadAt(buf[:min(uint64(len(buf)), r[1]-at)], int64(at))
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, unix.EIO) {
				return nil, err
			}
			for i := 0; i+16 <= n; i++ {
				first := binary.LittleEndian.Uint64(buf[i:]) ^ wide
				if !filter[first%uint64(len(filter))] {
					continue
				}
				for _, name := range windows[window{first, binary.LittleEndian.Uint64(buf[i+8:]) ^ wide}] {
					found[name] = true
				}
			}
		}
	}
	names := []string{}
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// windowsOf returns every window of the secrets with their names, and a filter that
// is true at the remainder of each first word.
func windowsOf(masked map[string][]byte) (map[window][]string, []bool) {
	windows, filter := map[window][]string{}, make([]bool, 1<<20)
	add := func(w window, name string) {
		if !slices.Contains(windows[w], name) {
			windows[w] = append(windows[w], name)
		}
		filter[w[0]%uint64(len(filter))] = true
	}
	for name, secret := range masked {
		for i := 0; i+16 <= len(secret); i++ {
			add(windowAt(secret[i:]), name)
			for _, word := range []int{4, 8} {
				if i%word == 0 {
					add(windowAt(swapWords(bytes.Clone(secret[i:i+16]), word)), fmt.Sprintf("%s in words of %d", name, word))
				}
			}
		}
	}
	return windows, filter
}

// swapWords reverses every word of b, in place.
func swapWords(b []byte, word int) []byte {
	for i := 0; i+word <= len(b); i += word {
		slices.Reverse(b[i : i+word])
	}
	return b
}

// readable returns the ranges of writable memory that is not locked.
func readable() (ranges [][2]uint64, err error) {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	var last [2]uint64
	var writable bool
	for line := range strings.Lines(string(smaps)) {
		f := strings.Fields(line)
		switch start, end, isRange := strings.Cut(f[0], "-"); {
		case f[0] == "VmFlags:":
			if writable && !slices.Contains(f[1:], "lo") {
				ranges = append(ranges, last)
			}
		case isRange && !strings.HasSuffix(f[0], ":"):
			writable = strings.HasPrefix(f[1], "rw")
			var err1, err2 error
			last[0], err1 = strconv.ParseUint(start, 16, 64)
			last[1], err2 = strconv.ParseUint(end, 16, 64)
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
		}
	}
	return ranges, nil
}
