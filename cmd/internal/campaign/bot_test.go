package campaign_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"bfxvault/cmd/internal/paths"
	pb "bfxvault/proto/bfxvault/v1"
)

const (
	orderPath = "v2/auth/w/order/submit"
	orderBody = `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000"}`
)

// idOf and secretOf make the API key of a label.
func idOf(label string) string { return "KEY-" + label }

func secretOf(label string) string {
	return fmt.Sprintf("TESTSECRET-fake-%x", sha256.Sum256([]byte(label)))[:43] // as long as Bitfinex's
}

// hmacBy is Bitfinex's signature of a text.
func hmacBy(secret, text string) string {
	m := hmac.New(sha512.New384, []byte(secret))
	io.WriteString(m, text)
	return hex.EncodeToString(m.Sum(nil))
}

// bot is one connection to sign.sock. It is not safe for concurrent use where it
// streams.
type bot struct {
	pb.SignerServiceClient
	ctx    context.Context
	stream grpc.BidiStreamingClient[pb.SignStreamRequest, pb.SignStreamResponse] // nil: each request is a call
	asked  uint64
}

func dialBot(t testing.TB, p paths.Paths, uid int) (*bot, *grpc.ClientConn) {
	t.Helper()
	conn := dial(t, p.SignSocket(), uid)
	return &bot{SignerServiceClient: pb.NewSignerServiceClient(conn), ctx: t.Context()}, conn
}

// streaming makes the bot ask over one stream from now on.
func (b *bot) streaming(t testing.TB) *bot {
	t.Helper()
	var err error
	b.stream, err = b.SignStream(b.ctx)
	must(t, err)
	return b
}

// sign has an order signed and checks the signature with the standard library.
func (b *bot) sign(label string) (requestNonce uint64, err error) {
	s, err := b.signed(label)
	return s.GetRequestNonce(), err
}

// signed is sign for whoever wants to see all of the answer.
func (b *bot) signed(label string) (*pb.SignRestResponse, error) {
	s, err := b.ask(&pb.SignRestRequest{Label: label, Path: orderPath, Body: []byte(orderBody)})
	if err != nil {
		return nil, err
	}
	want := hmacBy(secretOf(label), fmt.Sprintf("/api/%s%d%s", orderPath, s.GetRequestNonce(), orderBody))
	if s.GetSignature() != want || !strings.HasPrefix(s.GetApiKey(), idOf(label)) { // of any version
		return nil, errNotSigned
	}
	return s, nil
}

// ask asks for one signature.
func (b *bot) ask(r *pb.SignRestRequest) (*pb.SignRestResponse, error) {
	if b.stream == nil {
		return b.SignRest(b.ctx, r)
	}
	b.asked++
	request := &pb.SignStreamRequest{Id: b.asked, Request: &pb.SignStreamRequest_Rest{Rest: r}}
	_ = b.stream.Send(request) // Recv has the error
	answer, err := b.stream.Recv()
	switch {
	case err != nil:
		return nil, err
	case answer.GetError() != nil:
		return nil, status.ErrorProto(answer.GetError())
	case answer.GetId() != b.asked:
		return nil, fmt.Errorf("the answer to request %d has number %d", b.asked, answer.GetId())
	}
	return answer.GetRest(), nil
}

var errNotSigned = errors.New("the signature is not that of the API secret over path, request nonce and body")

// ledger holds the request nonces of one API key to P6, over all connections and
// all lives of vaultd.
type ledger struct {
	highest atomic.Uint64 // of the requests that have ended
	mu      sync.Mutex
	given   []uint64
}

// sign has one order signed. Its request nonce must be above those of all
// requests that had ended when this one began.
func (l *ledger) sign(b *bot, label string) (requestNonce uint64, err error) {
	s, err := l.signed(b, label)
	return s.GetRequestNonce(), err
}

// signed is sign for whoever wants to see all of the answer.
func (l *ledger) signed(b *bot, label string) (*pb.SignRestResponse, error) {
	floor := l.highest.Load()
	s, err := b.signed(label)
	if err != nil {
		return nil, err
	}
	n := s.GetRequestNonce()
	if n <= floor {
		return nil, fmt.Errorf("request nonce %d of %s came after %d", n, label, floor)
	}
	for {
		highest := l.highest.Load()
		if n <= highest || l.highest.CompareAndSwap(highest, n) {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given = append(l.given, n)
	return s, nil
}

// check fails the test where a number was given twice, and returns how many were.
func (l *ledger) check(t testing.TB) int {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.given)
	if once := slices.Compact(slices.Clone(l.given)); len(once) != len(l.given) {
		t.Errorf("of %d request nonces only %d are different", len(l.given), len(once))
	}
	return len(l.given)
}
