package peer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoUnit: the caller is in no service of the system manager, or in which one
// cannot be told. It means no, never "any".
var ErrNoUnit = errors.New("the caller is in no service of the system manager")

// Unit returns the full cgroup path of the service that the caller is in now, such
// as "/system.slice/mm-1.service", by the rules of [CheckUnit]. It can be told of
// every uid. It fails with [ErrNoUnit] for a caller anywhere else, and where the
// kernel gives no pidfd; with [ErrGone] for one that has ended.
//
// It goes by the process that connected. On cgroup v1, a service with Delegate= can
// be entered by other processes of its own uid; on cgroup v2 by root only.
func (i *Info) Unit() (string, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	if !i.pinnedMu() {
		return "", fmt.Errorf("%w: its process cannot be pinned", ErrNoUnit)
	}
	var buf [maxCgroup + 1]byte
	text, err := readAll(i.file("/cgroup"), buf[:])
	// Last, so that the text is about this process and no successor.
	if !i.aliveMu() {
		return "", ErrGone
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoUnit, err)
	}
	return UnitOf(text)
}

// maxCgroup bounds /proc/PID/cgroup: a line for each of some fifteen hierarchies,
// of about 200 bytes in the longest real ones.
const maxCgroup = 8 << 10

// readAll fails if the file does not leave room in buf: a cut text may read as
// another one.
func readAll(path string, buf []byte) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n := 0
	for n < len(buf) {
		m, err := unix.Read(fd, buf[n:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		case m == 0:
			return buf[:n], nil
		}
		n += m
	}
	return nil, fmt.Errorf("%s is longer than %d bytes", path, len(buf)-1)
}

// UnitOf returns the service that the text of a /proc/PID/cgroup tells, by the rules
// of [CheckUnit], or fails with [ErrNoUnit]: the pure part of [Info.Unit].
func UnitOf(text []byte) (string, error) {
	path, err := managed(text)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoUnit, err)
	}
	if err := CheckUnit(path); err != nil {
		return "", fmt.Errorf("%w: it is in %q: %w", ErrNoUnit, path, err)
	}
	return path, nil
}

// managed returns the path in the hierarchy that systemd manages: "0::/path" on
// cgroup v2, "N:name=systemd:/path" on v1, both in a hybrid (cgroups(7)). "/" says
// nothing: there systemd does not use the hierarchy, or a cgroup namespace hides
// it. Two that say different things prove neither: Docker on v1 leaves its
// containers in the v2 group of containerd.service.
func managed(text []byte) (string, error) {
	var found []byte
	var seen [2]bool
	for len(text) > 0 { // not bytes.Lines, which would move the text to the heap
		line, next, ended := bytes.Cut(text, []byte("\n"))
		id, rest, ok := bytes.Cut(line, []byte(":"))
		controllers, path, ok2 := bytes.Cut(rest, []byte(":"))
		if !ended || !ok || !ok2 || len(path) == 0 || path[0] != '/' {
			return "", fmt.Errorf("%q is no line of /proc/PID/cgroup", string(line))
		}
		text = next
		v2 := string(id) == "0" && len(controllers) == 0
		if !v2 && string(controllers) != "name=systemd" {
			continue
		}
		index := 0
		if v2 {
			index = 1
		}
		if seen[index] {
			return "", errors.New("a hierarchy is there twice")
		}
		seen[index] = true
		switch {
		case string(path) == "/":
		case found == nil:
			found = path
		case !bytes.Equal(found, path):
			return "", fmt.Errorf("its hierarchies differ: %q and %q", string(found), string(path))
		}
	}
	if found == nil {
		return "", errors.New("systemd does not manage its cgroups, as seen from here")
	}
	return string(found), nil
}

// CheckUnit says whether [Info.Unit] can ever return the path, and why not: it
// must name a service of the system manager, below slices each of which lies in
// the one that its name says, as in "/system.slice/mm-1.service",
// "/bots.slice/bots-mm.slice/mm@eth.service". The path is compared byte by byte, so
// escapes (\x2d) stay as systemd writes them.
//
// Refused, with a reason:
//   - anything below user.slice, and user@UID.service wherever it stands: the
//     user's own manager makes cgroups of any name there. A login session
//     (session-3.scope) tells the uid, which a uid selector tells better, and a
//     number that is another login's tomorrow.
//   - scopes: who asks for one (a container engine, machined) chooses its name and
//     what is in it; none was started by systemd from a unit file.
//   - cgroups below a service. It was handed that tree (Delegate=) and fills it as
//     it likes, with containers for instance: being in there is not being the
//     service.
//   - what the kernel says of a removed cgroup (" (deleted)") or one outside of our
//     cgroup namespace ("/../"), which is no name of a unit.
//
// The error repeats nothing of the path, which may be a secret in the wrong place (A49).
func CheckUnit(path string) error {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return errors.New(`a unit is given by its cgroup path, as in "/system.slice/mm-1.service"`)
	}
	parent := ""
	for {
		name, below, deeper := strings.Cut(rest, "/")
		stem, slice := strings.CutSuffix(name, ".slice")
		switch {
		case !slice && deeper && isService(name):
			return errors.New("it is below a service, in a cgroup that the service made for itself")
		case !slice:
			return checkService(name)
		case !isSliceIn(parent, stem):
			return errors.New("systemd puts no slice of such a name there")
		case parent == "" && stem == "user":
			return errors.New("below user.slice, users make units of any name themselves")
		case !deeper:
			return errors.New("a slice is no service")
		}
		parent, rest = stem, below
	}
}

func checkService(name string) error {
	switch {
	case strings.HasPrefix(name, "user@"):
		return errors.New("it is the manager of a user, who makes units of any name below it")
	case strings.HasSuffix(name, ".scope"):
		return errors.New("a scope is named by whoever asked for it, and is not a service")
	case !isService(name):
		return errors.New("its last element does not name a service")
	}
	return nil
}

// isService: systemd.unit(5), and cg_escape in systemd, which puts "_" before a name
// that a file of the kernel could have. A template without an instance never runs.
func isService(name string) bool {
	stem, ok := strings.CutSuffix(name, ".service")
	prefix, instance, template := strings.Cut(stem, "@")
	return ok && isUnitName(name) && prefix != "" && (!template || instance != "")
}

// isSliceIn: a-b-c.slice lies in a-b.slice, and that in a.slice (systemd.slice(5)).
func isSliceIn(parent, stem string) bool {
	stem, parent = strings.TrimPrefix(stem, "_"), strings.TrimPrefix(parent, "_")
	above, own := "", stem
	if cut := strings.LastIndexByte(stem, '-'); cut >= 0 {
		above, own = stem[:cut], stem[cut+1:]
	}
	return own != "" && above == parent && isUnitName(stem+".slice") && !strings.Contains(stem, "@") &&
		(above != "" || !strings.HasPrefix(stem, "-"))
}

func isUnitName(name string) bool {
	if len(name) > 255 || strings.HasPrefix(name, ".") {
		return false
	}
	for _, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte(`:-_.\@`, c) < 0 {
			return false
		}
	}
	return true
}
