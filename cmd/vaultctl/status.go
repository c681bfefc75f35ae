package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/doctor"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

func (a *app) status() *cobra.Command {
	var wait time.Duration
	c := &cobra.Command{
		Use:   "status",
		Short: "Say on one screen how the vault is",
		Long: "Say on one screen how the vault is: its state, key slots, API keys with version and\n" +
			"age, bots and when they signed last, limits of the day that are nearly spent,\n" +
			"alerts, disk and memory. What waits for you comes first; --json has all of it.",
		Example: "  vaultctl status\n  vaultctl status --wait 5s   # wait for vaultd to come up",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.statusWithin(c.Context(), wait)
			if err != nil {
				return err
			}
			return a.reportStatus(a.overview(c.Context(), s))
		},
	}
	c.Flags().DurationVar(&wait, "wait", 0, "how long to wait for vaultd's socket")
	return c
}

// statusWithin asks until vaultd answers or the time is over. A vaultd that has
// its sockets and gives no answer (stopped, for one) counts as not reachable.
func (a *app) statusWithin(ctx context.Context, wait time.Duration) (*pb.StatusResponse, error) {
	const again, patience = 20 * time.Millisecond, 5 * time.Second
	deadline := time.Now().Add(wait)
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(patience))
	defer cancel()
	for {
		var state *pb.StatusResponse
		err := a.with(func(s *session) (err error) {
			state, err = s.admin.Status(ctx, &pb.StatusRequest{})
			return err
		})
		if err == nil {
			return state, nil
		}
		// A folder left open is closed by vaultd before its sockets are there.
		notYet := is(err, "UNREACHABLE") || is(err, "UNSAFE_FOLDER")
		if !notYet || time.Now().After(deadline) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(again):
		}
	}
}

// count is "1 bot" or "2 bots".
func count(n uint32, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.FormatUint(uint64(n), 10) + " " + what
}

func (a *app) reportStatus(o *overview) error {
	keys := o.keyStates()
	bots, near, err := o.botStates()
	if err != nil {
		return err
	}
	return a.report(o.value(keys, bots, near), func() { a.printStatus(o, keys, bots, near) })
}

// value is a status as JSON.
func (o *overview) value(keys []keyState, bots []botState, near []nearLimit) map[string]any {
	s := o.status
	value := map[string]any{
		"state": s.GetState(), "version": s.GetVersion(), "problem": s.GetProblem(),
		"alerts": append([]string{}, s.GetAlerts()...), "audit_problem": s.GetAuditProblem(),
		"recent_alerts": recentAlerts(s.GetRecent()), "slots": statesOfSlots(o.slots), "disks": diskViews(o.disks),
		"memlock": map[string]uint64{"limit": s.GetSetup().GetMemlockLimit(), "used": s.GetSetup().GetMemlockUsed()},
		"untold":  append([]string{}, o.untold...),
	}
	addLocking(value, s)
	if vault.State(s.GetState()) == vault.Unlocked {
		value["vault_id"], value["revision"] = hex.EncodeToString(s.GetVaultId()), s.GetRevision()
		value["keys"], value["bots"], value["grants"] = s.GetKeys(), s.GetBots(), s.GetGrants()
		value["since"], value["memory"] = s.GetSince(), s.GetMemory()
		value["api_keys"], value["bot_list"], value["near_limits"] = keys, bots, near
	}
	return value
}

type slotState struct {
	Slot    uint32 `json:"slot"`
	Kind    string `json:"kind"`
	Created int64  `json:"created"`
}

func statesOfSlots(slots []*pb.Slot) []slotState {
	views := make([]slotState, 0, len(slots))
	for _, s := range slots {
		views = append(views, slotState{s.GetId(), s.GetKind(), s.GetCreated()})
	}
	return views
}

func diskViews(disks []doctor.Disk) []map[string]any {
	views := make([]map[string]any, len(disks))
	for i, d := range disks {
		views[i] = map[string]any{"path": d.Path, "free": d.Free}
	}
	return views
}

// addLocking adds when the vault locks by itself, and when and why it was locked last.
func addLocking(value map[string]any, s *pb.StatusResponse) {
	if s.GetLocksAt() != 0 {
		value["idle_lock"], value["max_unlock"], value["locks_at"] = s.GetIdleLock(), s.GetMaxUnlock(), s.GetLocksAt()
	}
	if s.GetLockedAt() != 0 {
		value["locked_at"], value["locked_by"] = s.GetLockedAt(), s.GetLockedBy()
	}
}

// lockingLine is the same in words, a line to follow the state.
func lockingLine(s *pb.StatusResponse) string {
	switch {
	case s.GetLocksAt() != 0:
		var settings []string
		for name, n := range map[string]uint32{"idle_lock": s.GetIdleLock(), "max_unlock": s.GetMaxUnlock()} {
			if n != 0 {
				settings = append(settings, name+" "+(time.Duration(n)*time.Second).String())
			}
		}
		slices.Sort(settings)
		return fmt.Sprintf("\nlocks at %s UTC unless it is used (%s)", date(s.GetLocksAt()), strings.Join(settings, ", "))
	case vault.State(s.GetState()) == vault.Locked && s.GetLockedAt() != 0 && s.GetLockedBy() != string(vault.CauseOperator): // who knows it already
		return fmt.Sprintf("\nwas locked at %s UTC: %s", date(s.GetLockedAt()), s.GetLockedBy())
	}
	return ""
}

func recentAlerts(list []*pb.Alert) []map[string]any {
	views := make([]map[string]any, len(list))
	for i, alert := range list {
		views[i] = map[string]any{"time": alert.GetTime(), "alert": alert.GetName(), "detail": alert.GetDetail()}
	}
	return views
}
