package faultfs_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// TestMain is also the child processes: what maps files must not be the server.
func TestMain(m *testing.M) {
	var err error
	switch dir := os.Getenv("FAULTFS_DIR"); os.Getenv("FAULTFS_CHILD") {
	case "bolt":
		err = boltChild(dir)
	case "mmap":
		err = mmapChild(dir)
	case "append":
		err = appendChild(dir)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// child is this program again, on a mounted folder. Its last words are dropped: a
// cut takes away the pages under a map, of which it dies with SIGBUS.
type child struct {
	*exec.Cmd
	out *bufio.Scanner
}

func start(t *testing.T, who, dir string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GOTRACEBACK=none", "FAULTFS_CHILD="+who, "FAULTFS_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, bufio.NewScanner(out)}
	t.Cleanup(c.kill)
	return c
}

// kill is kill -9, and waits until the process is gone.
func (c *child) kill() {
	if c.ProcessState == nil {
		c.Process.Kill()
		c.Wait()
	}
}

// number is the next number that the child reports; ok is false at its end.
func (c *child) number(t *testing.T, format string) (n uint64, ok bool) {
	t.Helper()
	if !c.out.Scan() {
		return 0, false
	}
	if _, err := fmt.Sscanf(c.out.Text(), format, &n); err != nil {
		t.Fatalf("child says %q, want %q", c.out.Text(), format)
	}
	return n, true
}

// boltChild reports the last transaction, then makes new ones until it dies of
// the power cut, which it does in silence.
func boltChild(dir string) error {
	db, err := bbolt.Open(filepath.Join(dir, "db"), 0o600, &bbolt.Options{InitialMmapSize: 1 << 16, PageSize: 4096})
	if err != nil {
		return err
	}
	last, err := boltCheck(db)
	if err != nil {
		return err
	}
	fmt.Println("has", last)
	for n := last + 1; ; n++ {
		if err := db.Update(func(tx *bbolt.Tx) error { return boltStep(tx, n) }); err != nil {
			return nil
		}
		fmt.Println("ack", n)
	}
}

// boltStep puts n under forty keys, so that a part of it can be told.
func boltStep(tx *bbolt.Tx, n uint64) error {
	b, err := tx.CreateBucketIfNotExists([]byte("b"))
	for i := 0; i < 40 && err == nil; i++ {
		err = b.Put([]byte{byte(i)}, bytes.Repeat(binary.BigEndian.AppendUint64(nil, n), 20+int(n%30)))
	}
	return err
}

func boltCheck(db *bbolt.DB) (last uint64, err error) {
	return last, db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			return err
		}
		b := tx.Bucket([]byte("b"))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error {
			n := binary.BigEndian.Uint64(v)
			if last != 0 && n != last || !bytes.Equal(v, bytes.Repeat(v[:8], 20+int(n%30))) {
				return fmt.Errorf("half of transaction %d or %d", n, last)
			}
			last = n
			return nil
		})
	})
}

// mmapChild maps a file and looks for what it then writes.
func mmapChild(dir string) error {
	fd, err := os.OpenFile(filepath.Join(dir, "f"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := fd.Truncate(3 * 4096); err != nil {
		return err
	}
	m, err := unix.Mmap(int(fd.Fd()), 0, 3*4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	for i := range 100 {
		want := fmt.Appendf(nil, "write %03d", i)
		off := i * 4096 / 40 // some cross a page
		if _, err := fd.WriteAt(want, int64(off)); err != nil {
			return err
		}
		if got := m[off : off+len(want)]; !bytes.Equal(got, want) {
			return fmt.Errorf("the map has %q, want %q", got, want)
		}
	}
	fmt.Println("saw 100")
	return nil
}

// appendChild writes and syncs forever.
func appendChild(dir string) error {
	fd, err := os.OpenFile(filepath.Join(dir, "f"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	fmt.Println("open 1")
	for {
		if _, err := fd.Write([]byte("line\n")); err != nil {
			return err
		}
		if err := unix.Fdatasync(int(fd.Fd())); err != nil {
			return err
		}
	}
}
