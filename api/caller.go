package api

import (
	"context"
	"errors"

	"bfxvault/api/peer"
	"bfxvault/vault"
)

// callerOf is who calls on sign.sock, as the kernel says (P4). A process that is
// gone is nobody.
func callerOf(ctx context.Context) (vault.Caller, error) {
	info, err := alive(ctx)
	if err != nil {
		return vault.Caller{}, err
	}
	return vault.Caller{UID: info.UID, GID: info.GID, Process: info}, nil
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
