package api

import (
	"context"
	"errors"
	"os"

	"bfxvault/api/peer"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// callerOf is who calls on sign.sock, as the kernel says (P4). A process that is
// gone is nobody.
func callerOf(ctx context.Context) (vault.Caller, error) {
	info, err := alive(ctx)
	if err != nil {
		return vault.Caller{}, err
	}
	return vault.Caller{UID: info.UID, GID: info.GID, Process: info, Conn: info.Conn}, nil
}

// operatorOf is who calls on admin.sock.
func operatorOf(ctx context.Context) (vault.Operator, error) {
	info, err := alive(ctx)
	if err != nil {
		return vault.Operator{}, err
	}
	return vault.Operator{Conn: info.Conn, Process: info.Process()}, nil
}

func alive(ctx context.Context) (*peer.Info, error) {
	info, ok := peer.FromContext(ctx)
	if !ok || !info.Alive() {
		return nil, &vault.Error{Op: "identify", Kind: vault.KindNoGrant, Err: errors.New("the process that connected is gone")}
	}
	return info, nil
}

// Checkable says why a match cannot be checked on this machine, nil where it can: a
// bot whose executable or unit nobody can read would match no caller, or be taken
// for another (P4). It is what vault.Options asks for.
func Checkable(m policy.Match) error {
	if m.Unit != "" {
		if err := errors.Join(peer.CheckUnit(m.Unit), peer.CanReadUnits()); err != nil {
			return err
		}
	}
	if m.Exe == "" && m.SHA256 == nil {
		return nil
	}
	uid := uint32(os.Geteuid())
	if m.UID != nil {
		uid = *m.UID
	}
	return peer.CanReadPrograms(uid)
}
