package main

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"bfxvault/cmd/internal/bench"
	pb "bfxvault/proto/bfxvault/v1"
)

// benchGrant has every rule that an order can meet, and limits beyond reach.
const benchGrant = `{"key":"main","allow":["read","trade","cancel"],"symbols":["tBTCUSD","tETHUSD"],
"order_types":["EXCHANGE LIMIT"],"flags":["hidden","post_only","reduce_only"],"max_leverage":1,
"max_order":{"BTC":"0.5","ETH":"10"},"max_notional":{"USD":"25000"},"daily_notional":{"USD":"100000000000000000"},
"price_band":{"tBTCUSD":{"reference":"60000","percent":"50"}},"rate":{"per_second":"1000000","burst":1000000},
"cancel_rate":{"per_second":"1000000","burst":1000000},"daily_requests":1000000000000,
"hours":"Mon-Sun 00:00-24:00 UTC","expires":"2999-12-31","aff_codes":["mine"]}`

func (a *app) bench() *cobra.Command {
	return &cobra.Command{
		Use:   "bench",
		Short: "Measure signing on this machine, in a temporary vault",
		Long: "Measure an empty call, SignRest of an order under a grant with every rule, and SignStream one at a time and with 64 requests\n" +
			"in flight, against a temporary vault behind a daemon of its own: latency with one\n" +
			"caller, throughput with eight, medians of five rounds that take turns.",
		Example: "  vaultctl bench --json",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return a.runBench(c.Context()) },
	}
}

func (a *app) runBench(ctx context.Context) error {
	t, err := a.startTemporary(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	if err := t.addKeyAndBot(ctx, "bench-key", randomText(), "bench-bot", benchGrant); err != nil {
		return err
	}
	results, err := bench.Run(ctx, bench.Target{
		Dial:    func() (*grpc.ClientConn, error) { return dialSign(t.paths.SignSocket()) },
		Request: &pb.SignRestRequest{Label: "main", Path: demoPath, Body: []byte(demoOrder)},
	})
	if err != nil {
		return err
	}
	return a.report(results, func() { a.printBench(results) })
}

func (a *app) printBench(r bench.Results) {
	a.printf("%-18s %10s %10s %12s %14s\n", "", "p50 µs", "p99 µs", "per second", "÷ empty (p50)")
	row := func(name string, f bench.Figures) {
		a.printf("%-18s %10.1f %10.1f %12.0f %14.2f\n", name, f.P50, f.P99, f.PerSecond, f.P50/r.Empty.P50)
	}
	row("empty call", r.Empty)
	row("SignRest", r.Sign)
	row("SignStream", r.Stream)
	row("64 in flight", r.StreamPipelined)
}
