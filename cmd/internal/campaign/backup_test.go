package campaign_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

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

// P1, P5: neither a backup that was made nor one that was restored leaves a key behind,
// and the file holds none.
func TestABackupLeavesNoSecretBehind(t *testing.T) {
	t.Parallel()
	s := newScan(t, conditions{})
	s.sign(1)
	s.file("secret", "") // which files takes away
	file := filepath.Join(filepath.Dir(s.dir), "made.backup")
	s.ctl(0, "backup", "create", file)
	s.expect("after a backup", atRest)
	must(t, s.admin().lock())
	s.expect("locked after a backup", nowhere)
	s.stop(t)
	s.logLost = true
	must(t, os.Remove(s.paths.VaultFile()), os.RemoveAll(s.auditDir()))
	s.start()
	s.ctl(0, "backup", "restore", file, "--passphrase-file", s.file("pass", passphrase))
	s.resume(s.admin())
	s.sign(10)
	s.expect("restored", atRest)
	s.ctl(0, "lock")
	s.expect("locked after a restore", nowhere)
	s.stop(t)
	s.files() // the backup too
}
