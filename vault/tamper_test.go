package vault_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/internal/envelope"
	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

var everyByte = flag.Bool("every-byte", false, "flip each byte of the vault file, not only some")

// dump reads a vault file's entries, and edit writes some of them, without a key:
// what somebody can do who has the file.
func dump(t testing.TB, path string) map[string]map[string][]byte {
	t.Helper()
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	entries := map[string]map[string][]byte{}
	_, err = s.Load(func(bucket string, key, value []byte) error {
		if entries[bucket] == nil {
			entries[bucket] = map[string][]byte{}
		}
		entries[bucket][string(key)] = bytes.Clone(value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func edit(t testing.TB, path string, ops ...store.Op) {
	t.Helper()
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	revision, err := s.Revision()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(revision, ops); err != nil {
		t.Fatal(err)
	}
}

func put(bucket, key string, value []byte) store.Op {
	return store.Op{Bucket: bucket, Key: []byte(key), Value: value}
}

// A43, A45, A46: whoever edits the file is found out, by name where there is one.
func TestAnEditedVaultFileRefusesToUnlock(t *testing.T) {
	stranger := newRig(t).ready()
	stranger.v.Close()
	foreign := dump(t, stranger.path)

	tests := map[string]struct {
		edit func(now map[string]map[string][]byte) []store.Op
		kind vault.Kind
		text string // what the error names
	}{
		"two secrets swapped": {func(now map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Secrets, "main/1", now[store.Secrets]["second/1"]), put(store.Secrets, "second/1", now[store.Secrets]["main/1"])}
		}, vault.KindTampered, `in bucket "secrets"`},
		"a record of another vault": {func(map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Keys, "main", foreign[store.Keys]["main"])}
		}, vault.KindTampered, `record "main" in bucket "keys"`},
		"a grant moved to another bot": {func(now map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Grants, "idle/main", now[store.Grants]["mm-1/main"])}
		}, vault.KindTampered, `record "idle/main" in bucket "grants"`},
		"a dropped record": {func(map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Bots, "idle", nil)}
		}, vault.KindTampered, "dropped"},
		"a dropped nonce mark": {func(map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Marks, "KEY-1", nil)} // A42
		}, vault.KindTampered, "dropped"},
		"a dropped manifest": {func(map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Manifest, "manifest", nil)}
		}, vault.KindTampered, `bucket "manifest"`},
		"a write without the key": {func(map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Bots, "thief", []byte("{}"))}
		}, vault.KindTampered, `record "thief" in bucket "bots"`},
		"nothing but a newer revision": {func(map[string]map[string][]byte) []store.Op { return nil }, vault.KindTampered, "put back"},
		"a slot under another number": {func(now map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Slots, "2", now[store.Slots]["1"])}
		}, vault.KindTampered, `record "2" in bucket "slots"`},
		"a slot of another vault put in": {func(map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Slots, "1", foreign[store.Slots]["1"])}
		}, vault.KindWrongPassphrase, "slot 1"},
		"another vault's id": {func(map[string]map[string][]byte) []store.Op {
			return []store.Op{put(store.Meta, "vault", foreign[store.Meta]["vault"])}
		}, vault.KindWrongPassphrase, "slot 1"},
		"a damaged vault id": {func(now map[string]map[string][]byte) []store.Op {
			id := now[store.Meta]["vault"]
			id[0] ^= 1
			return []store.Op{put(store.Meta, "vault", id)}
		}, vault.KindTampered, `record "vault" in bucket "meta"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t).ready()
			r.must(r.addKey("second", "KEY-2", strings.ToLower(testSecret)), r.addBot("idle", 1002))
			r.reopen(func(path string) { edit(t, path, test.edit(dump(t, path))...) })
			err := r.unlock()
			wantKind(t, err, test.kind)
			if !strings.Contains(err.Error(), test.text) {
				t.Errorf("the error %q does not name %q", err, test.text)
			}
			_, err = r.sign(uid(1001), "main")
			wantKind(t, err, vault.KindLocked)
		})
	}
}

// A43: an entry that was there before is put back as it was.
func TestAnEntryPutBackRefusesToUnlock(t *testing.T) {
	for name, test := range map[string]struct {
		bucket, key string
		change      func(r *rig)
	}{
		"a revoked grant": {store.Grants, "mm-1/main", func(r *rig) {
			_, err := r.v.RevokeGrant(ctx, r.by, "mm-1", "main")
			r.must(err)
		}},
		"a narrower grant's wider past": {store.Grants, "mm-1/main", func(r *rig) { r.must(r.grant("mm-1", "main", policy.Read)) }},
		"a removed bot": {store.Bots, "mm-1", func(r *rig) {
			_, err := r.v.RemoveBot(ctx, r.by, "mm-1")
			r.must(err)
		}},
		"what a grant had spent": {store.Limits, "mm-1/main", func(r *rig) { // A40
			_, err := r.sign(uid(1001), "main")
			r.must(err)
		}},
		"orders that were signed": {store.Orders, "main/0000000000000000", func(r *rig) {
			r.must(r.raise(7))
		}},
		"an older nonce mark": {store.Marks, "KEY-1", func(r *rig) {
			_, err := r.sign(uid(1001), "main")
			r.must(err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t).ready()
			daily := uint64(4)
			r.must(r.grantSpec("mm-1", policy.GrantSpec{Key: "main", Allow: []string{"read", "trade"}, DailyRequests: &daily}))
			r.must(r.write("order/submit", `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000","cid":7}`))
			r.must(r.raise(7)) // on the disk when it returns, the order with it
			var old []byte
			r.reopen(func(path string) { old = dump(t, path)[test.bucket][test.key] })
			if old == nil {
				t.Fatal("there is no such entry")
			}
			r.must(r.unlock())
			test.change(r)
			r.reopen(func(path string) { edit(t, path, put(test.bucket, test.key, old)) })
			wantKind(t, r.unlock(), vault.KindTampered)
		})
	}
}

