package campaign_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// P2, P6, P7, A41: vaultd is killed at random points while an operator adds API keys,
// bots and grants and removes bots, and a bot signs over 32 connections. Every
// acknowledged change is there afterwards, every other one is there whole or not at
// all and is reported, the vault unlocks, no request nonce repeats, every signature
// that reached the bot has its record, and the log verifies: as the kill has left it,
// and as the next vaultd goes on with it.
func TestWhatWasAcknowledgedSurvivesKills(t *testing.T) {
	t.Parallel()
	kills, seed := size(20, 1000), rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var all crashCount
	for all.kills < kills && !t.Failed() {
		c := newCrashes(ready(t, conditions{}, "main"), random)
		for range min(killsOfOneVault, kills-all.kills) {
			c.life()
			if t.Failed() {
				return
			}
		}
		c.finish()
		all.add(&c.count)
	}
	t.Logf("%d kills, %d acknowledged changes, %d unacknowledged ones of which %d had been made, %d signatures, all with their records, of %d",
		all.kills, all.acknowledged, all.open, all.made, all.signed, all.records)
}

// killsOfOneVault bounds what has to be verified after each kill.
const killsOfOneVault = 100

// crashCount is what crashes have counted.
type crashCount struct {
	kills        int
	acknowledged int
	open, made   int // changes without an answer, and those of them that were made
	signed       int // signatures that reached a client
	records      int // of signatures
}

func (c *crashCount) add(more *crashCount) {
	c.kills += more.kills
	c.acknowledged += more.acknowledged
	c.open += more.open
	c.made += more.made
	c.signed += more.signed
	c.records += more.records
}

// fact is what the operator knows of an entry.
type fact int

const (
	begun  fact = iota // asked for, and no answer
	known              // acknowledged
	ending             // its removal was asked for, and no answer
)

// crashes are the lives of vaultd over one vault.
type crashes struct {
	*rig
	random *rand.Rand
	next   atomic.Int64
	killed atomic.Bool
	nonces ledger
	trail  trail
	count  crashCount
	days   int // by which the clock was set ahead

	acknowledged, signed tally
	quiet                atomic.Bool // no more changes in this life

	mu    sync.Mutex
	facts map[string]fact
}

func newCrashes(r *rig, random *rand.Rand) *crashes {
	return &crashes{rig: r, random: random, facts: map[string]fact{
		"key main": known, "grant main": known, "bot " + botName: known,
	}}
}

var errCut = errors.New("cut off by the kill")

// life is one life of vaultd, and the looks at what it has left.
func (c *crashes) life() {
	c.t.Helper()
	changes, began := 1+c.random.IntN(12), time.Now()
	c.work(connections, changes, func(enough <-chan struct{}, failed <-chan error) {
		await(c.t, enough, failed)
		one := time.Since(began) / time.Duration(changes)
		<-time.After(time.Duration(c.random.Int64N(int64(2*one) + 1))) // any point of the next changes
		c.killed.Store(true)
		c.kill()
	})
	c.trail.verifyDead(c.rig)
	signed := c.trail.readOn(c.t, c.auditDir())
	cut := len(c.trail.unfinished)
	a := c.restart()
	c.trail.verifyLive(c.rig, a)
	for _, missing := range c.trail.settle(signed) {
		c.t.Errorf("a client has a signature without its record: %+v", missing)
	}
	c.trail.wantUnfinished(c.t, a, cut)
	c.settle(a)
	c.count.kills++
	c.hangUp()
}

// work has clients at work, of which signers sign, until end has ended vaultd. It is
// told when so many changes were acknowledged.
func (c *crashes) work(signers, changes int, end func(enough <-chan struct{}, failed <-chan error)) {
	c.t.Helper()
	c.killed.Store(false)
	c.quiet.Store(false)
	var all sync.WaitGroup
	work := []func() error{c.repeat(c.addKeyOnce), c.repeat(c.addBotOnce), c.repeat(c.grantOnce), c.repeat(c.removeBotOnce)}
	for i := range signers {
		b := c.bot()
		if i%8 == 0 {
			b.streaming(c.t)
		}
		work = append(work, c.signing(b))
	}
	failed := make(chan error, len(work))
	enough := c.acknowledged.more(changes)
	for _, w := range work {
		all.Go(func() {
			if err := w(); !errors.Is(err, errCut) {
				failed <- err
			}
		})
	}
	end(enough, failed)
	all.Wait()
	close(failed)
	must(c.t, <-failed)
}

// finish looks at all that was kept, once more and together.
func (c *crashes) finish() {
	c.t.Helper()
	b := c.bot()
	for name := range c.facts {
		var label string
		if _, err := fmt.Sscanf(name, "grant %s", &label); err == nil {
			_, err := b.sign(label)
			must(c.t, err)
		}
	}
	c.stop(c.t)
	c.trail.verifyDead(c.rig)
	c.count.signed, c.count.records = c.nonces.check(c.t), c.trail.records
	c.count.acknowledged = int(c.acknowledged.load())
}

