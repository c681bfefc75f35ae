package peer_test

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"bfxvault/api/peer"
)

func hashOf(t testing.TB, path string) [sha256.Size]byte {
	t.Helper()
	content, err := os.ReadFile(path)
	try(t, err)
	return sha256.Sum256(content)
}

// lateRole connects to args[0] when it is told to.
func lateRole(args []string) error {
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
	return dialRole(args)
}

// A9: a program whose file changes before it connects has the hash of what it runs
// as long as that file has a name, and none otherwise.
func TestAHashIsNeverThatOfTheFileAtThePath(t *testing.T) {
	l, socket := openListener(t)
	for _, kept := range []bool{false, true} {
		path := filepath.Join(folder(t), "bot")
		try(t, copyOfThis(path))
		want := hashOf(t, path)
		if kept {
			try(t, os.Link(path, path+".old"))
		}
		cmd := command("late", socket)
		cmd.Path = path
		b := start(t, cmd)
		b.line()
		try(t, os.WriteFile(path+".new", []byte("another program"), 0o755))
		try(t, os.Rename(path+".new", path))
		fmt.Fprintln(b.in)
		b.line()
		_, info := mustAttest(t, l)
		if exe, err := info.Exe(); !errors.Is(err, peer.ErrUnreadable) {
			t.Errorf("kept %v: path %q, %v", kept, exe, err)
		}
		sum, err := info.SHA256()
		if kept && (err != nil || sum != want) || !kept && !errors.Is(err, peer.ErrUnreadable) {
			t.Errorf("kept %v: hash %x, %v", kept, sum, err)
		}
	}
}

// readSoFar is how many bytes this process has read in its life.
func readSoFar(t testing.TB) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	try(t, err)
	_, rest, _ := strings.Cut(string(text), "rchar: ")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	try(t, err)
	return n
}

// A14: one listener reads a file once, for all connections of all processes.
func TestAnUnchangedFileIsReadOnce(t *testing.T) {
	l, socket := openListener(t)
	creds := peer.Credentials(peer.Limits{})
	path := filepath.Join(folder(t), "bot")
	try(t, copyOfThis(path))
	want := hashOf(t, path)
	file, err := os.Stat(path)
	try(t, err)
	var infos []*peer.Info
	for range 4 {
		bot(t, path, socket)
		raw, err := l.Accept()
		try(t, err)
		c, auth, err := creds.ServerHandshake(raw)
		try(t, err)
		defer c.Close()
		infos = append(infos, auth.(*peer.Info))
	}
	before := readSoFar(t)
	var calls sync.WaitGroup
	for i := range 40 {
		calls.Go(func() {
			if sum, err := infos[i%len(infos)].SHA256(); err != nil || sum != want {
				t.Errorf("hash %x, %v", sum, err)
			}
		})
	}
	calls.Wait()
	if read := readSoFar(t) - before; read < file.Size() || read >= 2*file.Size() {
		t.Errorf("%d bytes were read of a file of %d", read, file.Size())
	}
}

// A14: a huge program is not read at all.
func TestAHugeProgramHasNoHash(t *testing.T) {
	l, socket := openListener(t)
	path := filepath.Join(folder(t), "bot")
	try(t, copyOfThis(path))
	try(t, os.Truncate(path, 256<<20+1)) // a hole at the end, which nobody maps
	bot(t, path, socket)
	_, info := mustAttest(t, l)
	if exe, err := info.Exe(); err != nil || exe != path {
		t.Errorf("path %q, %v", exe, err)
	}
	before := readSoFar(t)
	if sum, err := info.SHA256(); !errors.Is(err, peer.ErrUnreadable) {
		t.Errorf("hash %x, %v", sum, err)
	}
	if read := readSoFar(t) - before; read > 1<<20 {
		t.Errorf("%d bytes were read", read)
	}
}

// What a script or a preloaded library does is not seen. The package says so under
// its traps, and this shows what it means: no attack is held off by it.
func TestAScriptIsItsInterpreter(t *testing.T) {
	l, socket := openListener(t)
	dir := folder(t)
	try(t, copyOfThis(dir+"/python"))
	try(t, os.WriteFile(dir+"/bot.py", []byte("#!"+dir+"/python\n"), 0o755))
	cmd := command("script", socket)
	cmd.Path = dir + "/bot.py"
	cmd.Env = append(cmd.Env, "LD_PRELOAD="+dir+"/evil.so", "PYTHONPATH="+dir)
	cmd.Stderr = nil // ld.so says that there is no such library
	if b := start(t, cmd); b.line() != "connected" {
		t.Fatal("it did not connect")
	}
	_, info := mustAttest(t, l)
	if exe, err := info.Exe(); err != nil || exe != dir+"/python" {
		t.Errorf("path %q, %v", exe, err)
	}
	if sum, err := info.SHA256(); err != nil || sum != hashOf(t, dir+"/python") {
		t.Errorf("hash %x, %v", sum, err)
	}
}
