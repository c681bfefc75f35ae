package client_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bfxvault/api/client"
	pb "bfxvault/proto/bfxvault/v1"
)

// vaultd is a SignerService with an answer of the test's choosing; nil signs.
type vaultd struct {
	pb.UnimplementedSignerServiceServer
	answer func(context.Context, *pb.SignRestRequest) (*pb.SignRestResponse, error)
	nonce  atomic.Uint64
	asked  atomic.Int32
	last   atomic.Pointer[pb.SignRestRequest]
}

const testSecret = "what only the fake vaultd and the fake exchange know"

func (v *vaultd) SignRest(ctx context.Context, r *pb.SignRestRequest) (*pb.SignRestResponse, error) {
	v.asked.Add(1)
	v.last.Store(r)
	if v.answer != nil {
		return v.answer(ctx, r)
	}
	nonce := 1_700_000_000_000_000 + v.nonce.Add(1)
	return &pb.SignRestResponse{
		ApiKey: "the-api-key", RequestNonce: nonce, KeyVersion: 3,
		Signature: signatureOf(r.GetPath(), strconv.FormatUint(nonce, 10), string(r.GetBody())),
	}, nil
}

// signatureOf is Bitfinex's rule (docs.bitfinex.com/docs/rest-auth).
func signatureOf(path, nonce, body string) string {
	m := hmac.New(sha512.New384, []byte(testSecret))
	m.Write([]byte("/api/" + path + nonce + body))
	return hex.EncodeToString(m.Sum(nil))
}

// refusal is an error as vaultd sends it.
func refusal(code codes.Code, reason string) error {
	s, err := status.New(code, "sign: "+reason).WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "bfxvault"})
	if err != nil {
		panic(err)
	}
	return s.Err()
}

// socketPath is a path that is short enough, and odd enough to be misread as a URL.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "c %2f?#")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "sign.sock")
}

// serve answers on a socket until the test ends or stop is called.
func serve(t *testing.T, socket string, v pb.SignerServiceServer) (stop func()) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterSignerServiceServer(server, v)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return server.Stop
}

// dial serves v on a socket of its own and returns a client of it.
func dial(t *testing.T, v *vaultd) *client.Client {
	t.Helper()
	return dialAny(t, v)
}

func dialAny(t *testing.T, v pb.SignerServiceServer) *client.Client {
	t.Helper()
	socket := socketPath(t)
	serve(t, socket, v)
	return dialSocket(t, socket)
}

func dialSocket(t *testing.T, socket string) *client.Client {
	t.Helper()
	c, err := client.Dial(socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
