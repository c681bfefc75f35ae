package login

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"bfxvault/cmd/internal/harden"
)

// BecomePAMUser makes this process the user who logs in, as PAM_USER names them, for good:
// before it opens or reads anything. PAM runs it as root, or as whoever called a program
// that asks for a password; only root can become another user. Of the environment, which is
// the calling program's, nothing stays but what a login of that user has.
func BecomePAMUser() error {
	name := os.Getenv("PAM_USER")
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("PAM_USER names nobody: %w", err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if os.Geteuid() != uid || os.Getuid() != uid {
		if err := become(u, uid, gid); err != nil {
			return fmt.Errorf("becoming the user who logs in: %w", err)
		}
	}
	os.Clearenv()
	return errors.Join(
		os.Setenv("HOME", u.HomeDir),
		os.Setenv("PATH", "/usr/bin:/bin"),
		os.Setenv("XDG_RUNTIME_DIR", filepath.Join("/run/user", u.Uid)),
		harden.Process(), // another user is dumpable anew
		os.Chdir("/"),
	)
}

// become takes the user's groups, group and uid, in this order, on all threads.
func become(u *user.User, uid, gid int) error {
	ids, err := u.GroupIds()
	if err != nil {
		return err
	}
	groups := make([]int, 0, len(ids))
	for _, id := range ids {
		n, err := strconv.Atoi(id)
		if err != nil {
			return err
		}
		groups = append(groups, n)
	}
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setresgid(gid, gid, gid), syscall.Setresuid(uid, uid, uid)); err != nil {
		return err
	}
	if uid != 0 && syscall.Setuid(0) == nil {
		return errors.New("root could be had back")
	}
	return nil
}
