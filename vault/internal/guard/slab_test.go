package guard_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"bfxvault/vault/internal/guard"
)

func TestSlabKeepsWhatIsWrittenToASlot(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		// Sizes below, at and above a page, and ones that do not divide it.
		for _, size := range []int{1, 32, 100, 128, 4095, 4096, 4097, 10000} {
			s := newSlab(t, size, 3, b)
			if s.Backend() != b {
				t.Errorf("Backend() = %q", s.Backend())
			}
			var slots []int
			for range 100 { // far more than asked for: it grows
				slots = append(slots, alloc(t, s))
			}
			for _, i := range slots {
				fill(s, i, byte(i+1))
			}
			for _, i := range slots {
				if got := use(s, i); !bytes.Equal(got, bytes.Repeat([]byte{byte(i + 1)}, size)) {
					t.Fatalf("slots of %d bytes: slot %d was overwritten", size, i)
				}
			}
		}
	})
}

func TestSlotEndsAtItsSize(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		s := newSlab(t, 128, 2, b)
		first, second := alloc(t, s), alloc(t, s)
		if !s.Enter() {
			t.Fatal("Enter refused")
		}
		defer s.Leave()
		if slot := s.Slot(first); len(slot) != 128 || cap(slot) != 128 {
			t.Errorf("len %d, cap %d, want 128", len(slot), cap(slot))
		}
		_ = append(s.Slot(first), 0xff) // goes elsewhere
		if s.Slot(second)[0] != 0 {
			t.Error("append to one slot reached the next")
		}
	})
}

// An operation history of any kind leaves every slot to its owner, and zeros what
// is handed out.
func TestSlabAgreesWithAModel(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		rapid.Check(t, func(t *rapid.T) {
			size := rapid.SampledFrom([]int{16, 128, 3000, 5000}).Draw(t, "size")
			s, err := guard.NewSlab(size, rapid.IntRange(1, 40).Draw(t, "slots"), b)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Destroy()
			model := map[int]byte{}
			owned := func() int { // any slot of the model, chosen by rapid
				keys := make([]int, 0, len(model))
				for i := range 1 << 10 {
					if _, ok := model[i]; ok {
						keys = append(keys, i)
					}
				}
				if len(keys) == 0 {
					t.Skip("nothing allocated")
				}
				return rapid.SampledFrom(keys).Draw(t, "slot")
			}
			t.Repeat(map[string]func(*rapid.T){
				"alloc": func(t *rapid.T) {
					i, err := s.Alloc()
					if err != nil {
						t.Fatal(err)
					}
					if _, taken := model[i]; taken {
						t.Fatalf("slot %d handed out twice", i)
					}
					if !bytes.Equal(use(s, i), make([]byte, size)) {
						t.Fatalf("slot %d is not zeroed", i)
					}
					model[i] = 0
				},
				"write": func(t *rapid.T) {
					i := owned()
					model[i] = rapid.Byte().Draw(t, "value")
					fill(s, i, model[i])
				},
				"free": func(*rapid.T) {
					i := owned()
					s.Free(i)
					delete(model, i)
				},
				"": func(t *rapid.T) {
					for i, with := range model {
						if !bytes.Equal(use(s, i), bytes.Repeat([]byte{with}, size)) {
							t.Fatalf("slot %d was overwritten", i)
						}
					}
				},
			})
		})
	})
}

func TestFreeWipesAtOnce(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		s := newSlab(t, 128, 1, b)
		i := alloc(t, s)
		fill(s, i, 0xaa)
		s.Free(i)
		if !bytes.Equal(use(s, i), make([]byte, 128)) {
			t.Error("the slot was not wiped")
		}
	})
}

func TestMisuseOfASlabPanics(t *testing.T) {
	s := newSlab(t, 128, 1, guard.Best())
	i := alloc(t, s)
	for name, f := range map[string]func(){
		"a slot freed twice":      func() { s.Free(i); s.Free(i) },
		"Leave without Enter":     s.Leave,
		"a slot outside the slab": func() { s.Slot(1 << 20) },
		"a negative slot":         func() { s.Slot(-1) },
	} {
		if !panics(f) {
			t.Errorf("%s: no panic", name)
		}
	}
	s.Destroy()
	if !panics(func() { s.Slot(i) }) {
		t.Error("a slot of a slab that is gone: no panic")
	}
	if !panics(s.Leave) {
		t.Error("Leave without Enter after Destroy: no panic")
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

func TestSlabThatCannotBeIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		size, slots int
		b           guard.Backend
	}{
		"no size":         {0, 1, guard.Memguard},
		"negative size":   {-1, 1, guard.Memguard},
		"no slots":        {128, 0, guard.Memguard},
		"more than fits":  {128, 1 << 60, guard.Memguard},
		"no backend":      {128, 1, ""},
		"unknown backend": {128, 1, "tmpfs"},
	} {
		if s, err := guard.NewSlab(c.size, c.slots, c.b); err == nil {
			s.Destroy()
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDestroyedSlabRefusesEverything(t *testing.T) { // P5
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		s := newSlab(t, 128, 1, b)
		i := alloc(t, s)
		s.Destroy()
		s.Destroy()
		if s.Enter() {
			t.Error("Enter after Destroy")
		}
		if _, err := s.Alloc(); !errors.Is(err, guard.ErrDestroyed) {
			t.Errorf("Alloc after Destroy: %v", err)
		}
		s.Free(i) // what is gone need not be freed
	})
}

func TestTenThousandSlotsFitWithinEightMiB(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		for name, room := range map[string]int{"at once": 10_000, "by growth": 1} {
			before := lockedBytes()
			s := newSlab(t, 128, room, b)
			for range 10_000 {
				alloc(t, s)
			}
			if used := lockedBytes() - before; used < 10_000*128 || used > 2<<20 {
				t.Errorf("%s: %d bytes locked", name, used)
			}
			s.Destroy()
			if after := lockedBytes(); after != before {
				t.Errorf("%s: %d bytes locked before, %d after Destroy", name, before, after)
			}
		}
	})
}
