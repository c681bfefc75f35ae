package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"bfxvault/api/peer"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/operator"
)

// session is one conversation with vaultd's admin.sock.
type session struct {
	conn  *grpc.ClientConn
	admin pb.AdminServiceClient
}

// dialAdmin connects to admin.sock, once it is sure whose it is: the folder's
// owner must be this user, root, or the service's user whose folder root made,
// and whoever listens must be that same user.
func dialAdmin(socket string) (*session, error) {
	uid, err := ownerOf(filepath.Dir(socket))
	if err != nil {
		return nil, err
	}
	conn, err := dial(socket, peer.ClientCredentials(uid))
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, admin: pb.NewAdminServiceClient(conn)}, nil
}

// dialSign connects to sign.sock, as a bot does.
func dialSign(socket string) (*grpc.ClientConn, error) {
	uid, err := ownerOf(filepath.Dir(socket))
	if err != nil {
		return nil, err
	}
	return dial(socket, peer.ClientCredentials(uid))
}

// ownerOf checks the folder of a socket and returns the uid that may listen
// there.
func ownerOf(dir string) (uint32, error) {
	var st, parent unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return 0, unreachable(fmt.Errorf("%s: %w", dir, err))
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&0o022 != 0 {
		return 0, failed("UNSAFE_FOLDER", "%s is not a folder that only its owner can write to", dir)
	}
	me := uint32(os.Geteuid())
	if st.Uid == me || st.Uid == 0 {
		return st.Uid, nil
	}
	if err := unix.Lstat(filepath.Dir(dir), &parent); err == nil && parent.Uid == 0 && parent.Mode&0o022 == 0 {
		return st.Uid, nil // root gave the folder to the service's user
	}
	if me == 0 {
		return st.Uid, nil // root steers a user's vault
	}
	return 0, failed("UNSAFE_FOLDER", "%s belongs to uid %d", dir, st.Uid)
}

// maxAnswer has room for the policy of ten thousand bots.
const maxAnswer = 16 << 20

func dial(socket string, creds credentials.TransportCredentials) (*grpc.ClientConn, error) {
	if err := unix.Access(socket, unix.W_OK); err != nil {
		return nil, unreachable(fmt.Errorf("%s: %w", socket, err))
	}
	return grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(creds),
		grpc.WithInitialWindowSize(1<<20), grpc.WithInitialConnWindowSize(1<<20), grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)))
}

// unreachable says why a socket cannot be used, before anything is sent.
func unreachable(err error) *failure {
	f := failed("UNREACHABLE", "vaultd is not reachable: %v", err)
	if errors.Is(err, fs.ErrPermission) {
		return f.withHint("be the vault's user, or in the group that its config.toml names: sign_group, admin_group")
	}
	return f.withHint(hintStart)
}

// hintStart is what to do where nobody answers.
const hintStart = "start vaultd, or name its folder with --dir"

// Close ends the conversation.
func (s *session) Close() error { return s.conn.Close() }

// with opens a session on this vault's admin.sock, runs f and closes it.
func (a *app) with(f func(*session) error) error {
	p, err := a.paths()
	if err != nil {
		return err
	}
	s, err := dialAdmin(p.AdminSocket())
	if err != nil {
		return err
	}
	defer s.Close()
	return f(s)
}

// seal seals a secret for one operation to a fresh one-shot key of vaultd.
func (s *session) seal(ctx context.Context, purpose vault.Operation, secret []byte) (*pb.Sealed, vault.Sealed, error) {
	key, err := s.admin.BeginSealed(ctx, &pb.BeginSealedRequest{})
	if err != nil {
		return nil, vault.Sealed{}, err
	}
	if len(key.GetPublicKey()) != 32 {
		return nil, vault.Sealed{}, failed("FAILED", "vaultd sent a key of another size")
	}
	box, err := operator.Seal(key.GetId(), [32]byte(key.GetPublicKey()), purpose, secret)
	if err != nil {
		return nil, vault.Sealed{}, err
	}
	return &pb.Sealed{Id: box.ID, Box: box.Box}, box, nil
}

// unlocked fails where the vault is not unlocked.
func (s *session) unlocked(ctx context.Context) error {
	state, err := s.admin.Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return err
	}
	switch vault.State(state.GetState()) {
	case vault.Unlocked:
		return nil
	case vault.Uninitialised:
		return failed("NOT_INITIALISED", "there is no vault yet").withHint("vaultctl init")
	}
	return failed("LOCKED", "the vault is locked").withHint("vaultctl unlock")
}

// prove makes the proof for one operation.
func (s *session) prove(ctx context.Context, c *credential, o vault.Operation) (*pb.Proof, error) {
	begun, err := s.admin.BeginProof(ctx, &pb.BeginProofRequest{})
	if err != nil {
		return nil, err
	}
	if len(begun.GetChallenge()) != 32 {
		return nil, failed("FAILED", "vaultd sent a challenge of another size")
	}
	proof, err := operator.Prove(c.kek, c.slot, begun.GetId(), [32]byte(begun.GetChallenge()), o)
	if err != nil {
		return nil, err
	}
	return &pb.Proof{Id: proof.ID, Slot: proof.Slot, Mac: proof.MAC[:]}, nil
}

// widen runs what needs a proof, with what makes one.
func (a *app) widen(ctx context.Context, p passphraseFlags, f func(*session, *credential) error) error {
	return a.showAndWiden(ctx, p, func(*session) error { return nil }, f)
}

// showAndWiden is widen with something to see before the passphrase is asked for.
func (a *app) showAndWiden(ctx context.Context, p passphraseFlags, show func(*session) error, f func(*session, *credential) error) error {
	return a.with(func(s *session) error {
		if err := s.unlocked(ctx); err != nil {
			return err // before anything is typed in vain
		}
		if err := show(s); err != nil {
			return err
		}
		c, err := a.credential(ctx, s, p)
		if err != nil {
			return err
		}
		defer c.kek.Wipe()
		return f(s, c)
	})
}
