// Package client is how a Go bot has its Bitfinex requests signed by vaultd.
//
// Dial the sign socket once, wrap it in a Transport, and give that to an
// http.Client; requests to /v2/auth/ are then signed on their way out:
//
//	vault, err := client.Dial("/run/bfxvault/sign.sock")
//	…
//	signing, err := client.NewTransport(client.Options{Client: vault, Label: "main", BaseURL: "https://api.bitfinex.com"})
//	…
//	bitfinex := http.Client{Transport: signing, Timeout: 15 * time.Second}
//
// SignRest is the same for a bot that sends its requests itself.
//
// Traps:
//   - Bitfinex accepts only rising request nonces. They rise in the order of
//     signing, so requests that one API key has under way at the same time may
//     arrive in another order, and the late one is refused ("nonce: small"). Send
//     one at a time, or sign that one again.
//   - What is signed must be sent as it is, within seconds, and once.
//   - A call waits for vaultd as long as its context allows: give it a deadline.
//   - A process that forks, or hands the connection on, is another caller than
//     the one that dialled, and vaultd ends its connection. Dial after a fork.
//
// Promise: this package holds no secret and writes no log. It imports gRPC and
// the wire contract, and nothing else of bfxvault.
package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	pb "bfxvault/proto/bfxvault/v1"
)

// Client is a connection to vaultd's sign socket. Its methods may be called from
// many goroutines; one Client serves a whole process.
type Client struct {
	conn   *grpc.ClientConn
	signer pb.SignerServiceClient
}

const (
	// maxSocket is what a unix address can hold, without its final zero (unix(7)).
	maxSocket = 107
	// window matches vaultd's: with a fixed one, gRPC does not measure the line.
	window = 1 << 20
)

// Dial prepares a connection to the sign socket at a path such as
// "/run/bfxvault/sign.sock". It does not connect yet: a vaultd that is not there
// shows at the first call, and one that comes back later is found again within a
// second. Whoever can put a socket at that path learns what the bot asks and can
// give signatures that are no good, so the folder must belong to vaultd's user.
func Dial(socket string) (*Client, error) {
	switch {
	case socket == "":
		return nil, errors.New("client: no path of a socket given")
	case socket[0] == '@':
		return nil, fmt.Errorf("client: %q is an abstract socket, which anybody may have made", socket)
	case len(socket) > maxSocket:
		return nil, fmt.Errorf("client: the path of the socket has %d bytes, at most %d fit", len(socket), maxSocket)
	}
	// By a dialler and not as a "unix:" target, which is read as a URL: % and ?
	// would not mean themselves.
	conn, err := grpc.NewClient("passthrough:///vaultd",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()), // the kernel stands between the two ends, and nobody else
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Client{conn: conn, signer: pb.NewSignerServiceClient(conn)}, nil
}

// Close ends the connection. Calls under way fail with CANCELED.
func (c *Client) Close() error { return c.conn.Close() }

// Request is one REST v2 request to be signed.
type Request struct {
	// Label names the API key in the vault.
	Label string
	// Path has no leading slash: "v2/auth/w/order/submit".
	Path string
	// Body is exactly what will be sent: empty, or JSON that starts with { or [,
	// at most 64 KiB.
	Body []byte
	// Bot is needed only where several bots match this process.
	Bot string
	// StandIn is how a stock client has signed the request, in place of Label and Bot.
	StandIn *StandIn
}

// StandIn is a request's signature by a stand-in credential, as its client made it.
type StandIn struct {
	ID, Nonce, Signature string
	// UID is the user that the request came from, where this process is vaultproxy.
	UID *uint32
	// Payload is REST v1's, as it came; Body is empty then.
	Payload string
	// Retries is Signed.AuditSeq of the signature that Bitfinex has refused for its nonce.
	Retries uint64
}

func (s *StandIn) wire() *pb.StandIn {
	if s == nil {
		return nil
	}
	return &pb.StandIn{Id: s.ID, Nonce: s.Nonce, Signature: s.Signature, Uid: s.UID, Retries: s.Retries}
}

