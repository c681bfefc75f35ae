package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bfxvault/api/client"
	pb "bfxvault/proto/bfxvault/v1"
)

func TestSignRestPassesOnWhatWasAskedAndAnswered(t *testing.T) {
	v := &vaultd{}
	c := dial(t, v)
	request := client.Request{Label: "main", Path: "v2/auth/r/wallets", Body: []byte(`{"a":1}`), Bot: "mm-1"}
	signed, err := c.SignRest(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	want := client.Signed{
		APIKey: "the-api-key", RequestNonce: 1_700_000_000_000_001, KeyVersion: 3,
		Signature: signatureOf("v2/auth/r/wallets", "1700000000000001", `{"a":1}`),
	}
	if signed != want {
		t.Errorf("signed %+v, want %+v", signed, want)
	}
	asked := v.last.Load()
	if asked.GetLabel() != "main" || asked.GetPath() != request.Path || string(asked.GetBody()) != `{"a":1}` || asked.GetBot() != "mm-1" {
		t.Errorf("vaultd was asked %v", asked)
	}
}

func TestDialRefusesWhatIsNoSocketOfVaultd(t *testing.T) {
	for name, socket := range map[string]string{
		"no path":          "",
		"an abstract name": "@bfxvault", // A8
		"a path too long":  "/" + strings.Repeat("x", 107),
	} {
		if c, err := client.Dial(socket); err == nil {
			c.Close()
			t.Errorf("%s was taken", name)
		}
	}
}

func TestErrorsOfVaultdArriveAsTheyAre(t *testing.T) {
	v := &vaultd{answer: func(context.Context, *pb.SignRestRequest) (*pb.SignRestResponse, error) {
		return nil, refusal(codes.PermissionDenied, "DENIED")
	}}
	_, err := dial(t, v).SignRest(t.Context(), client.Request{})
	if status.Code(err) != codes.PermissionDenied || client.Reason(err) != "DENIED" {
		t.Errorf("code %v, reason %q of %v", status.Code(err), client.Reason(err), err)
	}
	if wrapped := fmt.Errorf("placing an order: %w", err); client.Reason(wrapped) != "DENIED" {
		t.Error("the reason of a wrapped error is lost")
	}
	foreign, _ := status.New(codes.Unavailable, "").WithDetails(&errdetails.ErrorInfo{Reason: "LOCKED", Domain: "example.org"})
	for _, other := range []error{nil, io.EOF, status.Error(codes.Unavailable, "gone"), foreign.Err()} {
		if reason := client.Reason(other); reason != "" {
			t.Errorf("%v has the reason %q", other, reason)
		}
	}
}

func TestAVaultdThatIsNotThereIsAnErrorAndIsFoundOnceItIs(t *testing.T) {
	socket := socketPath(t)
	c := dialSocket(t, socket)
	if _, err := c.SignRest(t.Context(), client.Request{}); status.Code(err) != codes.Unavailable || client.Reason(err) != "" {
		t.Fatalf("without a vaultd: %v", err)
	}
	for range 2 { // the second time is a restart
		stop := serve(t, socket, &vaultd{})
		untilSigned(t, c)
		stop()
	}
}

// untilSigned asks until an answer comes, as a bot would. The client's own pause
// between two attempts to connect is what it waits for.
func untilSigned(t *testing.T, c *client.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, err := c.SignRest(ctx, client.Request{})
		if err == nil {
			return
		}
		if status.Code(err) != codes.Unavailable {
			t.Fatal(err)
		}
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	v := &vaultd{answer: func(ctx context.Context, _ *pb.SignRestRequest) (*pb.SignRestResponse, error) {
		<-ctx.Done() // hangs, as on a dead disk
		return nil, ctx.Err()
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := dial(t, v).SignRest(ctx, client.Request{}); status.Code(err) != codes.DeadlineExceeded {
		t.Fatalf("a call with a deadline ended with %v", err)
	}
}

// A19
func TestAnswersThatAreNoSignatureAreErrors(t *testing.T) {
	good := pb.SignRestResponse{ApiKey: "k", RequestNonce: 1_700_000_000_000_000, Signature: strings.Repeat("0f", 48)}
	for name, spoil := range map[string]func(*pb.SignRestResponse){
		"nothing at all":            func(r *pb.SignRestResponse) { r.Reset() },
		"a request nonce too short": func(r *pb.SignRestResponse) { r.RequestNonce = 999_999_999_999_999 },
		"a request nonce too large": func(r *pb.SignRestResponse) { r.RequestNonce = 1 << 53 },
		"a signature too short":     func(r *pb.SignRestResponse) { r.Signature = r.Signature[1:] },
		"a signature in upper case": func(r *pb.SignRestResponse) { r.Signature = strings.ToUpper(r.Signature) },
		"a header in the signature": func(r *pb.SignRestResponse) { r.Signature = "\r\nx: y" + r.Signature[6:] },
		"no API key":                func(r *pb.SignRestResponse) { r.ApiKey = "" },
		"a header in the API key":   func(r *pb.SignRestResponse) { r.ApiKey = "k\r\nx: y" },
		"an API key beyond ASCII":   func(r *pb.SignRestResponse) { r.ApiKey = "ķ" },
		"an API key of 129 letters": func(r *pb.SignRestResponse) { r.ApiKey = strings.Repeat("k", 129) },
		"an API key with a space":   func(r *pb.SignRestResponse) { r.ApiKey = "k k" },
	} {
		t.Run(name, func(t *testing.T) {
			v := &vaultd{answer: func(context.Context, *pb.SignRestRequest) (*pb.SignRestResponse, error) {
				r := &pb.SignRestResponse{ApiKey: good.ApiKey, RequestNonce: good.RequestNonce, Signature: good.Signature}
				spoil(r)
				return r, nil
			}}
			if _, err := dial(t, v).SignRest(t.Context(), client.Request{}); !errors.Is(err, client.ErrBadAnswer) {
				t.Fatalf("taken, or another error: %v", err)
			}
		})
	}
}

// FuzzHostileServer: whatever bytes a server sends, a call ends with an error and
// without a panic (A19).
func FuzzHostileServer(f *testing.F) {
	seeds := []string{
		"",
		"HTTP/1.1 200 OK\r\n\r\n",
		"\x00\x00\x00\x04\x00\x00\x00\x00\x00", // SETTINGS
		"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x08\x07\x00\x00\x00\x00\x00", // and a GOAWAY cut short
		"\xff\xff\xff\x00\x00\x00\x00\x00\x01",                                     // a frame of 16 MB
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		socket := socketPath(t)
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conn.Write(sent)
				conn.Close()
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if signed, err := dialSocket(t, socket).SignRest(ctx, client.Request{}); err == nil {
			t.Fatalf("signed: %+v", signed)
		}
	})
}

// FuzzSignedHeaders: what passes the check stands in headers as it is and brings
// no others (A19, A25).
func FuzzSignedHeaders(f *testing.F) {
	f.Add("key", uint64(1_700_000_000_000_000), strings.Repeat("0", 96), "Bfx-Nonce")
	f.Add("k\nx: y", uint64(1<<53), strings.Repeat("G", 96), "x-bfx-apikey")
	f.Fuzz(func(t *testing.T, key string, nonce uint64, signature, name string) {
		uncanonical := strings.ToLower("Bfx-Signature")
		h := http.Header{name: {"the caller's"}, uncanonical: {"the caller's"}}
		s := client.Signed{APIKey: key, RequestNonce: nonce, Signature: signature}
		s.SetHeaders(h)
		if h[uncanonical] != nil || h.Get("bfx-signature") != signature || h.Get("bfx-apikey") != key {
			t.Fatalf("%q", h)
		}
	})
}
