package api

import (
	"google.golang.org/grpc"

	pb "bfxvault/proto/bfxvault/v1"
)

// CreateBackup returns a consistent copy of the vault, sealed as a whole.
func (a *admin) CreateBackup(_ *pb.CreateBackupRequest, stream grpc.ServerStreamingServer[pb.BackupPart]) error {
	by, err := operatorOf(stream.Context())
	if err != nil {
		return err
	}
	return a.vault.CreateBackup(by, func(part []byte) error { return stream.Send(&pb.BackupPart{Data: part}) })
}
