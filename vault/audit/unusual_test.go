package audit_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func makeFIFO(t *testing.T, path string) {
	t.Helper()
	must(t, os.Remove(path), unix.Mkfifo(path, 0o600))
}
