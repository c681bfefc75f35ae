// Package bench measures a running vaultd from outside, as a bot sees it: four
// ways of asking, in rounds that take turns, so that a machine that drifts drifts
// for all of them alike.
//
// Use Run with a Target. Each way is measured with one caller for latency and
// with eight for throughput; what is returned are medians over the rounds.
//
// Trap: the callers share the machine with the daemon, so the figures are worth
// comparing within one run and nowhere else.
package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "bfxvault/proto/bfxvault/v1"
)

const (
	rounds  = 5
	callers = 8
	// slice is how long one way is measured with one number of callers, so that
	// all of it takes half a minute.
	slice = 700 * time.Millisecond
	// inFlight is how many requests a pipelined stream has under way.
	inFlight = 64
)

// Figures are what one way of asking costs: microseconds with one caller, calls a
// second with eight.
type Figures struct {
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	PerSecond float64 `json:"per_second"`
}

// Results are the four ways.
type Results struct {
	Empty           Figures `json:"empty"`            // grpc.health.v1 Check
	Sign            Figures `json:"sign"`             // SignRest
	Stream          Figures `json:"stream"`           // SignStream, one at a time
	StreamPipelined Figures `json:"stream_pipelined"` // SignStream, 64 in flight
}

// Target is what is measured: how to connect, and the request to sign.
type Target struct {
	Dial    func() (*grpc.ClientConn, error)
	Request *pb.SignRestRequest
}

// way opens one caller's connection and returns its loop: it asks until the
// context ends and reports each answer's latency.
type way func(ctx context.Context, t Target) (loop func(report func(time.Duration)) error, end func(), err error)

// Run measures all ways and returns medians over the rounds. It takes about 30 s.
func Run(ctx context.Context, t Target) (Results, error) {
	ways := []way{empty, sign, stream, pipelined}
	samples := make([][]Figures, len(ways))
	for range rounds {
		for i, w := range ways {
			f, err := measure(ctx, t, w)
			if err != nil {
				return Results{}, err
			}
			samples[i] = append(samples[i], f)
		}
	}
	return Results{median(samples[0]), median(samples[1]), median(samples[2]), median(samples[3])}, nil
}

func measure(ctx context.Context, t Target, w way) (Figures, error) {
	alone, _, err := together(ctx, t, w, 1)
	if err != nil {
		return Figures{}, err
	}
	_, rate, err := together(ctx, t, w, callers)
	if err != nil {
		return Figures{}, err
	}
	if len(alone) == 0 {
		return Figures{}, fmt.Errorf("bench: nothing was answered within %v", slice)
	}
	slices.Sort(alone)
	at := func(q int) float64 {
		return float64(alone[min(len(alone)*q/100, len(alone)-1)].Nanoseconds()) / 1000
	}
	return Figures{P50: at(50), P99: at(99), PerSecond: rate}, nil
}

// together runs a way with a number of callers for a slice of time, each on a
// connection of its own, and returns the first one's latencies and the rate of
// all.
func together(ctx context.Context, t Target, w way, n int) ([]time.Duration, float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var answered atomic.Int64
	latencies := make([]time.Duration, 0, 1<<16)
	errs := make([]error, n)
	loops := make([]func(func(time.Duration)) error, n)
	for i := range n {
		loop, end, err := w(ctx, t)
		if err != nil {
			return nil, 0, err
		}
		defer end()
		loops[i] = loop
	}
	var wg sync.WaitGroup
	start := time.Now()
	stop := time.AfterFunc(slice, cancel)
	defer stop.Stop()
	for i, loop := range loops {
		wg.Go(func() {
			errs[i] = loop(func(d time.Duration) {
				answered.Add(1)
				if i == 0 {
					latencies = append(latencies, d)
				}
			})
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	for _, err := range errs {
		if err != nil {
			return nil, 0, err
		}
	}
	return latencies, float64(answered.Load()) / elapsed.Seconds(), nil
}

// median takes each figure's median over the rounds.
func median(samples []Figures) Figures {
	of := func(get func(Figures) float64) float64 {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = get(s)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return Figures{
		P50:       of(func(f Figures) float64 { return f.P50 }),
		P99:       of(func(f Figures) float64 { return f.P99 }),
		PerSecond: of(func(f Figures) float64 { return f.PerSecond }),
	}
}

func empty(ctx context.Context, t Target) (func(func(time.Duration)) error, func(), error) {
	conn, err := t.Dial()
	if err != nil {
		return nil, nil, err
	}
	client := healthpb.NewHealthClient(conn)
	call := func() error {
		_, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
		return err
	}
	return loopOf(ctx, call), func() { conn.Close() }, call()
}

func sign(ctx context.Context, t Target) (func(func(time.Duration)) error, func(), error) {
	conn, err := t.Dial()
	if err != nil {
		return nil, nil, err
	}
	client := pb.NewSignerServiceClient(conn)
	call := func() error {
		_, err := client.SignRest(ctx, t.Request)
		return err
	}
	return loopOf(ctx, call), func() { conn.Close() }, call()
}

// loopOf times a call until the context ends; the call that it interrupts does
// not count.
func loopOf(ctx context.Context, call func() error) func(func(time.Duration)) error {
	return func(report func(time.Duration)) error {
		for {
			start := time.Now()
			if err := call(); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			report(time.Since(start))
		}
	}
}
