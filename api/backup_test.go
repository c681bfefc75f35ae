package api_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// backup receives a backup.
func (s *stack) backup() (text []byte) {
	s.t.Helper()
	stream, err := s.admin.CreateBackup(ctx, &pb.CreateBackupRequest{})
	for err == nil {
		var part *pb.BackupPart
		if part, err = stream.Recv(); err == nil {
			text = append(text, part.GetData()...)
		}
	}
	if !errors.Is(err, io.EOF) {
		s.t.Fatal(err)
	}
	return text
}

// restore sends messages as they are.
func (s *stack) restore(messages ...*pb.RestoreBackupRequest) (*pb.RestoreBackupResponse, error) {
	s.t.Helper()
	stream, err := s.admin.RestoreBackup(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range messages {
		if err := stream.Send(m); err != nil {
			break // the answer says why
		}
	}
	return stream.CloseAndRecv()
}

// P7: what one vaultd gives another takes, in pieces of any size; and only the first
// message says what it is about.
func TestABackupGoesOverTheWireAndBack(t *testing.T) {
	old := newStack(t).ready()
	text := old.backup()
	s := newStack(t)
	s.kek = old.kek
	digest := sha256.Sum256(text)
	first := func(data []byte) *pb.RestoreBackupRequest {
		box, _ := s.seal(vault.RestoreBackup{Slot: 1, Digest: digest}.Purpose(), s.kek[:])
		return &pb.RestoreBackupRequest{Slot: 1, Kek: box, Digest: digest[:], Data: data}
	}
	piece := func(data []byte) *pb.RestoreBackupRequest { return &pb.RestoreBackupRequest{Data: data} }
	short := first(text)
	short.Digest = digest[:31]
	for name, messages := range map[string][]*pb.RestoreBackupRequest{
		"nothing":           nil,
		"no KEK":            {{Slot: 1, Digest: digest[:], Data: text}},
		"half a digest":     {short},
		"half a backup":     {first(text[:len(text)/2])},
		"a second slot":     {first(text[:100]), {Slot: 1, Data: text[100:]}},
		"a second KEK":      {first(text[:100]), {Kek: first(nil).GetKek(), Data: text[100:]}},
		"a second digest":   {first(text[:100]), {Digest: digest[:], Data: text[100:]}},
		"a second revision": {first(text[:100]), {SeenRevision: 1, Data: text[100:]}},
		"another revision":  {{Slot: 1, Kek: first(nil).GetKek(), Digest: digest[:], SeenRevision: 7, Data: text}},
	} {
		want := codes.InvalidArgument
		if name == "another revision" {
			want = codes.Aborted // the KEK was sealed for none
		}
		if _, err := s.restore(messages...); status.Code(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	restored, err := s.restore(first(nil), piece(text[:1]), piece(nil), piece(text[1:500]), piece(text[500:]))
	if err != nil {
		t.Fatal(err)
	}
	state, err := s.admin.Status(ctx, &pb.StatusRequest{})
	if err != nil || state.GetState() != "unlocked" || state.GetKeys() != 1 || state.GetRevision() != restored.GetRevision() ||
		!bytes.Equal(state.GetVaultId(), restored.GetVaultId()) {
		t.Errorf("%v: %v", state, err)
	}
}
