package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// note is what is remembered of a way: nothing secret. What it names is trusted as far as
// it fits the way, and only where nobody but this user can have written it.
type note struct {
	// Slot is the keyfile slot.
	Slot uint32 `json:"slot"`
	// PAMFile is the file of PAM whose line is meant.
	PAMFile string `json:"pam_file,omitempty"`
	// Folders were made for the way's files, the innermost last.
	Folders []string `json:"folders,omitempty"`
}

// maxNote is more than any note has.
const maxNote = 16 << 10

// readNote reads a note; nil where there is none.
func readNote(path string) (*note, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !ownedBy(info, os.Geteuid()) || info.Mode() != 0o600 || info.Size() > maxNote {
		return nil, fmt.Errorf("%s: %w", path, ErrUnsafe)
	}
	n := new(note)
	decoder := json.NewDecoder(f)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(n); err != nil || n.Slot == 0 {
		return nil, fmt.Errorf("%s is no note of a way to unlock", path)
	}
	return n, nil
}

// noteThing is the note as the first thing of its way.
func (w *Way) noteThing() thing {
	return file{w.notePath(), 0o600, 0o700, func(_ context.Context, k *Key) ([]byte, error) {
		return json.Marshal(w.newNote(k))
	}}
}

func (w *Way) newNote(k *Key) *note {
	return &note{Slot: k.Slot, PAMFile: w.setup.PAMFile, Folders: w.made}
}

func (w *Way) notePath() string { return filepath.Join(w.state, w.id+"."+w.with+".note") }

// missingFolders are those that have to be made, the innermost last.
func (w *Way) missingFolders() (missing []string) {
	for _, t := range w.things {
		dir, _ := t.folder()
		var up []string
		for ; dir != "" && dir != "/" && dir != "."; dir = filepath.Dir(dir) {
			if _, err := os.Lstat(dir); err == nil || slices.Contains(missing, dir) {
				break
			}
			up = append(up, dir)
		}
		slices.Reverse(up)
		missing = append(missing, up...)
	}
	return missing
}

// makeFolders makes what a way's things lie in.
func (w *Way) makeFolders() error {
	for _, t := range w.things {
		if dir, mode := t.folder(); dir != "" {
			if err := os.MkdirAll(dir, mode); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeFolders removes those that were made for the way, where they are empty. One that
// is no folder of its things is left alone.
func (w *Way) removeFolders(made []string) {
	for _, dir := range slices.Backward(made) {
		ours := slices.ContainsFunc(w.things, func(t thing) bool {
			in, _ := t.folder()
			return strings.HasPrefix(in+"/", filepath.Clean(dir)+"/")
		})
		if ours {
			_ = os.Remove(dir) // in use by now, or gone: then that is how it should be
		}
	}
	_ = os.Remove(w.state) // the last way's note is gone
}
