package guard_test

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"bfxvault/vault/internal/guard"
)

func TestDestroyWaitsForTheLastUser(t *testing.T) { // P5, A60
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		synctest.Test(t, func(t *testing.T) {
			s := newSlab(t, 128, 1, b)
			i := alloc(t, s)
			fill(s, i, 0x5a)
			for range 2 {
				if !s.Enter() {
					t.Fatal("Enter refused")
				}
			}
			var returned atomic.Int32
			for range 2 { // the second waits as well
				go func() { s.Destroy(); returned.Add(1) }()
			}
			synctest.Wait()
			if s.Enter() {
				t.Error("Enter while Destroy waits")
			}
			s.Leave()
			synctest.Wait()
			if n := returned.Load(); n != 0 {
				t.Errorf("%d calls of Destroy returned, and there is a user", n)
			}
			if !bytes.Equal(s.Slot(i), bytes.Repeat([]byte{0x5a}, 128)) {
				t.Error("wiped under its user")
			}
			s.Leave()
			synctest.Wait()
			if n := returned.Load(); n != 2 {
				t.Errorf("%d of 2 calls of Destroy returned after the last user left", n)
			}
		})
	})
}

// A thousand signers and a lock: none of them reads memory that is gone (which
// would end the test binary), or anything but the secret; none is inside when the
// lock returns, and none gets in later.
func TestAThousandUsersRaceDestroy(t *testing.T) { // P5, A60
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		s := newSlab(t, 128, 1, b)
		i := alloc(t, s)
		fill(s, i, 0x5a)
		want := bytes.Repeat([]byte{0x5a}, 128)
		var inside, wrong atomic.Int64
		var destroyed atomic.Bool
		var users sync.WaitGroup
		started := make(chan struct{}, 1000)
		for range 1000 {
			users.Go(func() {
				for first := true; ; first = false {
					late := destroyed.Load()
					if !s.Enter() {
						break
					}
					inside.Add(1)
					if late || !bytes.Equal(s.Slot(i), want) {
						wrong.Add(1)
					}
					inside.Add(-1)
					s.Leave()
					if first {
						started <- struct{}{}
					}
					runtime.Gosched() // 1,000 loops that yield only when preempted take a minute
				}
			})
		}
		for range 1000 {
			<-started
		}
		var destroyers sync.WaitGroup
		for range 3 {
			destroyers.Go(func() {
				s.Destroy()
				if n := inside.Load(); n != 0 {
					t.Errorf("%d users inside after Destroy", n)
				}
				destroyed.Store(true)
			})
		}
		destroyers.Wait()
		users.Wait()
		if n := wrong.Load(); n != 0 {
			t.Errorf("%d wrong or late reads", n)
		}
	})
}

func TestSlotsAreReadWhileTheSlabGrows(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		s := newSlab(t, 128, 1, b)
		first := alloc(t, s)
		fill(s, first, 0x5a)
		want := bytes.Repeat([]byte{0x5a}, 128)
		var readers, writers sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			readers.Go(func() {
				for {
					if !bytes.Equal(use(s, first), want) {
						t.Error("the first slot was overwritten")
						return
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		for w := range 4 {
			writers.Go(func() {
				var mine []int
				for n := range 1000 {
					i, err := s.Alloc()
					if err != nil {
						t.Error(err)
						return
					}
					fill(s, i, byte(w))
					if mine = append(mine, i); n%3 == 0 {
						s.Free(mine[0])
						mine = mine[1:]
					}
				}
				for _, i := range mine {
					if !bytes.Equal(use(s, i), bytes.Repeat([]byte{byte(w)}, 128)) {
						t.Error("a slot was overwritten")
						return
					}
				}
			})
		}
		writers.Wait()
		close(done)
		readers.Wait()
	})
}

func TestWipeAllWipesUnderUsersAndUnmapsTheRest(t *testing.T) { // P1
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		idle, busy := newSlab(t, 128, 1, b), newSlab(t, 128, 1, b)
		fill(idle, alloc(t, idle), 0x5a)
		i := alloc(t, busy)
		fill(busy, i, 0x5a)
		buffer, err := guard.NewBuffer(32)
		if err != nil {
			t.Fatal(err)
		}
		mem := buffer.Bytes()
		copy(mem, "secret")
		if !busy.Enter() {
			t.Fatal("Enter refused")
		}

		guard.WipeAll()
		guard.WipeAll()

		idle.Destroy() // nothing left to wait for
		if !bytes.Equal(busy.Slot(i), make([]byte, 128)) {
			t.Error("a slot in use was not wiped")
		}
		if !bytes.Equal(mem, make([]byte, 32)) || buffer.Bytes() != nil {
			t.Error("a buffer was not wiped, or is still handed out")
		}
		if idle.Enter() || busy.Enter() {
			t.Error("Enter after WipeAll")
		}
		start := address(busy.Slot(i))
		copy(busy.Slot(i), "written by one who had not noticed")
		busy.Leave()
		if mappingOf(mappings(), start) >= 0 {
			t.Error("still mapped after the last user left")
		}
		busy.Destroy()
		buffer.Destroy()
		if mappingOf(mappings(), address(mem)) >= 0 {
			t.Error("the buffer is still mapped after Destroy")
		}
	})
}

func TestWipeAllRacesEverything(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b guard.Backend) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 20 {
					s, err := guard.NewSlab(128, 1, b)
					if err != nil {
						t.Error(err)
						return
					}
					for range 100 {
						if i, err := s.Alloc(); err == nil && s.Enter() {
							_ = s.Slot(i)
							s.Leave()
							s.Free(i)
						}
					}
					s.Destroy()
				}
			})
			all.Go(func() {
				for range 20 {
					buffer, err := guard.NewBuffer(32)
					if err != nil {
						t.Error(err)
						return
					}
					_ = buffer.Bytes()
					buffer.Destroy()
					guard.WipeAll()
				}
			})
		}
		all.Wait()
	})
}