// OrderReport is what vaultproxy reports of an answer.
type OrderReport struct {
	StandIn  string // that signed the request
	AuditSeq uint64 // of its signature
	Orders   []PlacedOrder
}

// PlacedOrder is an order as Bitfinex's answer names it.
type PlacedOrder struct {
	ID, CID uint64
	Symbol  string // "tBTCUSD"
}

// ReportOrder tells vaultd which ids Bitfinex has given to the orders of a request, 1 to
// 150 of them, and returns of how many it can judge updates by that id from now on. It is
// for vaultproxy; any other caller gets PERMISSION_DENIED, reason NO_GRANT.
func (c *Client) ReportOrder(ctx context.Context, r OrderReport) (known int, err error) {
	request := &pb.ReportOrderRequest{StandIn: r.StandIn, AuditSeq: r.AuditSeq}
	for _, o := range r.Orders {
		request.Orders = append(request.Orders, &pb.PlacedOrder{Id: o.ID, Cid: o.CID, Symbol: o.Symbol})
	}
	answer, err := c.signer.ReportOrder(ctx, request)
	return int(answer.GetKnown()), err
}

// SignRest has a request signed. Errors from vaultd are gRPC status errors,
// unchanged; [Reason] reads why:
//
//   - FAILED_PRECONDITION: LOCKED and NOT_INITIALISED, the operator must unlock;
//     NONCE_HELD, the operator must accept the clock; NONCE_EXHAUSTED, the API key
//     is used up.
//   - PERMISSION_DENIED: NO_GRANT, this process is no bot that may use the label,
//     or there is no such label; SEVERAL_BOTS_MATCH, set Request.Bot; DENIED, the
//     grant does not cover the request. Asking again does not help.
//   - INVALID_ARGUMENT: MALFORMED, path or body are not what the vault signs.
//   - UNAVAILABLE: CANNOT_WRITE, vaultd cannot write its file; without a reason,
//     vaultd is not reachable.
//   - DATA_LOSS: TAMPERED and UNKNOWN_FORMAT, the vault file is not usable.
//   - INTERNAL: INTERNAL, a fault of vaultd; the message has the id of its log line.
//
// An answer that is no signature is [ErrBadAnswer].
func (c *Client) SignRest(ctx context.Context, r Request) (Signed, error) {
	answer, err := c.signer.SignRest(ctx, &pb.SignRestRequest{Label: r.Label, Path: r.Path, Body: r.Body, Bot: r.Bot, StandIn: r.StandIn.wire()})
	if err != nil {
		return Signed{}, err
	}
	s := Signed{
		APIKey: answer.GetApiKey(), RequestNonce: answer.GetRequestNonce(),
		Signature: answer.GetSignature(), KeyVersion: answer.GetKeyVersion(), AuditSeq: answer.GetAuditSeq(),
	}
	return s, s.check()
}

// SignRestV1 has a request to REST v1 signed: Path such as "v1/balances", Body the
// parameters, a JSON object without "request" and "nonce", or empty. Errors as SignRest.
func (c *Client) SignRestV1(ctx context.Context, r Request) (SignedV1, error) {
	request := &pb.SignRestV1Request{Label: r.Label, Path: r.Path, Params: r.Body, Bot: r.Bot, StandIn: r.StandIn.wire()}
	if r.StandIn != nil {
		request.Payload = r.StandIn.Payload
	}
	answer, err := c.signer.SignRestV1(ctx, request)
	if err != nil {
		return SignedV1{}, err
	}
	s := SignedV1{
		Signed{
			APIKey: answer.GetApiKey(), RequestNonce: answer.GetRequestNonce(),
			Signature: answer.GetSignature(), KeyVersion: answer.GetKeyVersion(), AuditSeq: answer.GetAuditSeq(),
		}, answer.GetPayload(),
	}
	return s, s.check()
}
