package api_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"

	"bfxvault/api"
	"bfxvault/api/peer"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

const (
	canary = "CANARY-secret-0123456789abcdefghijklmnopqrs"
	order  = `{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.1","price":"10000"}`
)

var ctx = context.Background()

// stack is a vault behind both servers on real sockets.
type stack struct {
	t          testing.TB
	vault      *vault.Vault
	log        strings.Builder
	sign, ctl  *grpc.ClientConn
	admin      pb.AdminServiceClient
	signer     pb.SignerServiceClient
	kek        operator.KEK
	signSocket string
}

func newStack(t testing.TB) *stack {
	t.Helper()
	dir, err := os.MkdirTemp("", "bfxv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &stack{t: t}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	if s.vault, err = vault.Open(vault.Options{Path: filepath.Join(dir, "vault.db"), Log: log, Checkable: api.Checkable}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.vault.Close() })
	s.signSocket = filepath.Join(dir, "sign.sock")
	s.sign = s.serve(api.NewSigner(s.vault, log), s.signSocket)
	s.ctl = s.serve(api.NewAdmin(s.vault, log), filepath.Join(dir, "admin.sock"))
	s.admin, s.signer = pb.NewAdminServiceClient(s.ctl), pb.NewSignerServiceClient(s.sign)
	return s
}

func (s *stack) serve(server *grpc.Server, path string) *grpc.ClientConn {
	s.t.Helper()
	l, err := peer.Listen(peer.Options{Path: path, GID: -1})
	if err != nil {
		s.t.Fatal(err)
	}
	go server.Serve(l)
	s.t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(peer.ClientCredentials(uint32(os.Geteuid()))))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

func (s *stack) seal(purpose vault.Operation, secret []byte) (*pb.Sealed, vault.Sealed) {
	s.t.Helper()
	key, err := s.admin.BeginSealed(ctx, &pb.BeginSealedRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	box, err := operator.Seal(key.Id, [32]byte(key.PublicKey), purpose, secret)
	if err != nil {
		s.t.Fatal(err)
	}
	return &pb.Sealed{Id: box.ID, Box: box.Box}, box
}

func (s *stack) prove(o vault.Operation) *pb.Proof {
	s.t.Helper()
	begun, err := s.admin.BeginProof(ctx, &pb.BeginProofRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := operator.Prove(&s.kek, 1, begun.Id, [32]byte(begun.Challenge), o)
	if err != nil {
		s.t.Fatal(err)
	}
	return &pb.Proof{Id: p.ID, Slot: p.Slot, Mac: p.MAC[:]}
}

func (s *stack) init() {
	s.t.Helper()
	copy(s.kek[:], "a KEK of thirty-two bytes, yes..")
	request := vault.Init{Params: vault.MinArgon2(), Salt: operator.NewSalt()}
	box, _ := s.seal(request.Purpose(), s.kek[:])
	_, err := s.admin.Init(ctx, &pb.InitRequest{
		Params: &pb.Argon2Params{Time: request.Params.Time, MemoryKib: request.Params.MemoryKiB, Threads: uint32(request.Params.Threads)},
		Salt:   request.Salt[:], Kek: box,
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// ready initialises the vault with one API key, "main", that this user's programs
// may read and trade with.
func (s *stack) ready() *stack {
	s.t.Helper()
	s.init()
	key := vault.AddKey{Label: "main", APIKey: "KEY-1", Permissions: policy.Read | policy.Trade}
	box, sealed := s.seal(key.Purpose(), []byte(canary))
	key.Secret = sealed
	_, err1 := s.admin.AddKey(ctx, &pb.AddKeyRequest{Label: "main", ApiKey: "KEY-1", Permissions: []string{"read", "trade"}, Secret: box, Proof: s.prove(key.Operation())})
	uid := uint32(os.Geteuid())
	bot := vault.AddBot{Name: "me", Match: []policy.Match{{UID: &uid}}}
	_, err2 := s.admin.AddBot(ctx, &pb.AddBotRequest{Name: "me", Matches: []*pb.Match{{Uid: &uid}}, Proof: s.prove(bot.Operation())})
	grant := vault.SetGrant{Bot: "me", Grant: policy.GrantSpec{Key: "main", Allow: []string{"read", "trade"}}}
	_, err3 := s.admin.SetGrant(ctx, &pb.SetGrantRequest{Bot: "me", Spec: `{"key":"main","allow":["read","trade"]}`, Proof: s.prove(grant.Operation())})
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return s
}

func wantReason(t testing.TB, err error, code codes.Code, reason string) {
	t.Helper()
	if got := reasonOf(err); status.Code(err) != code || got != reason {
		t.Fatalf("error %v with reason %q, want %v with %q", err, got, code, reason)
	}
}

func reasonOf(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.Domain == api.Domain {
			return info.Reason
		}
	}
	return ""
}

// Every RPC of the admin service stands in the table of effects, and nothing else
// does.
func TestEveryAdminRPCIsInTheTableOfEffects(t *testing.T) {
	var names []string
	for _, m := range pb.AdminService_ServiceDesc.Methods {
		names = append(names, m.MethodName)
	}
	for _, s := range pb.AdminService_ServiceDesc.Streams {
		names = append(names, s.StreamName)
	}
	if len(names) == 0 {
		t.Fatal("the admin service has no methods")
	}
	for _, name := range names {
		effect, ok := vault.EffectOf(name)
		if !ok {
			t.Errorf("%s is in no table", name)
		}
		needs := effect == vault.Widening || name == "Panic" // which may cancel all orders
		if needs != carries(name, "Proof") {
			t.Errorf("%s: widening is %v, and a proof in its request is %v", name, needs, !needs)
		}
	}
	for _, name := range []string{"", "status", "Nothing", "SignRest"} {
		if _, ok := vault.EffectOf(name); ok {
			t.Errorf("%q has an effect", name)
		}
	}
}

// carries says whether the request of an RPC has a field of a message type.
func carries(method, message string) bool {
	service := pb.File_bfxvault_v1_admin_proto.Services().ByName("AdminService")
	fields := service.Methods().ByName(protoreflect.Name(method)).Input().Fields()
	for i := range fields.Len() {
		if m := fields.Get(i).Message(); m != nil && string(m.Name()) == message {
			return true
		}
	}
	return false
}

// A64: without a proof, with an empty one and with a wrong one, nothing widens.
func TestNoWideningRPCGoesThroughWithoutAProof(t *testing.T) {
	s := newStack(t).ready()
	uid := uint32(7)
	for name, call := range map[string]func(*pb.Proof) error{
		"AddKey": func(p *pb.Proof) error {
			box, _ := s.seal(vault.AddKey{Label: "x", APIKey: "X", Permissions: policy.Read}.Purpose(), []byte("secret"))
			_, err := s.admin.AddKey(ctx, &pb.AddKeyRequest{Label: "x", ApiKey: "X", Permissions: []string{"read"}, Secret: box, Proof: p})
			return err
		},
		"AddBot": func(p *pb.Proof) error {
			_, err := s.admin.AddBot(ctx, &pb.AddBotRequest{Name: "x", Matches: []*pb.Match{{Uid: &uid}}, Proof: p})
			return err
		},
		"SetGrant": func(p *pb.Proof) error {
			_, err := s.admin.SetGrant(ctx, &pb.SetGrantRequest{Bot: "me", Spec: `{"key":"main","allow":["withdraw"]}`, Proof: p})
			return err
		},
		"ApplyPolicy": func(p *pb.Proof) error {
			_, err := s.admin.ApplyPolicy(ctx, &pb.ApplyPolicyRequest{Policy: `{}`, Proof: p})
			return err
		},
		"AcceptNonce": func(p *pb.Proof) error {
			_, err := s.admin.AcceptNonce(ctx, &pb.AcceptNonceRequest{Label: "main", Proof: p})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantReason(t, call(nil), codes.InvalidArgument, "INVALID")
			wantReason(t, call(&pb.Proof{}), codes.InvalidArgument, "INVALID")
			wantReason(t, call(&pb.Proof{Mac: make([]byte, 32)}), codes.Aborted, "STALE")
			wrong := s.prove(vault.AcceptNonce{Label: "another"}.Operation())
			wantReason(t, call(wrong), codes.Unauthenticated, "WRONG_PASSPHRASE")
		})
	}
}

// P3, P4: over the socket, as a bot.
func TestABotGetsItsSignaturesAndTheirReasons(t *testing.T) {
	s := newStack(t)
	rest := func(label, path, body string) error {
		_, err := s.signer.SignRest(ctx, &pb.SignRestRequest{Label: label, Path: path, Body: []byte(body)})
		return err
	}
	wantReason(t, rest("main", "v2/auth/r/wallets", ""), codes.FailedPrecondition, "NOT_INITIALISED")
	s.ready()
	if err := rest("main", "v2/auth/w/order/submit", order); err != nil {
		t.Fatal(err)
	}
	wantReason(t, rest("main", "v2/auth/w/withdraw", "{}"), codes.PermissionDenied, "DENIED")
	wantReason(t, rest("main", "v2/auth/w/token", "{}"), codes.PermissionDenied, "DENIED")
	wantReason(t, rest("other", "v2/auth/r/wallets", "{}"), codes.PermissionDenied, "NO_GRANT")
	wantReason(t, rest("main", "v2/auth/r/wallets/", "{}"), codes.InvalidArgument, "MALFORMED")
	wantReason(t, rest("main", "v2/auth/r/wallets", "{"), codes.InvalidArgument, "MALFORMED")
	v1, err := s.signer.SignRestV1(ctx, &pb.SignRestV1Request{Label: "main", Path: "v1/balances"})
	if err != nil || v1.Payload == "" || len(v1.Signature) != 96 {
		t.Fatalf("v1: %v %v", v1, err)
	}
	me, err := s.signer.WhoAmI(ctx, &pb.WhoAmIRequest{})
	if err != nil || me.Uid != uint32(os.Geteuid()) || len(me.Bots) != 1 || me.Bots[0].Grants[0].Label != "main" {
		t.Fatalf("who am I: %v %v", me, err)
	}
	if _, err := s.admin.Lock(ctx, &pb.LockRequest{}); err != nil {
		t.Fatal(err)
	}
	wantReason(t, rest("main", "v2/auth/w/order/submit", order), codes.FailedPrecondition, "LOCKED")
}

// One refusal does not end a stream, and each reply has the id of its request.
func TestAStreamAnswersEachRequestById(t *testing.T) {
	s := newStack(t).ready()
	stream, err := s.signer.SignStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	good := &pb.SignStreamRequest_Rest{Rest: &pb.SignRestRequest{Label: "main", Path: "v2/auth/w/order/submit", Body: []byte(order)}}
	bad := &pb.SignStreamRequest_RestV1{RestV1: &pb.SignRestV1Request{Label: "main", Path: "v1/withdraw"}}
	requests := []*pb.SignStreamRequest{{Id: 7, Request: good}, {Id: 7}, {Id: 9, Request: bad}, {Id: 1 << 60, Request: good}}
	for _, r := range requests {
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "INVALID", "DENIED", ""} {
		r, err := stream.Recv()
		if err != nil || r.Id != requests[i].Id {
			t.Fatalf("reply %d: %v %v", i, r, err)
		}
		if want == "" && len(r.GetRest().GetSignature()) != 96 {
			t.Fatalf("reply %d has no signature: %v", i, r)
		}
		if got := reasonOf(status.FromProto(r.GetError()).Err()); got != want {
			t.Fatalf("reply %d: reason %q, want %q", i, got, want)
		}
	}
}

// A16, A17: what is too large never reaches the vault, and health answers on both.
func TestOversizeMessagesAreRefusedAndHealthAnswers(t *testing.T) {
	s := newStack(t).ready()
	_, err := s.signer.SignRest(ctx, &pb.SignRestRequest{Label: "main", Path: "v2/auth/r/wallets", Body: make([]byte, 4<<20+1)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Fatalf("4 MiB + 1: %v", err)
	}
	for _, conn := range []*grpc.ClientConn{s.sign, s.ctl} {
		if h, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil || h.Status != healthpb.HealthCheckResponse_SERVING {
			t.Fatalf("health: %v %v", h, err)
		}
	}
}

// A15: a method that is not registered is not served, whatever its spelling.
func TestEachSocketServesItsOwnServiceOnly(t *testing.T) {
	s := newStack(t).ready()
	for _, method := range []string{
		"/bfxvault.v1.AdminService/Lock", "/bfxvault.v1.AdminService/ListKeys", "/bfxvault.v1.SignerService/signrest", "//bfxvault.v1.SignerService/SignRest",
	} {
		err := s.sign.Invoke(ctx, method, &pb.LockRequest{}, &pb.LockResponse{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s on sign.sock: %v", method, err)
		}
	}
	if s.vault.Status().State != vault.Unlocked {
		t.Fatal("sign.sock locked the vault")
	}
}

// A49: a secret sent where none belongs comes back in no error and no log.
func TestWhatACallerSendsIsInNoErrorAndNoLog(t *testing.T) {
	s := newStack(t).ready()
	for _, call := range []func() error{
		func() error {
			_, err := s.signer.SignRest(ctx, &pb.SignRestRequest{Label: canary, Path: canary, Body: []byte(canary), Bot: canary})
			return err
		},
		func() error {
			_, err := s.signer.SignRest(ctx, &pb.SignRestRequest{Label: "main", Path: canary, Body: []byte(canary)})
			return err
		},
		func() error {
			_, err := s.signer.SignRest(ctx, &pb.SignRestRequest{Label: "main", Path: "v2/auth/r/wallets", Body: []byte(`{"` + canary + `":1,"` + canary + `":2}`)})
			return err
		},
		func() error {
			_, err := s.signer.SignRestV1(ctx, &pb.SignRestV1Request{Label: "main", Path: "v1/balances", Params: []byte(`{"request":"` + canary + `"}`)})
			return err
		},
		func() error {
			_, err := s.admin.AddKey(ctx, &pb.AddKeyRequest{Label: "x", ApiKey: canary, Permissions: []string{canary}, Secret: &pb.Sealed{Box: []byte(canary)}, Proof: s.prove(vault.AcceptNonce{}.Operation())})
			return err
		},
		func() error {
			_, err := s.admin.ShowKey(ctx, &pb.ShowKeyRequest{Label: canary})
			return err
		},
	} {
		err := call()
		if text := err.Error() + prototext.Format(status.Convert(err).Proto()); strings.Contains(text, canary) {
			t.Errorf("an error repeats what was sent: %s", text)
		}
	}
	if strings.Contains(s.log.String(), canary) {
		t.Error("the log repeats what was sent")
	}
}
