package peer

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Obstacle is why a selector cannot be checked here. Both are sentences without a
// full stop.
type Obstacle struct {
	Reason string
	WayOut string
}

// Error implements error: the reason, then the way out.
func (o *Obstacle) Error() string { return o.Reason + "; " + o.WayOut }

// CanReadPrograms says whether [Info.Exe] and [Info.SHA256] can work for callers of
// a uid: nil, or an [*Obstacle]. A selector that could never match is refused when
// it is stored (P4). It tries what can be tried on the processes that run now, under
// the sandbox that is in force now; nil is no promise about a single caller, which
// may be undumpable, or have our uid but another gid or more capabilities.
func CanReadPrograms(uid uint32) error {
	if err := canPin(); err != nil {
		return err
	}
	mayTrace := hasPtrace()
	if !mayTrace && uint32(os.Geteuid()) != uid {
		return &Obstacle{
			"vaultd runs as another uid than the bot and without CAP_SYS_PTRACE, so it cannot see which program the bot runs",
			"match the bot by uid and unit, or run vaultd as the bot's uid, or give it CAP_SYS_PTRACE",
		}
	}
	seen := tryPrograms(uid, mayTrace)
	if seen.denied > 0 && seen.readable == 0 {
		return &Obstacle{
			"vaultd may not look at the programs of other processes, though its uid and capabilities would allow it: a sandbox such as landlock or a security module forbids it",
			"match the bot by uid and unit, or take vaultd out of that sandbox",
		}
	}
	return nil
}

// CanReadUnits says whether [Info.Unit] can work: nil, or an [*Obstacle]. It asks
// for the cgroup of the first process, which systemd keeps in its own scope:
// whoever reads that as "/init.scope" sees the tree of the system manager whole.
func CanReadUnits() error {
	if err := canPin(); err != nil {
		return err
	}
	const wayOut = "match the bot by uid and exe, or "
	text, err := os.ReadFile("/proc/1/cgroup")
	if err != nil {
		return &Obstacle{
			"/proc hides the processes of other users (hidepid=, ProtectProc=)",
			wayOut + "set ProtectProc=default for vaultd",
		}
	}
	path, err := managed(text)
	switch {
	case err != nil:
		return &Obstacle{
			"there is no systemd here that could be seen to manage services: " + err.Error(),
			wayOut + "run vaultd where the bot's systemd runs, outside of containers and with the host's cgroup namespace",
		}
	case path != "/init.scope":
		return &Obstacle{
			"the first process is in the cgroup " + strconv.Quote(path) + ", where systemd would be in /init.scope",
			wayOut + "run vaultd where the bot's systemd runs, outside of containers and with the host's cgroup namespace",
		}
	}
	return nil
}

// canPin tries whether a caller's process can be held on to.
func canPin() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(pair[0])
		defer unix.Close(pair[1])
		var pidfd int
		if pidfd, err = unix.GetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PEERPIDFD); err == nil {
			unix.Close(pidfd)
		}
	}
	const wayOut = "match the bot by uid and gid, or by its stand-in credential"
	if err != nil {
		return &Obstacle{"this kernel cannot say for certain which process calls (SO_PEERPIDFD, Linux 6.5: " + err.Error() + ")", wayOut}
	}
	if err := ownProc(); err != nil {
		return &Obstacle{"/proc cannot be used to look at callers: " + err.Error(), wayOut + ", or mount the /proc of vaultd's own pid namespace"}
	}
	return nil
}

// ownProc fails if the numbers under /proc are not the pids that the kernel tells
// us, since /proc was mounted in another pid namespace. NSpid lists our pid in the
// namespace of the mount and in each one below, down to our own (proc_pid_status(5)).
func ownProc() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if list, ok := strings.CutPrefix(line, "NSpid:"); ok && strings.TrimSpace(list) == strconv.Itoa(os.Getpid()) {
			return nil
		}
	}
	return errors.New("it shows the processes of another pid namespace")
}

// hasPtrace reports CAP_SYS_PTRACE among the effective capabilities, in this
// process's user namespace.
func hasPtrace() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_PTRACE) != 0
}

type tried struct{ readable, denied int }

// tryPrograms looks at the programs of the uid's processes. If there are none, it
// looks at those of everybody, which CAP_SYS_PTRACE opens just as well.
func tryPrograms(uid uint32, mayTrace bool) tried {
	var ofUID, ofAll tried
	list, err := os.ReadDir("/proc")
	if err != nil {
		return tried{denied: 1}
	}
	for _, entry := range list {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() { // its own program can be read by anybody
			continue
		}
		var owner, link, st unix.Stat_t
		folder := "/proc/" + entry.Name()
		if unix.Stat(folder, &owner) != nil || unix.Lstat(folder+"/exe", &link) != nil {
			continue
		}
		undumpable := !mayTrace && link.Uid != owner.Uid // then the kernel gives the link to root
		if owner.Uid != uid && !mayTrace || undumpable {
			continue
		}
		var result tried
		switch err := unix.Stat(folder+"/exe", &st); {
		case err == nil:
			result.readable = 1
		case errors.Is(err, os.ErrPermission):
			result.denied = 1
		}
		ofAll.add(result)
		if owner.Uid == uid {
			ofUID.add(result)
		}
	}
	if ofUID == (tried{}) {
		return ofAll
	}
	return ofUID
}

func (t *tried) add(o tried) {
	t.readable += o.readable
	t.denied += o.denied
}
