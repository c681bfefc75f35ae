package backup

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"bfxvault/vault/internal/envelope"
)

var dataKey, kek = &[32]byte{1, 2, 3}, &[32]byte{4, 5, 6}

// slotOf is the slot with an id, as a vault file has it.
func slotOf(t testing.TB, id uint32, memory uint32) []byte {
	t.Helper()
	s := envelope.Slot{ID: id, Kind: envelope.Passphrase, Salt: [16]byte{7},
		Params: envelope.Params{Time: 3, MemoryKiB: 64 << 10, Threads: 4}}
	if err := envelope.Wrap(&s, envelope.VaultID{9}, kek, dataKey); err != nil {
		t.Fatal(err)
	}
	s.Params.MemoryKiB = memory
	text, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func fileOf(t testing.TB, slots ...uint32) File {
	f := File{Vault: envelope.VaultID{9}, Revision: 17, Created: 1796000000}
	for _, id := range slots {
		f.SlotBytes = append(f.SlotBytes, slotOf(t, id, 64<<10))
	}
	return f
}

func entriesOf(n int) []Entry {
	entries := []Entry{{"audit", "1", []byte("wrapped")}, {"audit", "head", nil}}
	for i := range n {
		value := make([]byte, 100+i)
		rand.Read(value)
		entries = append(entries, Entry{"keys", fmt.Sprintf("label-%05d", i), value})
	}
	return append(entries, Entry{"manifest", "manifest", []byte("sealed")})
}

func sealed(t testing.TB, f File, entries []Entry) []byte {
	t.Helper()
	text, err := Seal(f, [32]byte{8}, dataKey, entries)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// open parses a backup, unwraps its data key and opens it.
func open(text []byte) (*File, []Entry, error) {
	f, err := Parse(text)
	if err != nil {
		return nil, nil, err
	}
	var key [32]byte
	if err := f.Slots[0].Unwrap(f.Vault, kek, &key); err != nil {
		return f, nil, err
	}
	entries, err := f.Open(&key)
	return f, entries, err
}

func TestABackupHoldsWhatWasPutIn(t *testing.T) {
	for _, n := range []int{0, 1, 2000} { // some chunks
		want := entriesOf(n)
		f, got, err := open(sealed(t, fileOf(t, 1, 2, 70000), want))
		if err != nil {
			t.Fatal(err)
		}
		if f.Vault != (envelope.VaultID{9}) || f.Revision != 17 || f.Created != 1796000000 || len(f.Slots) != 3 || f.Slots[2].ID != 70000 {
			t.Errorf("%+v", f)
		}
		same := slices.EqualFunc(got, want, func(a, b Entry) bool {
			return a.Bucket == b.Bucket && a.Key == b.Key && bytes.Equal(a.Value, b.Value)
		})
		if !same {
			t.Errorf("%d entries came back as %d others", len(want), len(got))
		}
	}
}

// A45: each byte, the header's too.
func TestABackupThatWasChangedDoesNotOpen(t *testing.T) {
	text := sealed(t, fileOf(t, 1, 2), entriesOf(3))
	for at := range text {
		for _, bit := range []byte{1, 0x80} {
			changed := bytes.Clone(text)
			changed[at] ^= bit
			if _, _, err := open(changed); err == nil {
				t.Errorf("opened with byte %d changed", at)
			}
		}
	}
	for n := range text {
		if _, _, err := open(text[:n]); err == nil {
			t.Errorf("opened with %d bytes of %d", n, len(text))
		}
	}
	if _, _, err := open(append(bytes.Clone(text), 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("with a byte more: %v", err)
	}
}

func TestWhatIsNoBackupIsRefused(t *testing.T) {
	later := sealed(t, fileOf(t, 1), nil)
	later[len(magic)] = 2
	cheap := fileOf(t)
	cheap.SlotBytes = [][]byte{slotOf(t, 1, 8)}
	dear := fileOf(t)
	dear.SlotBytes = [][]byte{slotOf(t, 1, 1<<31)}
	none := sealed(t, fileOf(t, 1), nil)
	none[fixedSize-1] = 0
	for name, test := range map[string]struct {
		text []byte
		want error
	}{
		"nothing":                    {nil, ErrNotABackup},
		"another file":               {[]byte("SQLite format 3"), ErrNotABackup},
		"a later version":            {later, ErrVersion},
		"too large":                  {make([]byte, MaxSize+1), ErrTooLarge},
		"slots in the wrong order":   {sealed(t, fileOf(t, 2, 1), nil), ErrDamaged},
		"a slot twice":               {sealed(t, fileOf(t, 1, 1), nil), ErrDamaged},
		"no slot":                    {none, ErrDamaged},
		"no revision":                {sealed(t, File{SlotBytes: fileOf(t, 1).SlotBytes}, nil), ErrDamaged},
		"parameters below the floor": {sealed(t, cheap, nil), new(envelope.ParamsError)}, // A46
		"parameters above the top":   {sealed(t, dear, nil), new(envelope.ParamsError)},
	} {
		_, err := Parse(test.text)
		if reflect.TypeOf(err) != reflect.TypeOf(test.want) || errors.As(test.want, new(*envelope.ParamsError)) == errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestABackupWithoutASlotOrTooLargeIsNotMade(t *testing.T) {
	if _, err := Seal(fileOf(t), [32]byte{}, dataKey, nil); err == nil {
		t.Error("made without a slot")
	}
	large := make([]byte, MaxSize)
	if _, err := Seal(fileOf(t, 1), [32]byte{}, dataKey, []Entry{{"keys", "main", large}}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("made too large: %v", err)
	}
}

// What only this program seals is not believed either.
func FuzzParseEntries(f *testing.F) {
	for _, n := range []int{0, 3} {
		text := appendEntries(nil, entriesOf(n))
		f.Add(text)
		f.Add(text[:len(text)-1])
		f.Add(append(text, 0))
	}
	f.Add(appendEntries(nil, []Entry{{"b", "k", nil}, {"a", "k", nil}}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := parseEntries(b)
		if err != nil {
			return
		}
		if !bytes.Equal(appendEntries(nil, entries), b) {
			t.Error("written back, it is something else")
		}
		if !slices.IsSortedFunc(entries, func(a, b Entry) int {
			if a.before(&b) {
				return -1
			}
			return 1
		}) {
			t.Error("out of order")
		}
	})
}

// FuzzParse: what parses is written back as it was read, and asks for nothing out of
// bounds (A46).
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("../../../testdata/vault-v1.backup")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:fixedSize])
	f.Add(text[:len(text)/2])
	f.Add(text[:len(text)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse(b)
		if err != nil {
			return
		}
		header, err := file.appendHeader(nil, [32]byte(b[49:81]))
		if err != nil || !bytes.Equal(append(header, file.sealed...), b) {
			t.Errorf("written back, it is something else: %v", err)
		}
		for _, s := range file.Slots {
			if s.Kind.Human() && s.Params.Check() != nil {
				t.Errorf("parameters %+v", s.Params)
			}
		}
	})
}