// A removed slot put back: its KEK still opens it, and the manifest says no.
func TestARemovedSlotPutBackRefusesToUnlock(t *testing.T) {
	r := newRig(t).ready()
	r.reopen(func(path string) {
		now := dump(t, path)
		old, err := envelope.ParseSlot(now[store.Slots]["1"])
		if err != nil {
			t.Fatal(err)
		}
		old.ID = 2 // what a slot 2 that once was looks like: another wrapping of the same data key
		var dataKey [32]byte
		id := envelope.VaultID(now[store.Meta]["vault"][:16])
		first, _ := envelope.ParseSlot(now[store.Slots]["1"])
		kek := [32]byte(r.kek)
		if err := first.Unwrap(id, &kek, &dataKey); err != nil {
			t.Fatal(err)
		}
		if err := envelope.Wrap(&old, id, &kek, &dataKey); err != nil {
			t.Fatal(err)
		}
		text, _ := old.AppendBinary(nil)
		edit(t, path, put(store.Slots, "2", text))
	})
	unlock := vault.Unlock{Slot: 2}
	unlock.KEK = r.seal(r.by, unlock.Purpose(), r.kek[:])
	_, err := r.v.Unlock(ctx, r.by, unlock)
	wantKind(t, err, vault.KindTampered)
	wantKind(t, r.unlock(), vault.KindTampered) // and no other slot opens beside it
}

