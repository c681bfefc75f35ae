package memscan

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Report is what a scan saw.
type Report struct {
	Hits    []Hit
	Regions int   // mappings, or files, of which at least one page was read
	Bytes   int64 // how much was read
	// Unreadable names the mappings that hold pages of which none could be read,
	// memfd_secret(2) before all.
	Unreadable []string
}

// Target is a process that was opened for scanning. It stays readable when the
// process closes itself to others later: whoever starts a program can open it
// before its first instruction, and needs no privileges to scan it from then on.
type Target struct {
	pid                 int
	smaps, mem, pagemap *os.File
}

// Open opens a process for any number of scans. It fails on the scanner's own
// pid and where it may not read the process now.
func Open(pid int) (*Target, error) {
	if pid == os.Getpid() {
		return nil, errors.New("memscan: this process holds the needles itself")
	}
	// One handle on the folder: a recycled pid cannot slip in half way.
	proc, err := os.OpenRoot(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return nil, fmt.Errorf("memscan: %w", err)
	}
	defer proc.Close()
	t := &Target{pid: pid}
	for _, file := range []struct {
		name string
		to   **os.File
	}{{"smaps", &t.smaps}, {"mem", &t.mem}, {"pagemap", &t.pagemap}} {
		if *file.to, err = proc.Open(file.name); err != nil {
			return nil, errors.Join(fmt.Errorf("memscan: process %d: %w", pid, err), t.Close())
		}
	}
	return t, nil
}

// Close lets go of the process.
func (t *Target) Close() error {
	var all []error
	for _, f := range []*os.File{t.smaps, t.mem, t.pagemap} {
		if f != nil {
			all = append(all, f.Close())
		}
	}
	return errors.Join(all...)
}

// Process opens process pid, scans it once as [Scanner.Target] does, and fails
// where that or [Open] does.
func (s *Scanner) Process(pid int) (Report, error) {
	t, err := Open(pid)
	if err != nil {
		return Report{}, err
	}
	defer t.Close()
	return s.Target(t)
}

// Target scans every page that a process has in memory, whatever the permissions
// of its mapping: the kernel lets a debugger read PROT_NONE too. What has no page,
// in memory or in swap, is left out. The process may run meanwhile; what it moves
// behind the scanner's back is missed, so scan more than once or at rest.
//
// It fails if the process ends before or during the scan, and if nothing at all
// could be read. One scan of a target at a time.
func (s *Scanner) Target(t *Target) (Report, error) {
	if _, err := t.smaps.Seek(0, io.SeekStart); err != nil {
		return Report{}, fmt.Errorf("memscan: process %d: %w", t.pid, err)
	}
	regions, err := readRegions(t.smaps)
	if err != nil {
		return Report{}, fmt.Errorf("memscan: process %d: %w", t.pid, err)
	}
	report, err := s.scanRegions(t.mem, t.pagemap, regions)
	if err != nil {
		return report, fmt.Errorf("memscan: process %d: %w", t.pid, err)
	}
	if report.Bytes == 0 { // a kernel thread, or one that refuses every page
		return report, fmt.Errorf("memscan: process %d: nothing could be read", t.pid)
	}
	return report, nil
}

func (s *Scanner) scanRegions(mem, pagemap io.ReaderAt, regions []region) (Report, error) {
	var report Report
	buf := s.buffer()
	for _, g := range regions {
		pages, err := populated(pagemap, g)
		if err != nil {
			return report, err
		}
		read := int64(0)
		for _, p := range pages {
			r := &memReader{mem: mem, at: p.start, end: p.end}
			hits, err := s.scan(r, p.start, buf)
			if err != nil {
				return report, err
			}
			for _, h := range hits {
				h.Region, h.Guarded = g.name, g.locked
				report.Hits = append(report.Hits, h)
			}
			read += r.read
		}
		report.Bytes += read
		switch {
		case read > 0:
			report.Regions++
		case len(pages) > 0:
			report.Unreadable = append(report.Unreadable, g.name)
		}
	}
	return report, nil
}

// populated returns the stretches of a mapping that have pages in memory or in
// swap: of a Go heap, a twentieth. /proc/PID/pagemap has eight bytes per page,
// of which bit 63 says "present" and bit 62 "swapped" (proc(5)).
func populated(pagemap io.ReaderAt, g region) ([]region, error) {
	size := uint64(os.Getpagesize())
	var all []region
	entries := make([]byte, 8*4096)
	for at := g.start; at < g.end; {
		want := min(uint64(len(entries)), (g.end-at)/size*8)
		n, err := pagemap.ReadAt(entries[:want], int64(at/size*8))
		if n < 8 {
			return nil, fmt.Errorf("pagemap: %w", cmp.Or(err, io.ErrUnexpectedEOF))
		}
		for e := entries[:n/8*8]; len(e) > 0; e = e[8:] {
			switch last := len(all) - 1; {
			case binary.LittleEndian.Uint64(e)>>62 == 0:
			case last >= 0 && all[last].end == at:
				all[last].end += size
			default:
				all = append(all, region{start: at, end: at + size})
			}
			at += size
		}
	}
	return all, nil
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
func readRegions(smaps io.Reader) (all []region, err error) {
	var now *region // the mapping whose lines are being read
	lines := bufio.NewScanner(smaps)
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

// memReader reads memory from one address to another. A page that cannot be
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
		size := uint64(os.Getpagesize())
		n = int(min(uint64(len(p)), size-r.at%size))
		clear(p[:n])
	}
	r.at += uint64(n)
	return n, nil
}
