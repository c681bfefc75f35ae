package vault

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Mark is how new a vault is: what an older copy of it does not know.
type Mark struct {
	VaultID  [16]byte
	Revision uint64
	Seq      uint64 // of the audit log
	Head     [32]byte
}

// anchor is a file on other storage that notes the newest mark, so that a vault whose
// file and log are put back together does not unlock (A43).
type anchor struct {
	path string
	mu   sync.Mutex
}

// anchorText is the file.
type anchorText struct {
	Vault    string `json:"vault"`
	Revision uint64 `json:"revision"`
	Seq      uint64 `json:"seq"`
	Head     string `json:"head"`
}

// read returns the revision that the anchor knows, 0 where there is to be none, and
// whether the file is missing.
func (a *anchor) read(op string, id [16]byte) (revision uint64, missing bool, err error) {
	if a.path == "" {
		return 0, false, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	text, err := os.ReadFile(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, true, nil
	}
	var t anchorText
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err == nil && t.Vault != hex.EncodeToString(id[:]) {
		err = errors.New("it is of another vault")
	}
	if err != nil {
		return 0, false, fail(op, KindCannotWrite, "the anchor %s cannot be read: %w", a.path, err).
			hint("mount what it is on, or take anchor out of config.toml")
	}
	return t.Revision, false, nil
}

// write replaces the file.
func (a *anchor) write(m Mark) error {
	if a.path == "" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	text, err := json.Marshal(anchorText{hex.EncodeToString(m.VaultID[:]), m.Revision, m.Seq, hex.EncodeToString(m.Head[:])})
	if err != nil {
		return err // unreachable: texts and numbers
	}
	f, err := os.CreateTemp(filepath.Dir(a.path), ".anchor-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = fmt.Fprintf(f, "%s\n", text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), a.path)
}
