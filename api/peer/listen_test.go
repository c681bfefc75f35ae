package peer_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bfxvault/api/peer"
)

// state is what must not change of something that is left untouched. Reading it
// changes nothing.
func state(t testing.TB, path string) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(st.Dev, st.Ino, st.Mode, st.Uid, st.Gid, st.Size, st.Nlink, st.Mtim, st.Ctim)
}

func modeOf(t testing.TB, path string) (mode, gid uint32) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Mode & 0o7777, st.Gid
}

// aGroup is one that this process may give a file to: any for root, its own
// otherwise.
func aGroup() int {
	if isRoot() {
		return 4242
	}
	return os.Getegid()
}

// A1, whatever the umask says, and whoever made the folder.
func TestASocketHasItsModeAndGroup(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077, 0o777} {
		for _, tc := range []struct {
			gid  int
			mode uint32
		}{{-1, 0o600}, {aGroup(), 0o660}} {
			dir := folder(t)
			path := filepath.Join(dir, "s")
			before := syscall.Umask(umask)
			l, err := peer.Listen(peer.Options{Path: path, GID: tc.gid})
			syscall.Umask(before)
			if err != nil {
				t.Fatal(err)
			}
			mode, gid := modeOf(t, path)
			if mode != tc.mode || tc.gid >= 0 && gid != uint32(tc.gid) {
				t.Errorf("umask %04o, group %d: mode %04o, group %d", umask, tc.gid, mode, gid)
			}
			if l.Addr().String() != path || l.Addr().Network() != "unix" {
				t.Errorf("address %v", l.Addr())
			}
			if got := entries(t, dir); got != "s" {
				t.Errorf("in the folder: %s", got)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if got := entries(t, dir); got != "" {
				t.Errorf("after Close: %s", got)
			}
		}
	}
}

// A1: the kernel's own account. Under its name the socket appears by a rename and
// never by a creation, and nothing about it changes afterwards.
func TestASocketAppearsUnderItsNameComplete(t *testing.T) {
	dir := folder(t)
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, dir, unix.IN_ALL_EVENTS); err != nil {
		t.Fatal(err)
	}
	listen(t, peer.Options{Path: filepath.Join(dir, "s"), GID: aGroup()}).Close()
	var got []string
	for name, mask := range events(t, watch) {
		if name == "s" {
			got = append(got, mask)
		}
	}
	if want := "moved-to deleted"; strings.Join(got, " ") != want {
		t.Errorf("under its name: %v, want %s", got, want)
	}
}

// events yields name and kind of each event that inotify has queued.
func events(t *testing.T, watch int) func(func(name, kind string) bool) {
	return func(yield func(string, string) bool) {
		buf := make([]byte, 1<<16)
		n, err := unix.Read(watch, buf)
		if err != nil {
			t.Fatal(err)
		}
		for buf = buf[:n]; len(buf) >= unix.SizeofInotifyEvent; {
			mask, size := word(buf[4:]), word(buf[12:])
			name := strings.TrimRight(string(buf[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size]), "\x00")
			kind := fmt.Sprintf("%#x", mask)
			switch mask {
			case unix.IN_MOVED_TO:
				kind = "moved-to"
			case unix.IN_DELETE:
				kind = "deleted"
			}
			if !yield(name, kind) {
				return
			}
			buf = buf[unix.SizeofInotifyEvent+size:]
		}
	}
}

// A1: a thousand sockets, under the eyes of somebody who looks all the time.
func TestNobodySeesASocketWiderThanItWillBe(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	const rounds = 1000
	seen, gone := make(chan string), make(chan bool)
	go func() {
		for range rounds {
			var st unix.Stat_t
			for unix.Lstat(path, &st) != nil {
			}
			seen <- fmt.Sprintf("%o, group %d", st.Mode, st.Gid)
			for unix.Lstat(path, &st) == nil {
			}
			gone <- true
		}
	}()
	want := fmt.Sprintf("%o, group %d", unix.S_IFSOCK|0o660, aGroup())
	for range rounds {
		l := listen(t, peer.Options{Path: path, GID: aGroup()})
		if got := <-seen; got != want { // the first sight of it
			t.Errorf("seen with mode %s, want %s", got, want)
		}
		l.Close()
		<-gone
	}
}

// A1: and under the hands of somebody who tries whatever is in the folder.
func TestNobodyGetsThroughWhileASocketIsMade(t *testing.T) {
	if !isRoot() {
		t.Skip("needs root, to try it with another uid")
	}
	dir := folder(t)
	path := filepath.Join(dir, "s")
	knocker := start(t, as(command("knock", dir), nobody))
	if knocker.line() != "knocking" {
		t.Fatal("the other uid does not run")
	}
	for range 500 {
		listen(t, peer.Options{Path: path, GID: aGroup()}).Close()
	}
	l := listen(t, peer.Options{Path: path, GID: -1})
	knocker.in.Close()
	if got := knocker.line(); !strings.HasPrefix(got, "0 of ") || strings.HasSuffix(got, " 0") {
		t.Errorf("connections of another uid: %s", got)
	}
	// And it would have come through an open one.
	try(t, os.Chmod(path, 0o666))
	if got := start(t, as(command("dial", path), nobody)).line(); got != "connected" {
		t.Errorf("through an open one: %q", got)
	}
	l.Close()
}

