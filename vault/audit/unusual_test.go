package audit_test

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func makeFIFO(t *testing.T, path string) {
	t.Helper()
	must(t, os.Remove(path), unix.Mkfifo(path, 0o600))
}

// changeOwner gives a file to somebody else, which only root can.
func changeOwner(t *testing.T, path string) {
	t.Helper()
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Skip("only root gives files away: ", err)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
