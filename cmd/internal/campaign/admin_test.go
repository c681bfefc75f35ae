package campaign_test

import (
	"context"
	"crypto/rand"
	"os"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"bfxvault/api/peer"
	"bfxvault/cmd/internal/paths"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

const botName = "mm-1"

func me() uint32 { return uint32(os.Geteuid()) }

func randomKEK() (kek operator.KEK) {
	rand.Read(kek[:]) // never fails: crypto/rand
	return kek
}

// dial connects to a socket whose listener must have a uid; 0 is one's own.
func dial(t testing.TB, socket string, uid int) *grpc.ClientConn {
	t.Helper()
	if uid == 0 {
		uid = os.Geteuid()
	}
	conn, err := connect(socket, uid)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func connect(socket string, uid int) (*grpc.ClientConn, error) {
	return grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(peer.ClientCredentials(uint32(uid))))
}

// admin is one connection to admin.sock of an operator who has the KEK of a slot.
type admin struct {
	pb.AdminServiceClient
	ctx  context.Context
	kek  *operator.KEK
	slot *uint32
}

func dialAdmin(t testing.TB, p paths.Paths, uid int, kek *operator.KEK, slot *uint32) (*admin, *grpc.ClientConn) {
	t.Helper()
	conn := dial(t, p.AdminSocket(), uid)
	return &admin{pb.NewAdminServiceClient(conn), t.Context(), kek, slot}, conn
}

// seal seals a secret for one operation to a fresh one-shot key.
func (a *admin) seal(purpose vault.Operation, secret []byte) (vault.Sealed, error) {
	key, err := a.BeginSealed(a.ctx, &pb.BeginSealedRequest{})
	if err != nil {
		return vault.Sealed{}, err
	}
	return operator.Seal(key.GetId(), [32]byte(key.GetPublicKey()), purpose, secret)
}

// prove makes the proof for one operation.
func (a *admin) prove(o vault.Operation) (*pb.Proof, error) {
	begun, err := a.BeginProof(a.ctx, &pb.BeginProofRequest{})
	if err != nil {
		return nil, err
	}
	proof, err := operator.Prove(a.kek, *a.slot, begun.GetId(), [32]byte(begun.GetChallenge()), o)
	return &pb.Proof{Id: proof.ID, Slot: proof.Slot, Mac: proof.MAC[:]}, err
}

func wire(s vault.Sealed) *pb.Sealed { return &pb.Sealed{Id: s.ID, Box: s.Box} }

// init makes a vault at the floor of Argon2id's cost.
func (a *admin) init() error { return a.initWith(operator.NewSalt()) }

func (a *admin) initWith(salt [16]byte) error {
	r := vault.Init{Params: vault.MinArgon2(), Salt: salt}
	box, err := a.seal(r.Purpose(), a.kek[:])
	if err != nil {
		return err
	}
	_, err = a.Init(a.ctx, &pb.InitRequest{
		Params: &pb.Argon2Params{Time: r.Params.Time, MemoryKib: r.Params.MemoryKiB, Threads: uint32(r.Params.Threads)},
		Salt:   salt[:], Kek: wire(box),
	})
	return err
}

// unlock is the operator's, whose own doing it is where config.toml has changed.
func (a *admin) unlock() error { return a.unlockWith(true) }

// unlockStrictly accepts no laxer config.toml.
func (a *admin) unlockStrictly() error { return a.unlockWith(false) }

func (a *admin) unlockWith(acceptConfig bool) error {
	r := vault.Unlock{Slot: *a.slot, AcceptConfig: acceptConfig}
	box, err := a.seal(r.Purpose(), a.kek[:])
	if err != nil {
		return err
	}
	request := unlockRequest(r.Slot, box)
	request.AcceptConfig = acceptConfig
	_, err = a.Unlock(a.ctx, request)
	return err
}

func unlockRequest(slot uint32, kek vault.Sealed) *pb.UnlockRequest {
	return &pb.UnlockRequest{Slot: slot, Kek: wire(kek)}
}

func (a *admin) lock() error {
	_, err := a.Lock(a.ctx, &pb.LockRequest{})
	return err
}

// addKey stores an API key whose id is its label.
func (a *admin) addKey(label, secret string) error {
	request, err := a.keyRequest(label, secret)
	if err != nil {
		return err
	}
	_, err = a.AddKey(a.ctx, request)
	return err
}

// keyRequest is what addKey sends, proof and all.
func (a *admin) keyRequest(label, secret string) (*pb.AddKeyRequest, error) {
	box, err := a.seal(newKey(label).Purpose(), []byte(secret))
	if err != nil {
		return nil, err
	}
	return a.keyRequestWith(label, box)
}

// keyRequestWith is a key add that is proven, with any sealed box.
func (a *admin) keyRequestWith(label string, box vault.Sealed) (*pb.AddKeyRequest, error) {
	r := newKey(label)
	r.Secret = box
	proof, err := a.prove(r.Operation())
	return &pb.AddKeyRequest{
		Label: r.Label, ApiKey: r.APIKey, Permissions: r.Permissions.Words(), Secret: wire(r.Secret), Proof: proof,
	}, err
}

func newKey(label string) vault.AddKey {
	return vault.AddKey{Label: label, APIKey: idOf(label), Permissions: policy.Read | policy.Trade}
}

func (a *admin) addBot(name string, uid uint32) error {
	request, err := a.botRequest(name, uid)
	if err != nil {
		return err
	}
	_, err = a.AddBot(a.ctx, request)
	return err
}

// botRequest is what addBot sends, proof and all.
func (a *admin) botRequest(name string, uid uint32) (*pb.AddBotRequest, error) {
	r := vault.AddBot{Name: name, Match: []policy.Match{{UID: &uid}}}
	proof, err := a.prove(r.Operation())
	return &pb.AddBotRequest{Name: name, Matches: []*pb.Match{{Uid: &uid}}, Proof: proof}, err
}

func (a *admin) grant(bot, label string) error { return a.grantOf(bot, label, "read", "trade") }

func (a *admin) grantOf(bot, label string, allow ...string) error {
	r := vault.SetGrant{Bot: bot, Grant: policy.GrantSpec{Key: label, Allow: allow}}
	proof, err := a.prove(r.Operation())
	if err != nil {
		return err
	}
	_, err = a.SetGrant(a.ctx, &pb.SetGrantRequest{
		Bot: bot, Spec: string(vault.GrantText(r.Grant)), Proof: proof,
	})
	return err
}

// status is the answer to Status.
func (a *admin) status(t testing.TB) *pb.StatusResponse {
	t.Helper()
	s, err := a.Status(a.ctx, &pb.StatusRequest{})
	must(t, err)
	return s
}

// reasonOf is the reason that an error of vaultd carries: "" for none at all,
// the gRPC code where there is no reason.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	s, ok := status.FromError(err)
	if !ok {
		return err.Error()
	}
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return s.Code().String()
}

// want fails the test unless the error has the reason.
func want(t testing.TB, what string, err error, reason string) {
	t.Helper()
	if got := reasonOf(err); got != reason {
		t.Errorf("%s: %q (%v), want %q", what, got, err, reason)
	}
}