// knockRole tries to connect to whatever it finds in a folder.
func knockRole(args []string) error {
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		os.Stdin.Read(make([]byte, 1))
	}()
	fmt.Println("knocking")
	tried, let := 0, 0
	for {
		select {
		case <-stop:
			fmt.Println(let, "of", tried)
			return nil
		default:
		}
		list, _ := os.ReadDir(args[0])
		for _, e := range list {
			for _, name := range []string{e.Name(), e.Name() + "/s"} {
				tried++
				if c, err := net.Dial("unix", filepath.Join(args[0], name)); err == nil {
					let++
					c.Close()
				}
			}
		}
	}
}

// A2: what stands in the place of a socket and is not a dead socket of ours.
func TestWhatStandsInItsPlaceIsLeftAlone(t *testing.T) {
	for _, tc := range []struct {
		name  string
		plant func(t *testing.T, path string)
		want  error
		root  bool // needs another uid
	}{
		{"a regular file", func(t *testing.T, path string) { write(t, path) }, peer.ErrUnsafe, false},
		{"a folder", func(t *testing.T, path string) { try(t, os.Mkdir(path, 0o700)) }, peer.ErrUnsafe, false},
		{"a pipe", func(t *testing.T, path string) { try(t, unix.Mkfifo(path, 0o600)) }, peer.ErrUnsafe, false},
		{"a symbolic link to nothing", func(t *testing.T, path string) { try(t, os.Symlink("nothing", path)) }, peer.ErrUnsafe, false},
		{"a symbolic link to a file", func(t *testing.T, path string) {
			write(t, path+"x")
			try(t, os.Symlink(path+"x", path))
		}, peer.ErrUnsafe, false},
		{"a symbolic link to a dead socket of ours", func(t *testing.T, path string) {
			dead(t, path+"x")
			try(t, os.Symlink(path+"x", path))
		}, peer.ErrUnsafe, false},
		{"a live socket", func(t *testing.T, path string) { listen(t, peer.Options{Path: path, GID: -1}) }, peer.ErrInUse, false},
		{"a live socket that cannot take one more", func(t *testing.T, path string) { crowded(t, path) }, peer.ErrInUse, false},
		{"a live socket for datagrams", func(t *testing.T, path string) {
			c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
			try(t, err)
			t.Cleanup(func() { c.Close() })
		}, peer.ErrUnsafe, false},
		{"a dead socket of somebody else", func(t *testing.T, path string) {
			dead(t, path)
			try(t, os.Lchown(path, nobody, nobody))
		}, peer.ErrUnsafe, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.root && !isRoot() {
				t.Skip("needs root, to have something of another uid")
			}
			dir := folder(t)
			path := filepath.Join(dir, "s")
			tc.plant(t, path)
			before, names := state(t, path), entries(t, dir)
			l, err := peer.Listen(peer.Options{Path: path, GID: -1})
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, %v, want %v", l, err, tc.want)
			}
			if after := state(t, path); after != before {
				t.Errorf("touched: %s, was %s", after, before)
			}
			if after := entries(t, dir); after != names {
				t.Errorf("in the folder: %s, was %s", after, names)
			}
		})
	}
}

func try(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path string) { try(t, os.WriteFile(path, []byte("precious"), 0o600)) }

// dead leaves a socket that nobody serves.
func dead(t testing.TB, path string) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	try(t, err)
	l.SetUnlinkOnClose(false)
	try(t, l.Close())
}

