package main

import (
	"bytes"
	"context"
	"io"
	"time"

	"bfxvault/cmd/internal/login"
	pb "bfxvault/proto/bfxvault/v1"
)

// pamTime is how long a login may be kept waiting.
const pamTime = 5 * time.Second

// unlockWith unlocks with what login enable has stored, where a login has opened it.
func (a *app) unlockWith(ctx context.Context, with string) error {
	if err := checkWith(with); err != nil {
		return err
	}
	if with == login.PAM {
		return a.unlockForPAM(ctx)
	}
	return a.with(func(s *session) error {
		return a.unlockAtLogin(ctx, s, func(id [16]byte) (*login.Key, error) {
			if with == login.Keyring {
				return login.FromKeyring(ctx, id)
			}
			return login.FromCredential()
		})
	})
}

// unlockAtLogin unlocks with a keyfile that names its slot.
func (a *app) unlockAtLogin(ctx context.Context, s *session, get func(id [16]byte) (*login.Key, error)) error {
	if s.unlocked(ctx) == nil {
		return a.reportUnlock(&pb.UnlockResponse{Already: true}, false)
	}
	list, err := s.admin.ListSlots(ctx, &pb.ListSlotsRequest{})
	if err != nil {
		return err
	}
	if len(list.GetVaultId()) != 16 {
		return failed("NOT_INITIALISED", "there is no vault yet").withHint("vaultctl init")
	}
	id := [16]byte(list.GetVaultId())
	key, err := get(id)
	if err != nil {
		return loginFailure(err)
	}
	defer key.Wipe()
	return a.open(ctx, s, id, key.Slot, key.File, accepts{})
}

// unlockForPAM unlocks for the user who logs in, with their password on standard input. It
// says nothing and ends soon, whatever happens: a login must not wait for a vault.
func (a *app) unlockForPAM(ctx context.Context) error {
	a.stdout, a.stderr = io.Discard, io.Discard
	ctx, cancel := context.WithTimeout(ctx, pamTime)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := login.BecomePAMUser()
		if err == nil {
			err = a.unlockWithPassword(ctx)
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done(): // what is under way ends with the process
		return ctx.Err()
	}
}

func (a *app) unlockWithPassword(ctx context.Context) error {
	b, err := readSecret(a.stdin)
	if err != nil {
		return err
	}
	defer clear(b)
	password, _, _ := bytes.Cut(b, []byte{0}) // some versions of pam_exec end it so
	if len(password) == 0 {
		return failed("INVALID_SECRET", "PAM has passed no password")
	}
	return a.with(func(s *session) error {
		return a.unlockAtLogin(ctx, s, func(id [16]byte) (*login.Key, error) { return login.FromPAM(id, password) })
	})
}
