package main

import (
	"context"
	"time"

	"bfxvault/cmd/internal/doctor"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// overview is what can be said of a vault without its passphrase.
type overview struct {
	status *pb.StatusResponse
	slots  []*pb.Slot
	// While unlocked.
	keys []*pb.ApiKey
	bots []*pb.Bot
	// untold is what vaultd did not tell, and why: one line each.
	untold []string
	disks  []doctor.Disk
}

// answerTime is how long vaultd gets for what it may have to wait for its disk for:
// Status itself never does.
const answerTime = 2 * time.Second

// overview asks for all that there is to say beside a status. What cannot be told is
// part of it: a status is given in any state.
func (a *app) overview(ctx context.Context, state *pb.StatusResponse) *overview {
	o := &overview{status: state}
	if p, err := a.paths(); err == nil {
		o.disks, _ = doctor.Disks(p.State, p.Audit()) // a service's may be out of sight
	}
	if vault.State(state.GetState()) == vault.Uninitialised || state.GetProblem() != "" {
		return o
	}
	o.told("key slots, API keys and bots", a.with(func(s *session) error {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		slots, err := s.admin.ListSlots(ctx, &pb.ListSlotsRequest{})
		o.slots = slots.GetSlots()
		o.told("key slots", err)
		if vault.State(state.GetState()) != vault.Unlocked {
			return nil
		}
		keys, err := s.admin.ListKeys(ctx, &pb.ListKeysRequest{})
		o.keys = keys.GetKeys()
		o.told("API keys", err)
		bots, err := s.admin.ListBots(ctx, &pb.ListBotsRequest{})
		o.bots = bots.GetBots()
		o.told("bots", err)
		return nil
	}))
	return o
}

func (o *overview) told(what string, err error) {
	if err != nil {
		o.untold = append(o.untold, what+": "+toFailure(err).message)
	}
}
