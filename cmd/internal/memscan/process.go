package memscan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

const pageSize = 4096 // on the platforms that vaultd is built for

// Report is what a scan saw.
type Report struct {
	Hits    []Hit
	Regions int   // mappings, or files, of which at least one page was read
	Bytes   int64 // how much was read
	// Unreadable names the mappings that hold pages of which none could be read,
	// memfd_secret(2) before all.
	Unreadable []string
}

// Process scans every page that process pid has in memory, whatever the
// permissions of its mapping: the kernel lets a debugger read PROT_NONE too.
// Mappings without a single page are left out. The process may run meanwhile;
// what it moves behind the scanner's back is missed, so scan more than once or
// at rest.
//
// It fails on the scanner's own pid, if it may not read the process, if the
// process ends during the scan, and if nothing at all could be read.
func (s *Scanner) Process(pid int) (Report, error) {
	if pid == os.Getpid() {
		return Report{}, errors.New("memscan: this process holds the needles itself")
	}
	// One handle on the folder: a recycled pid cannot slip in half way.
	proc, err := os.OpenRoot(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return Report{}, fmt.Errorf("memscan: %w", err)
	}
	defer proc.Close()
	regions, err := readRegions(proc)
	if err != nil {
		return Report{}, fmt.Errorf("memscan: process %d: %w", pid, err)
	}
	mem, err := proc.Open("mem")
	if err != nil {
		return Report{}, fmt.Errorf("memscan: process %d: %w", pid, err)
	}
	defer mem.Close()
	report, err := s.scanRegions(mem, regions)
	if err != nil {
		return report, fmt.Errorf("memscan: process %d: %w", pid, err)
	}
	if report.Bytes == 0 { // a kernel thread, or one that refuses every page
		return report, fmt.Errorf("memscan: process %d: nothing could be read", pid)
	}
	return report, nil
}

func (s *Scanner) scanRegions(mem io.ReaderAt, regions []region) (Report, error) {
	var report Report
	buf := s.buffer()
	for _, g := range regions {
		r := &memReader{mem: mem, at: g.start, end: g.end}
		hits, err := s.scan(r, g.start, buf)
		if err != nil {
			return report, err
		}
		for _, h := range hits {
			h.Region, h.Guarded = g.name, g.locked
			report.Hits = append(report.Hits, h)
		}
		report.Bytes += r.read
		if r.read > 0 {
			report.Regions++
		} else {
			report.Unreadable = append(report.Unreadable, g.name)
		}
	}
	return report, nil
}

// region is a mapping.
type region struct {
	start, end uint64
	name       string // "rw-p /usr/bin/vaultd"
	populated  bool   // it holds at least one page
	locked     bool
}

// readRegions returns the populated mappings from /proc/PID/smaps, which has for
// each a line as in maps, then lines "Name: value" (proc(5)).
func readRegions(proc *os.Root) ([]region, error) {
	f, err := proc.Open("smaps")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []region
	var now *region // the mapping whose lines are being read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		switch {
		case !strings.HasSuffix(fields[0], ":"):
			all = append(all, region{})
			now = &all[len(all)-1]
			if *now, err = parseRegion(fields); err != nil {
				return nil, err
			}
		case now == nil:
			return nil, errors.New("smaps: no mapping before its values")
		case fields[0] == "Rss:" || fields[0] == "Swap:":
			now.populated = now.populated || fields[1] != "0"
		case fields[0] == "VmFlags:":
			now.locked = slices.Contains(fields[1:], "lo")
		}
	}
	all = slices.DeleteFunc(all, func(g region) bool { return !g.populated })
	return all, lines.Err()
}

// parseRegion reads "START-END PERM OFFSET DEV INODE [PATH]".
func parseRegion(fields []string) (region, error) {
	from, to, _ := strings.Cut(fields[0], "-")
	start, err1 := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	if err := errors.Join(err1, err2); err != nil {
		return region{}, fmt.Errorf("smaps: %w", err)
	}
	name := fields[1]
	if len(fields) > 5 {
		name += " " + strings.Join(fields[5:], " ")
	}
	return region{start: start, end: end, name: name}, nil
}

// memReader reads a mapping from its start to its end. A page that cannot be
// read is given as zeros, which no needle is made of.
type memReader struct {
	mem     io.ReaderAt
	at, end uint64
	read    int64
}

func (r *memReader) Read(p []byte) (int, error) {
	if r.at >= r.end {
		return 0, io.EOF
	}
	p = p[:min(uint64(len(p)), r.end-r.at)]
	n, err := r.mem.ReadAt(p, int64(r.at))
	r.read += int64(n)
	if n == 0 {
		if errors.Is(err, io.EOF) { // the kernel's word for an address space that is gone
			return 0, errors.New("it ended during the scan")
		}
		n = int(min(uint64(len(p)), pageSize-r.at%pageSize))
		clear(p[:n])
	}
	r.at += uint64(n)
	return n, nil
}
