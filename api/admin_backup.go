package api

import (
	"errors"
	"io"

	"google.golang.org/grpc"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// CreateBackup returns a consistent copy of the vault, sealed as a whole.
func (a *admin) CreateBackup(_ *pb.CreateBackupRequest, stream grpc.ServerStreamingServer[pb.BackupPart]) error {
	by, err := operatorOf(stream.Context())
	if err != nil {
		return err
	}
	return a.vault.CreateBackup(by, func(part []byte) error { return stream.Send(&pb.BackupPart{Data: part}) })
}

// RestoreBackup makes the vault of a backup.
func (a *admin) RestoreBackup(stream grpc.ClientStreamingServer[pb.RestoreBackupRequest, pb.RestoreBackupResponse]) error {
	by, err := operatorOf(stream.Context())
	if err != nil {
		return err
	}
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return invalid("digest", "there is no first message")
	}
	if err != nil {
		return err
	}
	request := vault.RestoreBackup{Slot: first.GetSlot(), SeenRevision: first.GetSeenRevision()}
	if request.KEK, err = toSealed(first.GetKek()); err != nil {
		return err
	}
	if len(first.GetDigest()) != len(request.Digest) {
		return invalid("digest", "a SHA-256 is 32 bytes")
	}
	copy(request.Digest[:], first.GetDigest())
	opened, err := a.vault.RestoreBackup(stream.Context(), by, request, &parts{stream: stream, rest: first.GetData()})
	if err != nil {
		return err
	}
	return stream.SendAndClose(&pb.RestoreBackupResponse{VaultId: opened.VaultID[:], Revision: opened.Revision, Held: opened.Held})
}

// parts is the file that comes with the messages of a restore, as an io.Reader.
type parts struct {
	stream grpc.ClientStreamingServer[pb.RestoreBackupRequest, pb.RestoreBackupResponse]
	rest   []byte
}

// Read returns what is left of a message, then of the next; io.EOF after the last.
func (p *parts) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		next, err := p.stream.Recv()
		if err != nil {
			return 0, err
		}
		if next.GetKek() != nil || next.GetSlot() != 0 || len(next.GetDigest()) != 0 || next.GetSeenRevision() != 0 {
			return 0, invalid("data", "only the first message has more than data")
		}
		p.rest = next.GetData()
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
