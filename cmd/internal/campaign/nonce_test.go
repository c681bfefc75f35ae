package campaign_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	connections = 32
	year        = 365 * 24 * time.Hour
)

// phase is a life of vaultd. Its clock is set at the start, and again when half of
// its signatures are made.
type phase struct {
	name       string
	atStart    time.Duration // against the true time
	atHalf     time.Duration
	wantsAlert bool // the clock ran ahead, and the operator must be told
}

// P6, A41, A44: over three kill -9, a clock set ahead a year and one set back an
// hour, no request nonce is given twice or goes back, nothing is refused but what
// the kill cut off, and no API key is burnt.
func TestRequestNoncesRiseOverKillsAndClockSteps(t *testing.T) {
	t.Parallel()
	r := ready(t, conditions{hooked: true}, "one", "two")
	c := &nonceCampaign{t: t, r: r, quota: size(10_000, 200_000) / 4, labels: []string{"one", "two"}}
	for _, p := range []phase{
		{"the clock leaps ahead a year", 0, year, true},
		{"put right, then back an hour", 0, -time.Hour, false},
		{"an hour back at the start, then put right", -time.Hour, 0, true},
		{"right all along", 0, 0, false},
	} {
		c.life(p, p.name != "right all along")
	}
	total := 0
	for i := range c.ledgers {
		total += c.ledgers[i].check(t)
	}
	t.Logf("%d signatures, %d calls cut off by %d kills, at most %v ahead of the true time",
		total, c.cut.Load(), c.crashes, time.Duration(c.ahead.Load())*time.Microsecond)
}

type nonceCampaign struct {
	t       *testing.T
	r       *rig
	quota   int // signatures of one life
	labels  []string
	ledgers [2]ledger
	crashes int
	cut     atomic.Int64
	ahead   atomic.Int64 // microseconds by which a nonce was ahead at most
}

// life runs one phase with all connections at work until it is killed, or told to
// end where it is the last.
func (c *nonceCampaign) life(p phase, killed bool) {
	c.r.setClock(p.atStart)
	if c.crashes > 0 {
		c.r.restart()
	}
	var over atomic.Bool // from here on, errors are the kill's
	var signed tally
	half := signed.more(c.quota / 2)
	var workers sync.WaitGroup
	failed := make(chan error, connections)
	for i := range connections {
		b := c.r.bot()
		workers.Go(func() {
			if err := c.work(b, i, killed, &over, &signed); err != nil {
				failed <- fmt.Errorf("%s: %w", p.name, err)
			}
		})
	}
	await(c.t, half, failed)
	c.r.setClock(p.atHalf)
	await(c.t, signed.more(c.quota/2), failed)
	if alerts := c.r.admin().status(c.t).GetAlerts(); (len(alerts) > 0) != p.wantsAlert {
		c.t.Errorf("%s: alerts %q", p.name, alerts)
	}
	over.Store(true)
	if killed {
		c.r.kill()
	}
	workers.Wait()
	if killed {
		c.crashes++
	}
	close(failed)
	must(c.t, <-failed)
}

// work is one connection: it signs with both API keys in turn until it is over, or
// until it is cut off.
func (c *nonceCampaign) work(b *bot, i int, killed bool, over *atomic.Bool, signed *tally) error {
	for ; killed || !over.Load(); i++ {
		key := i % len(c.labels)
		n, err := c.ledgers[key].sign(b, c.labels[key])
		switch {
		case err == nil:
		case over.Load() && status.Code(err) == codes.Unavailable:
			c.cut.Add(1)
			return nil
		default:
			return err
		}
		if err := c.burnt(n); err != nil {
			return err
		}
		signed.add()
	}
	return nil
}

// burnt reports a request nonce further ahead of the true time than a mark
// reaches, which is a minute, and a second for each crash.
func (c *nonceCampaign) burnt(n uint64) error {
	ahead := int64(n) - time.Now().UnixMicro()
	for {
		most := c.ahead.Load()
		if ahead <= most || c.ahead.CompareAndSwap(most, ahead) {
			break
		}
	}
	if limit := 61*time.Second + time.Duration(c.crashes)*time.Second; time.Duration(ahead)*time.Microsecond > limit {
		return fmt.Errorf("request nonce %d is %d µs ahead after %d crashes", n, ahead, c.crashes)
	}
	return nil
}
