package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"bfxvault/vault"
	"bfxvault/vault/operator"
)

func (a *app) slotAddRecovery() *cobra.Command {
	var from passphraseFlags
	var file string
	c := &cobra.Command{
		Use: "recovery", Short: "Add a recovery code, for the day on which the passphrase is lost",
		Long: "Make a recovery code and add it. It is shown once, on the terminal; write it down and\n" +
			"keep it where no computer is. It is asked for, to be sure, before it is added. With it\n" +
			"vaultctl passphrase change --recovery sets a new passphrase.",
		Example: "  vaultctl slot add recovery", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if file != "" {
				if err := notThere(file); err != nil {
					return err
				}
			}
			return a.widen(c.Context(), from, func(s *session, by *credential) error {
				return a.runAddRecovery(c.Context(), s, by, file)
			})
		},
	}
	from.add(c)
	c.Flags().StringVar(&file, "recovery-file", "", "write the code to a new file, mode 0600, in place of the terminal")
	return c
}

func (a *app) runAddRecovery(ctx context.Context, s *session, by *credential, file string) error {
	code := operator.NewRecoveryCode()
	defer code.Wipe()
	var err error
	if file != "" {
		err = writeCode(file, code)
	} else {
		err = a.showCode(ctx, code)
	}
	if err != nil {
		return err
	}
	slot := vault.KeySlot{Kind: "recovery", Params: vault.MinArgon2(), Salt: operator.NewSalt()} // 170 random bits need no more
	kek, err := code.KEK(slot.Params, slot.Salt)
	if err != nil {
		return err
	}
	defer kek.Wipe()
	err = a.addSlotOf(ctx, s, by, slot, kek)
	if err != nil && file != "" {
		_ = os.Remove(file) // it opens nothing
	}
	return err
}

func writeCode(file string, code *operator.RecoveryCode) error {
	text := code.AppendGroups(make([]byte, 0, operator.RecoveryTextSize+1))
	defer clear(text[:cap(text)])
	return writeNew(file, append(text, '\n'))
}

// showCode shows the code on the terminal, never on standard output, and has it typed
// back.
func (a *app) showCode(ctx context.Context, code *operator.RecoveryCode) error {
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return failed("NO_TERMINAL", "there is no terminal to show the code on").withHint("use --recovery-file")
	}
	defer tty.Close()
	text := code.AppendGroups(make([]byte, 0, operator.RecoveryTextSize+1))
	defer clear(text[:cap(text)])
	fmt.Fprint(tty, "Recovery code, shown this once:\n\n    ")
	_, err = tty.Write(append(text, '\n'))
	if err != nil {
		return failed("NO_TERMINAL", "the code cannot be shown: %v", err)
	}
	fmt.Fprint(tty, "\nWrite it down. Whoever has it and vault.db opens the vault.\n")
	typed, err := a.prompt(ctx, "Type it, from what you wrote: ", "--recovery-file")
	if err != nil {
		return err
	}
	defer clear(typed)
	again, err := operator.ParseRecoveryCode(typed)
	if err != nil {
		return failed("MISTYPED", "%v; nothing was added", err).withHint("begin again: there will be another code")
	}
	defer again.Wipe()
	if *again != *code {
		return failed("MISMATCH", "it is another code; nothing was added").withHint("begin again: there will be another code")
	}
	return nil
}
