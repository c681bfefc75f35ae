package peer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"bfxvault/api/peer"
)

// serve runs a gRPC server on l and calls with for each request's caller.
func serve(l net.Listener, with func(context.Context)) *grpc.Server {
	s := grpc.NewServer(grpc.Creds(peer.Credentials(peer.Limits{})), grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			with(ctx)
			return next(ctx, req)
		}))
	healthpb.RegisterHealthServer(s, health.NewServer())
	go s.Serve(l)
	return s
}

func client(t testing.TB, l net.Listener, creds credentials.TransportCredentials) healthpb.HealthClient {
	t.Helper()
	cc, err := grpc.NewClient("unix:"+l.Addr().String(), grpc.WithTransportCredentials(creds))
	try(t, err)
	t.Cleanup(func() { cc.Close() })
	return healthpb.NewHealthClient(cc)
}

func TestAHandlerFindsItsCaller(t *testing.T) {
	l := listen(t, peer.Options{Path: filepath.Join(folder(t), "s"), GID: -1})
	var info *peer.Info
	s := serve(l, func(ctx context.Context) { info, _ = peer.FromContext(ctx) })
	defer s.Stop()
	var listener grpcpeer.Peer
	_, err := client(t, l, peer.ClientCredentials(uint32(os.Geteuid()))).
		Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.Peer(&listener))
	try(t, err)
	if info == nil || info.PID != int32(os.Getpid()) || !info.Alive() {
		t.Errorf("caller %+v", info)
	}
	exe, err := info.Exe()
	want, _ := os.Executable()
	if exe != want || err != nil {
		t.Errorf("executable %q, %v, want %s", exe, err, want)
	}
	if err := credentials.CheckSecurityLevel(info, credentials.PrivacyAndIntegrity); err != nil {
		t.Error(err)
	}
	// The client, too, knows who is at the other end.
	if other, ok := listener.AuthInfo.(*peer.Info); !ok || other.PID != int32(os.Getpid()) || other.AuthType() != "bfxvault-peer" {
		t.Errorf("listener %+v", listener.AuthInfo)
	}
	if _, ok := peer.FromContext(t.Context()); ok {
		t.Error("a caller without a connection")
	}
	if _, ok := peer.FromContext(grpcpeer.NewContext(t.Context(), &grpcpeer.Peer{})); ok {
		t.Error("a caller without credentials")
	}
}

// DESIGN section 7: before it sends anything, a client knows whose socket it is.
func TestAClientDoesNotTalkToAnotherUid(t *testing.T) {
	l := listen(t, peer.Options{Path: filepath.Join(folder(t), "s"), GID: -1})
	called := false
	s := serve(l, func(context.Context) { called = true })
	defer s.Stop()
	_, err := client(t, l, peer.ClientCredentials(uint32(os.Geteuid())+1)).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if status.Code(err) != codes.Unavailable || called {
		t.Errorf("called %v, %v", called, err)
	}
}

func TestCredentialsAreForOneEndOnly(t *testing.T) {
	l, path := openListener(t)
	c := dial(t, path)
	raw, err := l.Accept()
	try(t, err)
	defer raw.Close()
	uid := uint32(os.Geteuid())
	if _, _, err := peer.ClientCredentials(uid).ServerHandshake(raw); !errors.Is(err, peer.ErrUnattested) {
		t.Errorf("a client's on the server: %v", err)
	}
	if _, _, err := peer.Credentials(peer.Limits{}).ClientHandshake(t.Context(), "", c); !errors.Is(err, peer.ErrUnattested) {
		t.Errorf("the server's on a client: %v", err)
	}
	if _, _, err := peer.ClientCredentials(uid).Clone().ClientHandshake(t.Context(), "", c); err != nil {
		t.Errorf("a clone: %v", err)
	}
}

// A20: out of descriptors the server waits, and goes on by itself.
func TestAServerOutOfDescriptorsRecovers(t *testing.T) {
	c := start(t, command("starved", filepath.Join(folder(t), "s")))
	if got := c.line(); got != "served again" {
		t.Error(got)
	}
}

func starvedRole(args []string) error {
	l, err := peer.Listen(peer.Options{Path: args[0], GID: -1})
	if err != nil {
		return err
	}
	accepts := &counting{Listener: l}
	s := serve(accepts, func(context.Context) {})
	defer s.Stop()
	cc, err := grpc.NewClient("unix:"+args[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	cc.Connect() // now, since the runtime's poller needs descriptors of its own
	c := healthpb.NewHealthClient(cc)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := c.Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		return err
	}
	// A second connection that is made, and cannot be accepted.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	free, err := takeAllDescriptors()
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: args[0]}); err != nil {
		return err
	}
	accepts.waitFor(3)
	// Whoever is connected is still served.
	if _, err := c.Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
		return err
	}
	failed := accepts.failed()
	free()
	accepts.waitForOne()
	if failed > 20 {
		return fmt.Errorf("it tried %d times", failed)
	}
	fmt.Println("served again")
	return nil
}
