package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/sim"
)

// simFlags are what `vaultctl sim` can be told.
type simFlags struct {
	listen string
	limit  int
	delay  time.Duration
	seed   uint64
}

func (a *app) sim() *cobra.Command {
	var f simFlags
	c := &cobra.Command{
		Use:   "sim",
		Short: "Run a simulated Bitfinex on this machine, to rehearse with",
		Long: "Run a simulated Bitfinex on this machine until Ctrl-C, to rehearse a policy or a bot\n" +
			"without an exchange. It checks API keys, permissions, signatures and nonces as Bitfinex\n" +
			"does, has a market in tBTCUSD and tETHUSD that fills orders, and play money. What it\n" +
			"knows is gone when it ends.\n\n" +
			"It prints its URL and two API keys that it has made up: one for trading, and one that\n" +
			"may do everything, withdrawals too. Their secrets are printed because they are worth\n" +
			"nothing: they are good here alone, and only until it ends.",
		Example: "  vaultctl sim\n" +
			"  vaultctl sim --listen 127.0.0.1:8432 --limit 90 --delay 30ms",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return a.runSim(c.Context(), f) },
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "where to serve, on this machine only; port 0 is any that is free")
	c.Flags().IntVar(&f.limit, "limit", 0, "requests that an API key may send in a minute (default no limit)")
	c.Flags().DurationVar(&f.delay, "delay", 0, "hold each request up for as long as this at most, at random, so that requests overtake each other")
	c.Flags().Uint64Var(&f.seed, "seed", 1, "of the delays")
	return c
}

// simKey is an API key of the simulated exchange, for --json.
type simKey struct {
	For    string `json:"for"`
	Key    string `json:"api_key"`
	Secret string `json:"api_secret"`
}

func (a *app) runSim(ctx context.Context, f simFlags) error {
	if f.limit < 0 || f.delay < 0 || f.delay > time.Minute {
		return usagef("--limit and --delay cannot be below zero, nor --delay above a minute")
	}
	keys := []simKey{
		{"trading", "sim-" + string(randomText()), "sim-secret-" + string(randomText())},
		{"everything", "sim-" + string(randomText()), "sim-secret-" + string(randomText())},
	}
	const trading = sim.Account | sim.History | sim.Orders | sim.Positions | sim.Funding | sim.Wallets
	exchange := sim.Options{Market: true, Limit: f.limit, Delay: f.delay, Seed: f.seed, FirstOrder: time.Now().UnixMilli()}.New(
		sim.Key{ID: keys[0].Key, Secret: keys[0].Secret, Read: trading, Write: sim.Orders},
		sim.Key{ID: keys[1].Key, Secret: keys[1].Secret, Read: sim.All, Write: sim.All})
	url, err := exchange.Listen(f.listen)
	if err != nil {
		return usagef("%v: give --listen an address of this machine with a free port, such as 127.0.0.1:8432", err)
	}
	defer exchange.Close()
	if err := a.report(map[string]any{"url": url, "keys": keys}, func() { a.printSim(url, keys) }); err != nil {
		return err
	}
	<-ctx.Done() // Ctrl-C is how it is meant to end
	return nil
}

func (a *app) printSim(url string, keys []simKey) {
	a.printf("a simulated Bitfinex serves %s until Ctrl-C\n", url)
	for _, k := range keys {
		a.printf("\nAPI key for %s, good here alone:\n  key     %s\n  secret  %s\n", k.For, k.Key, k.Secret)
	}
	a.printf("\nto rehearse, in a second terminal, with a vault for the purpose:\n"+
		"  vaultctl key add rehearsal --api-key %s --permissions read,trade\n"+
		"  vaultctl key verify rehearsal --upstream %s\n"+
		"  vaultproxy --upstream %s\n", keys[0].Key, url, url)
}