// repeat does one kind of change over a connection of its own, until it fails.
func (c *crashes) repeat(once func(*admin, string) error) func() error {
	a := c.admin()
	return func() error {
		for !c.quiet.Load() {
			if err := once(a, strconv.FormatInt(c.next.Add(1), 10)); err != nil {
				return err
			}
		}
		return errCut
	}
}

func (c *crashes) addKeyOnce(a *admin, id string) error {
	label := "k-" + id
	return c.change("key "+label, begun, func() error { return a.addKey(label, secretOf(label)) })
}

func (c *crashes) addBotOnce(a *admin, id string) error {
	return c.change("bot b-"+id, begun, func() error { return a.addBot("b-"+id, 1000) })
}

// grantOnce grants a known API key that is not granted, or else adds one.
func (c *crashes) grantOnce(a *admin, id string) error {
	label, ok := c.pick("key ", func(label string) bool { return c.facts["grant "+label] != known })
	if !ok {
		return c.addKeyOnce(a, id)
	}
	return c.change("grant "+label, begun, func() error { return a.grant(botName, label) })
}

// removeBotOnce removes a bot with an even number, or else adds one.
func (c *crashes) removeBotOnce(a *admin, id string) error {
	name, ok := c.pick("bot ", func(name string) bool { return name != botName && name[len(name)-1]%2 == 0 })
	if !ok {
		return c.addBotOnce(a, id)
	}
	return c.change("bot "+name, ending, func() error {
		_, err := a.RemoveBot(a.ctx, &pb.RemoveBotRequest{Name: name})
		return err
	})
}

// pick returns a known entry of a kind that fits.
func (c *crashes) pick(kind string, fits func(name string) bool) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for entry, f := range c.facts {
		if f == known && len(entry) > len(kind) && entry[:len(kind)] == kind && fits(entry[len(kind):]) {
			return entry[len(kind):], true
		}
	}
	return "", false
}

// change asks for one change and notes what is known of it.
func (c *crashes) change(entry string, asked fact, ask func() error) error {
	c.mu.Lock()
	c.facts[entry] = asked
	c.mu.Unlock()
	switch err := ask(); {
	case err == nil:
	case c.cutOff(err):
		return errCut
	default:
		return fmt.Errorf("%s: %w", entry, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked == ending {
		delete(c.facts, entry)
	} else {
		c.facts[entry] = known
	}
	c.acknowledged.add()
	return nil
}

// cutOff says whether an error is of how this life of vaultd ended.
func (c *crashes) cutOff(err error) bool {
	return c.killed.Load() && status.Code(err) == codes.Unavailable
}

// signing signs until it is cut off.
func (c *crashes) signing(b *bot) func() error {
	return func() error {
		for {
			asked := time.Now()
			switch s, err := c.nonces.signed(b, "main"); {
			case err == nil:
				c.trail.note(s, "main", asked)
				c.signed.add()
			case c.cutOff(err):
				return errCut
			default:
				return err
			}
		}
	}
}

// settle compares the vault after a kill with what is known of it.
func (c *crashes) settle(a *admin) {
	seen := c.look(a)
	for entry, f := range c.facts {
		switch {
		case f == known && !seen[entry]:
			c.t.Errorf("%s was acknowledged and is lost", entry)
		case f == known:
		case seen[entry]:
			c.count.open++
			c.count.made += map[fact]int{begun: 1}[f]
			c.facts[entry] = known
		default:
			c.count.open++
			c.count.made += map[fact]int{ending: 1}[f]
			delete(c.facts, entry)
		}
	}
	for entry := range seen {
		if _, ok := c.facts[entry]; !ok {
			c.t.Errorf("%s is there, though nobody asked for it or its removal was acknowledged", entry)
		}
	}
}

// look lists what is in the vault, and holds each entry to being whole.
func (c *crashes) look(a *admin) map[string]bool {
	c.t.Helper()
	seen := map[string]bool{}
	keys, err := a.ListKeys(a.ctx, &pb.ListKeysRequest{})
	must(c.t, err)
	for _, k := range keys.GetKeys() {
		seen["key "+k.GetLabel()] = true
		v := k.GetVersions()
		if len(v) != 1 || v[0].GetApiKey() != idOf(k.GetLabel()) || v[0].GetState() != "active" || v[0].GetHeld() != "" {
			c.t.Errorf("API key %s is half made: %v", k.GetLabel(), k)
		}
	}
	bots, err := a.ListBots(a.ctx, &pb.ListBotsRequest{})
	must(c.t, err)
	for _, b := range bots.GetBots() {
		seen["bot "+b.GetName()] = true
		if b.GetName() != botName && (b.GetMatches()[0].GetUid() != 1000 || len(b.GetGrants()) > 0) {
			c.t.Errorf("bot %s is half made: %v", b.GetName(), b)
		}
		for _, g := range b.GetGrants() {
			spec, err := vault.ParseGrant([]byte(g.GetSpec()))
			must(c.t, err)
			seen["grant "+spec.Key] = true
			if len(spec.Allow) != 2 {
				c.t.Errorf("the grant on %s is half made: %v", spec.Key, g)
			}
		}
	}
	return seen
}
