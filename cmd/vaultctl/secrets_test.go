package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// One random keyfile in 256 ends in what looks like a line end.
func TestAKeyfileIsReadAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfile")
	for _, end := range []string{"\n", "\r\n", "x"} {
		want := append(bytes.Repeat([]byte{7}, 32-len(end)), end...)
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		kek, err := new(app).keyfile(path)
		if err != nil || !bytes.Equal(kek[:], want) {
			t.Errorf("ending in %q: %v", end, err)
		}
	}
}