// A46: cost parameters below the floor or above the ceiling, with a checksum that
// fits.
func TestAnEditedSlotCannotLowerOrRaiseTheCost(t *testing.T) {
	for name, test := range map[string]struct {
		params envelope.Params
		kind   vault.Kind
		text   string
	}{
		"time below the floor":     {envelope.Params{Time: 1, MemoryKiB: 64 << 10, Threads: 4}, vault.KindTampered, "time of 1"},
		"memory below the floor":   {envelope.Params{Time: 3, MemoryKiB: 8, Threads: 4}, vault.KindTampered, "memory of 8"},
		"memory above the ceiling": {envelope.Params{Time: 3, MemoryKiB: 4 << 20, Threads: 4}, vault.KindTampered, "memory of 4194304"},
		"lanes above the ceiling":  {envelope.Params{Time: 3, MemoryKiB: 64 << 10, Threads: 17}, vault.KindTampered, "threads of 17"},
		"other ones within bounds": {envelope.Params{Time: 4, MemoryKiB: 64 << 10, Threads: 4}, vault.KindWrongPassphrase, "slot 1"}, // authenticated with the slot
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t).ready()
			r.reopen(func(path string) {
				slot, err := envelope.ParseSlot(dump(t, path)[store.Slots]["1"])
				if err != nil {
					t.Fatal(err)
				}
				slot.Params = test.params
				text, err := slot.AppendBinary(nil)
				if err != nil {
					t.Fatal(err)
				}
				edit(t, path, put(store.Slots, "1", text))
			})
			err := r.unlock()
			wantKind(t, err, test.kind)
			if !strings.Contains(err.Error(), test.text) {
				t.Errorf("%q does not name %q", err, test.text)
			}
			if _, _, err := r.v.Slots(); (test.kind == vault.KindTampered) != (err != nil) {
				t.Errorf("vaultctl is told of these parameters: %v", err)
			}
		})
	}
}

// A45: with any byte flipped, the vault opens with everything right or says what
// is wrong. It never panics and never reads another value.
func TestAFlippedByteIsHarmlessOrNamed(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addKey("second", "KEY-2", strings.ToLower(testSecret)), r.addBot("idle", 1002))
	want := contentsOf(t, r)
	r.v.Close()
	intact, log := readFile(t, r.path), filepath.Join(t.TempDir(), "audit")
	copyFolder(t, log, auditOf(r.path))
	stride := 211
	if *everyByte {
		stride = 1
	}
	counts := map[string]int{}
	for offset := 0; offset < len(intact); offset += stride {
		flipped := bytes.Clone(intact)
		flipped[offset] ^= 1 << (offset % 8)
		if err := os.WriteFile(r.path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		copyFolder(t, auditOf(r.path), log)
		counts[flippedOutcome(t, r, offset, want)]++
	}
	t.Logf("%d bytes flipped: %v", (len(intact)+stride-1)/stride, counts)
	if counts["tampered"] == 0 || counts["right"] == 0 {
		t.Fatal("the flips did not reach what matters")
	}
}

func flippedOutcome(t *testing.T, r *rig, offset int, want string) string {
	t.Helper()
	v, err := vault.Open(vault.Options{Path: r.path, Log: discard(), Checkable: func(policy.Match) error { return nil }})
	if err != nil {
		t.Fatalf("offset %d: not even a locked vault: %v", offset, err)
	}
	defer v.Close()
	r.v = v
	switch err := r.unlock(); {
	case err == nil:
		if got := contentsOf(t, r); got != want {
			t.Fatalf("offset %d: the vault opens with %s, want %s", offset, got, want)
		}
		return "right"
	case vault.KindOf(err) == vault.KindTampered, vault.KindOf(err) == vault.KindVersion:
		return "tampered"
	default:
		t.Fatalf("offset %d: %v", offset, err)
		return ""
	}
}

// contentsOf is everything that a vault says of itself, a signature included.
func contentsOf(t testing.TB, r *rig) string {
	t.Helper()
	keys, err1 := r.v.Keys()
	bots, err2 := r.v.Bots(false)
	r.must(err1, err2)
	for label, secret := range map[string]string{"main": testSecret} {
		s, err := r.sign(uid(1001), label)
		r.must(err)
		verify(t, s, secret)
	}
	text := fmt.Sprintf("%+v", keys)
	for _, b := range bots {
		text += fmt.Sprintf(" %s uid %d %v", b.Name, *b.Match[0].UID, specs(b))
	}
	return text
}

// specs are a bot's grants without what is left of them, which time changes.
func specs(b vault.Bot) (list []string) {
	for _, g := range b.Grants {
		list = append(list, string(vault.GrantText(g.Spec)))
	}
	return list
}
