package main

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"bfxvault/api/upstream"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

func (a *app) panicking() *cobra.Command {
	var from passphraseFlags
	var to upstreamFlag
	var cancel bool
	c := &cobra.Command{
		Use:   "panic",
		Short: "Stop everything: no signature, worthless ones in the hands of bots, and no automatic unlock",
		Long: "Stop everything. Signing stops at once; a read is sent with each API key, which makes the\n" +
			"signatures that bots hold worthless; the vault is locked, and only the passphrase or the\n" +
			"recovery code opens it again. It needs no passphrase.\n\n" +
			"--cancel-all also cancels all orders of each account. That needs the passphrase, unless\n" +
			"vaultctl panic allow on was run before. A wrong one keeps nothing else from being done.",
		Example: "  vaultctl panic\n  vaultctl panic --cancel-all\n  vaultctl panic allow on   # --cancel-all without the passphrase",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := to.client()
			if err != nil {
				return err
			}
			defer client.Close()
			return a.with(func(s *session) error {
				request := &pb.PanicRequest{CancelAll: cancel}
				var traders map[string]bool
				if cancel {
					traders = s.traders(c.Context())
					if request.Proof, err = a.panicProof(c.Context(), s, from); err != nil {
						return err
					}
				}
				stopped, err := s.admin.Panic(c.Context(), request)
				if err != nil {
					return err
				}
				if stopped.GetAlready() {
					state, err := s.admin.Status(c.Context(), &pb.StatusRequest{})
					if err == nil && vault.State(state.GetState()) == vault.Uninitialised {
						return failed("NOT_INITIALISED", "there is no vault yet").withHint("vaultctl init")
					}
				}
				report := a.burn(c.Context(), client, stopped.GetRequests(), stopped.GetUnburnt())
				return a.reportPanic(stopped, report, cancel, traders)
			})
		},
	}
	c.Flags().BoolVar(&cancel, "cancel-all", false, "also cancel all orders")
	from.add(c)
	to.add(c)
	c.AddCommand(a.panicAllow())
	return c
}

// panicProof makes the proof of a panic that cancels, where one is needed. None is better
// than no panic: only who ends the prompt has changed their mind.
func (a *app) panicProof(ctx context.Context, s *session, from passphraseFlags) (*pb.Proof, error) {
	state, err := s.admin.Status(ctx, &pb.StatusRequest{})
	if err != nil || state.GetPanicCancelAll() || vault.State(state.GetState()) != vault.Unlocked {
		return nil, nil
	}
	a.hintf("to cancel all orders needs the passphrase; to stop everything else does not: Ctrl-C, then vaultctl panic")
	c, err := a.credential(ctx, s, from)
	if is(err, "INTERRUPTED") {
		return nil, err
	}
	if err != nil {
		a.warnf("%v", err)
		return nil, nil
	}
	defer c.kek.Wipe()
	proof, err := s.prove(ctx, c, vault.Panic{CancelAll: true}.Operation())
	if err != nil {
		a.warnf("%v", err)
		return nil, nil
	}
	return proof, nil
}

// traders says of each API key whether it was declared to trade: the lock takes that away.
func (s *session) traders(ctx context.Context) map[string]bool {
	list, err := s.admin.ListKeys(ctx, &pb.ListKeysRequest{})
	if err != nil {
		return nil // then each counts as one
	}
	traders := map[string]bool{}
	for _, k := range list.GetKeys() {
		traders[k.GetLabel()] = slices.Contains(k.GetPermissions(), policy.Trade.String())
	}
	return traders
}

// reportPanic says what was done, and fails where orders should have been cancelled and
// were not: whatever was to trade and has cancelled nothing. That an API key may not cancel
// is no failure where it was never said to trade.
func (a *app) reportPanic(stopped *pb.PanicResponse, report burnReport, cancel bool, traders map[string]bool) error {
	cancelled, missed := 0, 0
	tried := map[string]bool{}
	for _, d := range report.Sent {
		trades, known := traders[d.Label]
		tried[d.Label] = tried[d.Label] || d.Path == cancelAllPath
		switch {
		case d.Path != cancelAllPath:
		case d.Outcome == wasSent:
			cancelled++
		case known && !trades && d.Code == upstream.CodeNotPermitted:
			a.hintf("%s may not cancel orders, and was not declared to trade", d.Label)
		default:
			missed++
			a.warnf("orders of %s may stand: %s", d.Label, d.why())
		}
	}
	for _, label := range slices.Sorted(maps.Keys(traders)) {
		if traders[label] && !tried[label] && stopped.GetRefused() == "" {
			missed++
			a.warnf("orders of %s may stand: no cancel could be signed with it", label)
		}
	}
	if cancel && stopped.GetAlready() {
		missed++
	}
	value := map[string]any{
		"state": vault.Locked, "already": stopped.GetAlready(), "burn": report, "cancelled": cancelled,
		"forgetful": stopped.GetForgetful(), "refused": stopped.GetRefused(),
	}
	if stopped.GetAlready() {
		a.warnf("the vault was locked already, and signs nothing: signatures that bots hold may still be good, and orders stand")
	}
	if stopped.GetForgetful() {
		a.warnf("it could not be written down that only the passphrase unlocks: that holds until vaultd ends")
	}
	if stopped.GetRefused() != "" || missed > 0 {
		f := failed("NOT_CANCELLED", "everything is stopped, but not all orders are cancelled: %s", orElse(stopped.GetRefused(), "see above")).
			withHint("cancel them at Bitfinex; API keys are deleted at %s", revokeAt)
		f.more = value
		return f
	}
	return a.report(value, func() {
		a.printf("everything is stopped, and the vault locked: only the passphrase or the recovery code opens it\n%s\n", report.summary())
		if cancelled > 0 {
			a.printf("all orders are cancelled, with %s\n", count(uint32(cancelled), "API key"))
		}
		a.printf("if an API key may have leaked, delete it at %s\n", revokeAt)
	})
}

// cancelAllPath is that of the request which cancels all orders.
const cancelAllPath = "v2/auth/w/order/cancel/multi"

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func (a *app) panicAllow() *cobra.Command {
	var from passphraseFlags
	c := &cobra.Command{
		Use: "allow on|off", Short: "Say whether panic --cancel-all works without the passphrase",
		Long: "Say whether panic --cancel-all works without the passphrase. While it does, whoever may\n" +
			"connect to admin.sock can cancel all orders.",
		Example: "  vaultctl panic allow on", Args: exactly(1), ValidArgs: []string{"on", "off"},
		RunE: func(c *cobra.Command, args []string) error {
			if args[0] != "on" && args[0] != "off" {
				return usagef("panic allow takes on or off")
			}
			request := vault.SetPanic{CancelAll: args[0] == "on"}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				proof, err := s.prove(c.Context(), by, request.Operation())
				if err != nil {
					return err
				}
				set, err := s.admin.SetPanic(c.Context(), &pb.SetPanicRequest{CancelAll: request.CancelAll, Proof: proof})
				if err != nil {
					return err
				}
				a.remember(c.Context(), s, set.GetRevision())
				return a.done(set.GetRevision(), "panic --cancel-all without the passphrase: %s", args[0])
			})
		},
	}
	from.add(c)
	return c
}
