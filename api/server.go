package api

import (
	"context"
	"log/slog"
	"runtime/debug"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"bfxvault/api/peer"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

const (
	// maxMessage has room for the largest body that the vault reads, 64 KiB, and
	// the fields around it; maxAdminMessage for a policy of ten thousand bots.
	maxMessage      = 80 << 10
	maxAdminMessage = 8 << 20
	// window lets a full pipeline of requests through without waiting for credit.
	window = 1 << 20
	// workers serve requests on warm stacks; more did not help on any machine
	// that was measured.
	workers = 8
	// maxStreams bounds what one connection has in flight.
	maxStreams = 256
	// idle is after how long without a call a bot's connection is closed; grpc
	// clients open another by themselves.
	idle = 30 * time.Minute
)

// NewSigner makes the server for sign.sock.
func NewSigner(v *vault.Vault, log *slog.Logger) *grpc.Server {
	server := grpc.NewServer(append(options(v, log, signLimits()),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idle}))...)
	pb.RegisterSignerServiceServer(server, &signer{vault: v, log: log})
	healthpb.RegisterHealthServer(server, health.NewServer())
	return server
}

// NewAdmin makes the server for admin.sock.
func NewAdmin(v *vault.Vault, log *slog.Logger) *grpc.Server {
	server := grpc.NewServer(append(options(v, log, peer.Limits{}), grpc.MaxRecvMsgSize(maxAdminMessage))...)
	pb.RegisterAdminServiceServer(server, &admin{vault: v})
	healthpb.RegisterHealthServer(server, health.NewServer())
	return server
}

// signLimits leaves descriptors for admin.sock and the files, so that bots cannot
// keep the operator from locking; each connection takes two.
func signLimits() peer.Limits {
	const reserve, most = 64, 4096
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		files.Cur = 1024 // unreachable: the call has right arguments
	}
	total := min(max(int(min(files.Cur, 1<<20))-reserve, 8)/2, most)
	return peer.Limits{Total: total, PerUID: max(total/2, 1)}
}

func options(v *vault.Vault, log *slog.Logger, l peer.Limits) []grpc.ServerOption {
	guard := &interceptor{vault: v, log: log}
	return []grpc.ServerOption{
		grpc.Creds(peer.Credentials(l)),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
		grpc.NumStreamWorkers(workers),
		grpc.ConnectionTimeout(5 * time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(guard.unary),
		grpc.ChainStreamInterceptor(guard.stream),
	}
}

// interceptor stands around every call: it gives errors their code and turns a
// panic into a lock.
type interceptor struct {
	vault *vault.Vault
	log   *slog.Logger
}

func (i *interceptor) unary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
	defer i.rescue(&err)
	response, err = handler(ctx, request)
	if err != nil {
		return nil, toStatus(i.log, err).Err()
	}
	return response, nil
}

func (i *interceptor) stream(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer i.rescue(&err)
	if err := handler(service, stream); err != nil {
		if stream.Context().Err() != nil {
			return err // the caller went away; nobody reads this
		}
		return toStatus(i.log, err).Err()
	}
	return nil
}

// rescue keeps a fault of ours from becoming an oracle: the vault is locked, the
// log gets the stack and never the request, the caller an id (A66).
func (i *interceptor) rescue(err *error) {
	fault := recover()
	if fault == nil {
		return
	}
	i.vault.LockFor(vault.CauseFault, vault.Operator{})
	id := correlationID()
	i.log.Error("panic; the vault is locked", "id", id, "stack", string(debug.Stack()))
	*err = internal(id).Err()
}
