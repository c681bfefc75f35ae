package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"bfxvault/api/upstream"
	pb "bfxvault/proto/bfxvault/v1"
)

// revokeAt is where API keys are deleted at Bitfinex
// (support.bitfinex.com/hc/en-us/articles/115003363429).
const revokeAt = "https://setting.bitfinex.com/api"

const (
	sendWithin = 5 * time.Second // for all that one command sends
	sendAtOnce = 32              // API keys, each with a connection of its own
)

// upstreamFlag is where signed requests go, for the simulated exchange.
type upstreamFlag struct{ url string }

func (u *upstreamFlag) add(c *cobra.Command) {
	c.Flags().StringVar(&u.url, "upstream", "", "send to a simulated exchange on this machine, such as http://127.0.0.1:8080, and not to Bitfinex")
}

// client checks the flag. The caller closes the client.
func (u upstreamFlag) client() (*upstream.Client, error) {
	c, err := upstream.New(upstream.Options{URL: u.url})
	if err != nil {
		return nil, usagef("--upstream: %v", err)
	}
	return c, nil
}

// What became of a signed request.
const (
	wasSent    = "sent"        // and carried out
	wasPassed  = "outdated"    // it came too late, after a newer one of the same API key
	wasRefused = "refused"     // Bitfinex said no, or something that is no answer
	unanswered = "unreachable" // it may have been carried out all the same
)

// delivery is what became of one signed request.
type delivery struct {
	Label   string `json:"label"`
	Version uint32 `json:"version"`
	APIKey  string `json:"api_key"`
	Path    string `json:"path"`
	Outcome string `json:"outcome"`
	Code    int    `json:"code,omitempty"` // Bitfinex's
	Message string `json:"message,omitempty"`
	// Outdates says whether no signature of this version that is older is good any more:
	// Bitfinex has taken a request as new as this one.
	Outdates bool `json:"outdates"`

	answer []byte
	err    error
}

// sendAll sends what vaultd signed for the operator, within five seconds: the requests
// of one API key in their order, each after the answer to the one before, and API keys
// side by side. It reports on each, in the same order.
func sendAll(ctx context.Context, to *upstream.Client, requests []*pb.SignedRequest) []delivery {
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	lanes := map[string][]int{}
	for i, r := range requests {
		lanes[r.GetApiKey()] = append(lanes[r.GetApiKey()], i)
	}
	deliveries := make([]delivery, len(requests))
	places := make(chan struct{}, sendAtOnce)
	var under sync.WaitGroup
	for _, lane := range lanes {
		places <- struct{}{}
		under.Go(func() {
			for _, i := range lane {
				deliveries[i] = send(ctx, to, requests[i])
			}
			<-places
		})
	}
	under.Wait()
	return deliveries
}

// send sends one signed request.
func send(ctx context.Context, to *upstream.Client, r *pb.SignedRequest) delivery {
	d := delivery{Label: r.GetLabel(), Version: r.GetVersion(), APIKey: r.GetApiKey(), Path: r.GetPath(), Outcome: wasSent, Outdates: true}
	d.answer, d.err = to.Do(ctx, upstream.Request{
		Path: r.GetPath(), Body: r.GetBody(), APIKey: r.GetApiKey(), Nonce: r.GetRequestNonce(), Signature: r.GetSignature(),
	})
	var no *upstream.Error
	if !errors.As(d.err, &no) {
		return d
	}
	d.Code, d.Message = no.Code, no.Error()
	switch {
	case no.Code == upstream.CodeNonce: // a higher request nonce was taken: this one is late, and what is older too
		d.Outcome = wasPassed
	case no.Kind == upstream.Unreachable:
		d.Outcome, d.Outdates = unanswered, false
	default:
		d.Outcome, d.Outdates = wasRefused, false
	}
	return d
}

// burnReport is what --json says of requests that were to outdate the signatures that
// bots hold.
type burnReport struct {
	Sent    []delivery    `json:"sent"`
	Unburnt []unburntView `json:"unburnt"`
	// Outdated says whether no signature from before is good any more.
	Outdated bool `json:"outdated"`
}

type unburntView struct {
	Label   string `json:"label"`
	Version uint32 `json:"version"`
	Reason  string `json:"reason"`
}

// burn sends what outdates the signatures that bots hold, and says for which API keys
// that was of no avail. The report is for the command's JSON.
func (a *app) burn(ctx context.Context, to *upstream.Client, requests []*pb.SignedRequest, unburnt []*pb.Unburnt) burnReport {
	report := burnReport{Sent: sendAll(ctx, to, requests), Unburnt: []unburntView{}}
	outdated := map[versionID]bool{}
	for _, d := range report.Sent {
		id := versionID{d.Label, d.Version}
		outdated[id] = outdated[id] || d.Outdates
	}
	for _, d := range report.Sent {
		if id := (versionID{d.Label, d.Version}); !outdated[id] {
			report.Unburnt = append(report.Unburnt, unburntView{d.Label, d.Version, d.why()})
			outdated[id] = true // said once
		}
	}
	for _, u := range unburnt {
		report.Unburnt = append(report.Unburnt, unburntView{u.GetLabel(), u.GetVersion(), u.GetReason()})
	}
	report.Outdated = len(report.Unburnt) == 0 && len(report.Sent) > 0
	for _, u := range report.Unburnt {
		a.warnf("%s version %d: %s", u.Label, u.Version, u.Reason)
	}
	if len(report.Unburnt) > 0 {
		a.hintf("signatures that bots hold from before may still be good there: delete the API key at %s", revokeAt)
	}
	return report
}

type versionID struct {
	label   string
	version uint32
}

// why says what kept a request from outdating those before it.
func (d delivery) why() string {
	switch {
	case d.Outcome == unanswered:
		return "Bitfinex could not be reached: " + d.Message
	case d.Code == upstream.CodeAuth:
		return "Bitfinex does not take this API key (" + d.Message + "): if it was deleted there, its signatures are worthless"
	}
	return "Bitfinex refused the request: " + d.Message
}

// summary is one line for a person.
func (r burnReport) summary() string {
	switch {
	case len(r.Sent)+len(r.Unburnt) == 0:
		return "nothing was signed that could still be sent"
	case r.Outdated:
		return "signatures that bots hold from before are worthless: Bitfinex has taken a newer request"
	}
	return fmt.Sprintf("signatures that bots hold from before may still be good, of %d of the API keys", len(r.Unburnt))
}
