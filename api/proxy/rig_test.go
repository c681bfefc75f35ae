package proxy_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bfxvault/api/client"
	"bfxvault/api/proxy"
	"bfxvault/api/upstream"
	pb "bfxvault/proto/bfxvault/v1"
)

const (
	standIn       = "bfxv_abcdefghijklmnopqrstuvwxyz012345"
	another       = "bfxv_543210zyxwvutsrqponmlkjihgfedcba" // for the same API key
	standInSecret = "what the bot knows"
	apiKey        = "KEY"
	apiSecret     = "what the bot does not know"
)

func sign(secret, text string) string {
	m := hmac.New(sha512.New384, []byte(secret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// signer stands for vaultd: it knows two stand-in credentials, with one secret, and one API
// key.
type signer struct {
	pb.UnimplementedSignerServiceServer
	mu    sync.Mutex
	nonce uint64
	asked []*pb.SignRestRequest
	says  error // its answer, where it is not nil
	fails func() error

	reported []*pb.ReportOrderRequest
	ignores  error // reports, where it is not nil
}

func (s *signer) ReportOrder(_ context.Context, r *pb.ReportOrderRequest) (*pb.ReportOrderResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reported = append(s.reported, r)
	return &pb.ReportOrderResponse{}, s.ignores
}

func (s *signer) SignRest(_ context.Context, r *pb.SignRestRequest) (*pb.SignRestResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	if s.says != nil {
		return nil, s.says
	}
	if s.fails != nil {
		if err := s.fails(); err != nil {
			return nil, err
		}
	}
	with := r.GetStandIn()
	if id := with.GetId(); id != standIn && id != another || with.GetSignature() != sign(standInSecret, "/api/"+r.GetPath()+with.GetNonce()+string(r.GetBody())) {
		return nil, refusalOf(codes.PermissionDenied, "NO_GRANT", "")
	}
	s.nonce = max(s.nonce+1, uint64(time.Now().UnixMicro()))
	return &pb.SignRestResponse{
		ApiKey: apiKey, RequestNonce: s.nonce, KeyVersion: 1, AuditSeq: uint64(len(s.asked)),
		Signature: sign(apiSecret, fmt.Sprintf("/api/%s%d%s", r.GetPath(), s.nonce, r.GetBody())),
	}, nil
}

func refusalOf(code codes.Code, reason, rule string) error {
	s, err := status.New(code, "sign: no").WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "bfxvault", Metadata: map[string]string{"rule": rule}})
	if err != nil {
		panic(err)
	}
	return s.Err()
}

// rig is a proxy between a client and an exchange that the test is.
type rig struct {
	t      testing.TB
	signer *signer
	url    string
}

func newRig(t testing.TB, exchange http.HandlerFunc, change ...func(*http.Server)) *rig {
	t.Helper()
	r := &rig{t: t, signer: &signer{}}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	must(t, err)
	server := grpc.NewServer()
	pb.RegisterSignerServiceServer(server, r.signer)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	c, err := client.Dial(socket)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	there := httptest.NewServer(exchange)
	t.Cleanup(there.Close)
	to, err := upstream.New(upstream.Options{URL: there.URL})
	must(t, err)
	t.Cleanup(to.Close)
	at, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	front := proxy.Server(proxy.New(proxy.Options{Signer: c, Upstream: to, Log: log, Hosts: proxy.Hosts(at.Addr())}), log)
	for _, c := range change {
		c(front)
	}
	go front.Serve(at)
	t.Cleanup(func() { front.Close() })
	r.url = "http://" + at.Addr().String()
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// request is what a stock client makes.
func (r *rig) request(path, body string) *http.Request {
	r.t.Helper()
	nonce := strconv.FormatInt(time.Now().UnixMicro(), 10)
	q, err := http.NewRequest(http.MethodPost, r.url+"/"+path, stringsReader(body))
	must(r.t, err)
	q.Header.Set("bfx-apikey", standIn)
	q.Header.Set("bfx-nonce", nonce)
	q.Header.Set("bfx-signature", sign(standInSecret, "/api/"+path+nonce+body))
	return q
}

func (r *rig) do(q *http.Request) (code int, body string) {
	r.t.Helper()
	response, err := http.DefaultClient.Do(q)
	must(r.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(r.t, err)
	return response.StatusCode, string(text)
}

// strict is an exchange that takes rising nonces alone, and keeps what it took.
type strict struct {
	mu    sync.Mutex
	last  uint64
	taken []string // nonces
	small int
	delay func() time.Duration
}

func (x *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if x.delay != nil {
		time.Sleep(x.delay()) // the network's
	}
	body, _ := io.ReadAll(r.Body)
	nonce, _ := strconv.ParseUint(r.Header.Get("bfx-nonce"), 10, 64)
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case r.Header.Get("bfx-signature") != sign(apiSecret, "/api"+r.URL.Path+r.Header.Get("bfx-nonce")+string(body)) || r.Header.Get("bfx-apikey") != apiKey:
		w.WriteHeader(500)
		io.WriteString(w, `["error",10100,"apikey: invalid"]`)
	case nonce <= x.last:
		x.small++
		w.WriteHeader(500)
		io.WriteString(w, `["error",10114,"nonce: small"]`)
	default:
		x.last = nonce
		x.taken = append(x.taken, r.Header.Get("bfx-nonce"))
		io.WriteString(w, `[]`)
	}
}
