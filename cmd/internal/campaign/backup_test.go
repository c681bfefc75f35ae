package campaign_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"slices"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// backup makes a backup.
func (a *admin) backup() (text []byte, err error) {
	stream, err := a.CreateBackup(a.ctx, &pb.CreateBackupRequest{})
	if err != nil {
		return nil, err
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
		text = append(text, part.GetData()...)
	}
}

// restore restores one with the KEK of slot 1.
func (a *admin) restore(text []byte) error {
	r := vault.RestoreBackup{Slot: 1, Digest: sha256.Sum256(text)}
	box, err := a.seal(r.Purpose(), a.kek[:])
	if err != nil {
		return err
	}
	stream, err := a.RestoreBackup(a.ctx)
	if err != nil {
		return err
	}
	message := &pb.RestoreBackupRequest{Slot: r.Slot, Kek: wire(box), Digest: r.Digest[:]}
	for part := range slices.Chunk(text, 1000) {
		message.Data = part
		if err := stream.Send(message); err != nil {
			break // the answer says why
		}
		message = &pb.RestoreBackupRequest{}
	}
	_, err = stream.CloseAndRecv()
	return err
}
