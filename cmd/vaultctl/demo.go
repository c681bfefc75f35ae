package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"bfxvault/api/upstream"
	"bfxvault/cmd/internal/sim"
	pb "bfxvault/proto/bfxvault/v1"
)

func (a *app) demo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the whole thing in a temporary folder, against a simulated Bitfinex",
		Long: "Make a temporary vault behind a real daemon process, store an API key, register a\n" +
			"bot, and send a signed order to a simulated Bitfinex that checks it as the exchange\n" +
			"does. Nothing of it stays, and your own vault is not touched.",
		Example: "  vaultctl demo",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return a.runDemo(c.Context()) },
	}
}

const (
	demoKey   = "demo-key-of-the-simulated-bitfinex"
	demoPath  = "v2/auth/w/order/submit"
	demoGrant = `{"key":"main","allow":["read","trade","cancel"],"symbols":["tBTCUSD"],"max_order":{"BTC":"0.5"}}`
	demoOrder = `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.01","price":"60000"}`
)

// demo is the state of one demonstration.
type demo struct {
	*app
	vault  *temporary
	signer pb.SignerServiceClient
	to     *upstream.Client
	steps  []demoStep
}

// demoStep is one thing that happened, for --json.
type demoStep struct {
	What   string `json:"what"`
	By     string `json:"by"` // who decided: "vault" or "exchange"
	OK     bool   `json:"ok"`
	Answer string `json:"answer"`
}

func (a *app) runDemo(ctx context.Context) error {
	secret := randomText()
	exchange := sim.New(sim.Key{ID: demoKey, Secret: string(secret), Read: sim.All, Write: sim.Orders})
	url, err := exchange.Start()
	if err != nil {
		return err
	}
	defer exchange.Close()
	to, err := upstream.New(upstream.Options{URL: url})
	if err != nil {
		return err
	}
	defer to.Close()
	t, err := a.startTemporary(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	d := &demo{app: a, vault: t, to: to}
	d.say("a vault in %s, behind a daemon of its own (pid %d), and a simulated Bitfinex at %s", t.dir, t.daemon.Process.Pid, url)
	err = t.addKeyAndBot(ctx, demoKey, secret, "demo-bot", demoGrant)
	clear(secret)
	if err != nil {
		return err
	}
	d.say("stored API key %q, registered %q (this user's programs), granted orders of up to 0.5 BTC in tBTCUSD", "main", "demo-bot")
	conn, err := dialSign(t.paths.SignSocket())
	if err != nil {
		return err
	}
	defer conn.Close()
	d.signer = pb.NewSignerServiceClient(conn)
	if err := d.play(ctx); err != nil {
		return err
	}
	return a.report(map[string]any{"ok": true, "steps": d.steps}, func() {
		a.printf("\nNo bot ever saw the secret. Your own vault, in three terminals' worth of commands:\n" +
			"  vaultd --dir ~/vault                                  # leave it running\n" +
			"  export BFXVAULT_DIR=~/vault; vaultctl init\n" +
			"  vaultctl key add main --api-key ID --permissions read,trade\n" +
			"  vaultctl bot add my-bot --uid $(id -u) && vaultctl grant my-bot main --allow read,trade,cancel\n" +
			"  vaultctl sign main v2/auth/r/wallets --body '{}'      # as the bot would\n" +
			"README.md goes on from there, in Go, Node and Python.\n")
	})
}

// play sends what must be accepted and what must be refused.
func (d *demo) play(ctx context.Context) error {
	signed, err := d.signer.SignRest(ctx, &pb.SignRestRequest{Label: "main", Path: demoPath, Body: []byte(demoOrder)})
	if err != nil {
		return err
	}
	if err := d.exchange(ctx, "a signed order", signed, demoOrder, true); err != nil {
		return err
	}
	if err := d.exchange(ctx, "the same order, sent a second time", signed, demoOrder, false); err != nil {
		return err
	}
	if signed, err = d.signer.SignRest(ctx, &pb.SignRestRequest{Label: "main", Path: demoPath, Body: []byte(demoOrder)}); err != nil {
		return err
	}
	larger := strings.Replace(demoOrder, "0.01", "90.01", 1)
	if err := d.exchange(ctx, "an order changed after it was signed", signed, larger, false); err != nil {
		return err
	}
	if err := d.refused(ctx, "an order of 90 BTC", demoPath, larger, "DENIED"); err != nil {
		return err
	}
	withdraw := `{"wallet":"exchange","method":"bitcoin","amount":"1","address":"bc1qthief"}`
	if err := d.refused(ctx, "a withdrawal", "v2/auth/w/withdraw", withdraw, "DENIED"); err != nil {
		return err
	}
	twice := `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.01","amount":"900","price":"60000"}`
	if err := d.refused(ctx, "an order with two amounts", demoPath, twice, "MALFORMED"); err != nil {
		return err
	}
	if _, err := d.vault.admin.Lock(ctx, &pb.LockRequest{}); err != nil {
		return err
	}
	return d.refused(ctx, "an order once the vault is locked", demoPath, demoOrder, "LOCKED")
}

// exchange sends a signed request and checks that the answer is the expected one.
func (d *demo) exchange(ctx context.Context, what string, s *pb.SignRestResponse, body string, wantOK bool) error {
	answer, err := d.to.Do(ctx, upstream.Request{
		Path: demoPath, Body: body, APIKey: s.GetApiKey(), Nonce: s.GetRequestNonce(), Signature: s.GetSignature(),
	})
	if no := (*upstream.Error)(nil); errors.As(err, &no) && no.Kind != upstream.Refused {
		return err
	}
	ok, said := err == nil, string(bytes.TrimSpace(answer))
	if !ok {
		said = err.Error()
	}
	return d.step(demoStep{what, "exchange", ok, said}, ok == wantOK)
}

// refused asks for a signature that the vault must not give.
func (d *demo) refused(ctx context.Context, what, path, body, reason string) error {
	_, err := d.signer.SignRest(ctx, &pb.SignRestRequest{Label: "main", Path: path, Body: []byte(body)})
	if err == nil {
		return d.step(demoStep{what, "vault", true, "signed"}, false)
	}
	f := toFailure(err)
	return d.step(demoStep{what, "vault", false, f.reason + ": " + f.message}, f.reason == reason)
}

func (d *demo) step(s demoStep, expected bool) error {
	d.steps = append(d.steps, s)
	verdict := "refused by the " + s.By
	if s.OK {
		verdict = "accepted by the " + s.By
	}
	answer := s.Answer
	if len(answer) > 120 {
		answer = answer[:117] + "…"
	}
	d.say("%s: %s\n    %s", s.What, verdict, answer)
	if !expected {
		return errors.New("the demonstration did not go as it must: " + fmt.Sprint(s))
	}
	return nil
}

func (d *demo) say(format string, args ...any) {
	if !d.json {
		d.printf("• "+format+"\n", args...)
	}
}
