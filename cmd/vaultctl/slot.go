package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

func (a *app) slot() *cobra.Command {
	return group("slot", "Key slots, each of which opens the vault: list, add, remove, upgrade",
		a.slotList(), a.slotAdd(), a.slotRemove(), a.slotUpgrade())
}

// slotView is a key slot as JSON.
type slotView struct {
	Slot    uint32 `json:"slot"`
	Kind    string `json:"kind"`
	Created int64  `json:"created"`
	// Argon2id's parameters; none of a keyfile.
	Time      uint32 `json:"time,omitempty"`
	MemoryKiB uint32 `json:"memory_kib,omitempty"`
	Threads   uint32 `json:"threads,omitempty"`
	// Weak is set where a passphrase is tried much quicker than it should be on this
	// machine.
	Weak bool `json:"weak"`
}

func (a *app) slotList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the key slots, and which a guesser would have an easy time with",
		Long: "List the key slots, locked or not. A passphrase slot is weak where one try of it takes\n" +
			"less than a quarter of a second on this machine: vaultctl slot upgrade.",
		Example: "  vaultctl slot list", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(s *session) error {
				list, err := s.admin.ListSlots(c.Context(), &pb.ListSlotsRequest{})
				if err != nil {
					return err
				}
				return a.reportSlots(list.GetSlots())
			})
		},
	}
}

func (a *app) reportSlots(slots []*pb.Slot) error {
	views := make([]slotView, 0, len(slots))
	rows := make([][]string, 0, len(slots))
	weak := operator.WeakBelow()
	for _, s := range slots {
		v := viewOfSlot(s, weak)
		views = append(views, v)
		rows = append(rows, []string{idText(v.Slot), v.Kind, date(v.Created), v.argon2(), v.remark()})
	}
	return a.report(map[string]any{"slots": views}, func() { a.table("SLOT\tKIND\tCREATED\tARGON2ID\tREMARK", rows) })
}

// viewOfSlot is a slot, and whether its passphrase is tried too quickly: below is
// operator.WeakBelow.
func viewOfSlot(s *pb.Slot, below uint64) slotView {
	p := s.GetParams()
	v := slotView{Slot: s.GetId(), Kind: s.GetKind(), Created: s.GetCreated(), Time: p.GetTime(), MemoryKiB: p.GetMemoryKib(), Threads: p.GetThreads()}
	v.Weak = v.Kind == "passphrase" && uint64(v.Time)*uint64(v.MemoryKiB) < below
	return v
}

func (v slotView) argon2() string {
	if v.Kind == "keyfile" {
		return "-"
	}
	return fmt.Sprintf("t=%d m=%d MiB p=%d", v.Time, v.MemoryKiB>>10, v.Threads)
}

func (v slotView) remark() string {
	if v.Weak {
		return "weak: vaultctl slot upgrade"
	}
	return "-"
}

func (a *app) slotRemove() *cobra.Command {
	var from passphraseFlags
	c := &cobra.Command{
		Use: "remove ID", Short: "Remove a key slot, but for the last that a person opens",
		Long: "Remove a key slot. Who has an old copy of vault.db and what opened the slot can still\n" +
			"open that copy: to shut them out, vaultctl datakey rotate, and then new API keys.",
		Example: "  vaultctl slot remove 3", Args: exactly(1), ValidArgsFunction: a.completeSlots,
		RunE: func(c *cobra.Command, args []string) error {
			id, err := slotID(args[0])
			if err != nil {
				return err
			}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				removed, err := s.removeSlot(c.Context(), by, id)
				if err != nil {
					return err
				}
				return a.slotDone(c.Context(), s, id, removed.GetRevision(), "removed key slot %d\n", id)
			})
		},
	}
	from.add(c)
	return c
}

// slotDone notes and reports a change of the key slots.
func (a *app) slotDone(ctx context.Context, s *session, id uint32, revision uint64, format string, args ...any) error {
	a.remember(ctx, s, revision)
	return a.report(map[string]any{"ok": true, "slot": id, "revision": revision}, func() { a.printf(format, args...) })
}

func idText(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// slotID reads a slot's id. What is none is not repeated (A49).
func slotID(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == 0 {
		return 0, usagef("a key slot is named by its number: vaultctl slot list")
	}
	return uint32(id), nil
}

// removeSlot removes a key slot.
func (s *session) removeSlot(ctx context.Context, c *credential, id uint32) (*pb.RemoveSlotResponse, error) {
	proof, err := s.prove(ctx, c, vault.RemoveSlot{ID: id}.Operation())
	if err != nil {
		return nil, err
	}
	return s.admin.RemoveSlot(ctx, &pb.RemoveSlotRequest{Slot: id, Proof: proof})
}

// addSlot adds a key slot, for which another vouches.
func (s *session) addSlot(ctx context.Context, by *credential, slot vault.KeySlot, kek *operator.KEK) (*pb.AddSlotResponse, error) {
	r := vault.AddSlot{Slot: slot, By: by.slot}
	box, err := s.sealBoth(ctx, r.Purpose(), by.kek, kek)
	if err != nil {
		return nil, err
	}
	request := &pb.AddSlotRequest{Kind: slot.Kind, By: r.By, Keks: box}
	if slot.Kind != "keyfile" {
		request.Params, request.Salt = wireParams(slot.Params), slot.Salt[:]
	}
	return s.admin.AddSlot(ctx, request)
}

// replaceSlot puts a slot in the place of one, for which it or another vouches.
func (s *session) replaceSlot(ctx context.Context, by *credential, id uint32, slot vault.KeySlot, kek *operator.KEK) (*pb.ReplaceSlotResponse, error) {
	r := vault.ReplaceSlot{ID: id, Params: slot.Params, Salt: slot.Salt, By: by.slot}
	box, err := s.sealBoth(ctx, r.Purpose(), by.kek, kek)
	if err != nil {
		return nil, err
	}
	return s.admin.ReplaceSlot(ctx, &pb.ReplaceSlotRequest{
		Slot: id, By: r.By, Params: wireParams(r.Params), Salt: r.Salt[:], Keks: box,
	})
}

// sealBoth seals the KEK that vouches and the new one.
func (s *session) sealBoth(ctx context.Context, purpose vault.Operation, by, kek *operator.KEK) (*pb.Sealed, error) {
	both := append(append(make([]byte, 0, 2*operator.KEKSize), by[:]...), kek[:]...)
	defer clear(both)
	box, _, err := s.seal(ctx, purpose, both)
	return box, err
}

func wireParams(p vault.Argon2Params) *pb.Argon2Params {
	return &pb.Argon2Params{Time: p.Time, MemoryKib: p.MemoryKiB, Threads: uint32(p.Threads)}
}