// crowded makes a live socket whose backlog is full.
func crowded(t testing.TB, path string) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	try(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	try(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	try(t, unix.Listen(fd, 0))
	for {
		c, err := net.Dial("unix", path)
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		try(t, err)
		t.Cleanup(func() { c.Close() })
	}
}

// A2: a folder in which others could change the socket.
func TestAFolderThatOthersCanChangeIsRefused(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "s")
	for _, mode := range []os.FileMode{0o777, 0o775, 0o702} {
		try(t, os.Chmod(dir, mode))
		if _, err := peer.Listen(peer.Options{Path: path, GID: -1}); !errors.Is(err, peer.ErrUnsafe) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	try(t, os.Chmod(dir, 0o777|os.ModeSticky))
	listen(t, peer.Options{Path: path, GID: -1}).Close()
	if isRoot() {
		try(t, os.Chmod(dir, 0o700))
		try(t, os.Lchown(dir, nobody, nobody))
		if _, err := peer.Listen(peer.Options{Path: path, GID: -1}); !errors.Is(err, peer.ErrUnsafe) {
			t.Errorf("of another uid: %v", err)
		}
	}
	if got := entries(t, dir); got != "" {
		t.Errorf("left in the folder: %s", got)
	}
}

// A3: after a kill the socket is cleared, and one that is served is not stolen.
func TestADeadSocketIsClearedAndALiveOneIsNot(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	first := start(t, command("listen", path))
	if first.line() != "listening" {
		t.Fatal("the first does not listen")
	}
	if _, err := peer.Listen(peer.Options{Path: path, GID: -1}); !errors.Is(err, peer.ErrInUse) {
		t.Fatalf("beside a live one: %v", err)
	}
	c, err := net.Dial("unix", path)
	try(t, err)
	c.Close()
	first.Process.Kill()
	first.Wait()
	if _, err := os.Lstat(path); err != nil {
		t.Fatalf("it should have left its socket: %v", err)
	}
	listen(t, peer.Options{Path: path, GID: -1})
	c, err = net.Dial("unix", path)
	try(t, err)
	c.Close()
}

// A3: many at once over one dead socket. One gets the place, and keeps it.
func TestOnlyOneTakesTheDeadOnesPlace(t *testing.T) {
	for range 100 {
		path := filepath.Join(folder(t), "s")
		dead(t, path)
		var wg sync.WaitGroup
		var won atomic.Int64
		for range 8 {
			wg.Go(func() {
				l, err := peer.Listen(peer.Options{Path: path, GID: -1})
				switch {
				case err == nil:
					won.Add(1)
					t.Cleanup(func() { l.Close() })
				case !errors.Is(err, peer.ErrInUse):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d listen", won.Load())
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatalf("and nobody answers: %v", err)
		}
		c.Close()
	}
}

// A8, and the limit of sockaddr_un.
func TestPathsThatCannotBeSocketsAreRefused(t *testing.T) {
	dir := folder(t)
	long := dir + "/" + strings.Repeat("x", 100-len(dir)-1)
	for _, tc := range []struct{ path, says string }{
		{"", "no path"},
		{"@bfxvault", "abstract"},
		{"\x00bfxvault", "abstract"},
		{dir + "/a\x00b", "abstract"},
		{dir + "/", "names a folder"},
		{dir + "/.", "names a folder"},
		{dir + "/..", "names a folder"},
		{"/", "names a folder"},
		{dir + "/missing/s", "no such file"},
		{long + "x", "101 bytes"},
		{dir + "/" + strings.Repeat("y", 300), "at most 100"},
	} {
		if _, err := peer.Listen(peer.Options{Path: tc.path, GID: -1}); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: %v, want one that says %q", tc.path, err, tc.says)
		}
	}
	for _, gid := range []int{-2, 1<<32 - 1, 1 << 40} {
		if _, err := peer.Listen(peer.Options{Path: dir + "/s", GID: gid}); err == nil {
			t.Errorf("group %d", gid)
		}
	}
	if got := entries(t, dir); got != "" {
		t.Errorf("left in the folder: %s", got)
	}
	listen(t, peer.Options{Path: long, GID: -1})
	deep := dir + "/" + strings.Repeat("d", 98-len(dir)-1)
	try(t, os.Mkdir(deep, 0o700))
	listen(t, peer.Options{Path: deep + "/s", GID: -1})
}

func TestAGroupThatCannotBeGivenIsAnError(t *testing.T) {
	if isRoot() {
		t.Skip("root can give a file to any group")
	}
	dir := folder(t)
	if _, err := peer.Listen(peer.Options{Path: dir + "/s", GID: 0}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %v", err)
	}
	if got := entries(t, dir); got != "" {
		t.Errorf("left in the folder: %s", got)
	}
}

func TestCloseRemovesOnlyItsOwnSocket(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "s")
	old := listen(t, peer.Options{Path: path, GID: -1})
	try(t, os.Remove(path))
	listen(t, peer.Options{Path: path, GID: -1})
	before := state(t, path)
	try(t, old.Close())
	try(t, old.Close())
	if after := state(t, path); after != before {
		t.Errorf("touched: %s, was %s", after, before)
	}
	c, err := net.Dial("unix", path)
	try(t, err)
	c.Close()

	gone := listen(t, peer.Options{Path: dir + "/gone", GID: -1})
	try(t, os.Remove(dir+"/gone"))
	try(t, gone.Close())
}

func TestCloseFindsItsSocketAfterAChangeOfFolder(t *testing.T) {
	dir := folder(t)
	t.Chdir(dir)
	l := listen(t, peer.Options{Path: "s", GID: -1})
	t.Chdir("/")
	try(t, l.Close())
	if got := entries(t, dir); got != "" {
		t.Errorf("left: %s", got)
	}
}
