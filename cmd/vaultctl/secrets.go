package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"

	"github.com/spf13/cobra"
)

// maxSecretInput bounds what is read as a passphrase or API secret.
const maxSecretInput = 4 << 10

// passphraseFlags are where a passphrase, or else the recovery code, comes from where it is
// not typed.
type passphraseFlags struct {
	file, command string
	recovery      bool
}

// add adds the flags of a passphrase or recovery code that there is.
func (p *passphraseFlags) add(c *cobra.Command) {
	p.addSource(c)
	c.Flags().BoolVar(&p.recovery, "recovery", false, "take the recovery code in place of the passphrase")
}

// kind is the kind of slot that it opens.
func (p passphraseFlags) kind() string {
	if p.recovery {
		return "recovery"
	}
	return "passphrase"
}

// addSource adds those that say where it comes from.
func (p *passphraseFlags) addSource(c *cobra.Command) {
	c.Flags().StringVar(&p.file, "passphrase-file", "", "read the passphrase from a file that only you can read; - is standard input")
	c.Flags().StringVar(&p.command, "passphrase-command", "", "read the passphrase from the output of a command")
	c.MarkFlagsMutuallyExclusive("passphrase-file", "passphrase-command")
}

// passphrase reads the passphrase. The caller clears it.
func (a *app) passphrase(ctx context.Context, p passphraseFlags) ([]byte, error) {
	switch {
	case p.command != "":
		return commandOutput(ctx, p.command)
	case p.file != "":
		return a.secretFile(p.file)
	}
	if p.recovery {
		return a.prompt(ctx, "Recovery code: ", "--passphrase-file or --passphrase-command")
	}
	return a.prompt(ctx, "Passphrase: ", "--passphrase-file or --passphrase-command")
}

// newPassphrase asks for a passphrase that is to be remembered, twice, or reads it from
// a file. instead says how it could come otherwise.
func (a *app) newPassphrase(ctx context.Context, text, file, instead string) ([]byte, error) {
	if file != "" {
		return a.checkNew(a.secretFile(file))
	}
	first, err := a.prompt(ctx, text, instead)
	if err != nil {
		return nil, err
	}
	second, err := a.prompt(ctx, "Once more: ", "")
	defer clear(second)
	if err == nil && !bytes.Equal(first, second) {
		err = failed("MISMATCH", "the two passphrases differ")
	}
	if err != nil {
		clear(first)
		return nil, err
	}
	return a.checkNew(first, nil)
}

// checkNew says so where a new passphrase is short.
func (a *app) checkNew(passphrase []byte, err error) ([]byte, error) {
	if err == nil && len(passphrase) < 12 {
		a.hintf("a short passphrase can be guessed from a stolen vault file: several words are better")
	}
	return passphrase, err
}

// secretFile reads a passphrase or API secret from a file, or from standard input
// for "-".
func (a *app) secretFile(path string) ([]byte, error) {
	b, err := a.privateFile(path)
	if err != nil {
		return nil, err
	}
	return checkSecret(b)
}

// privateFile reads a file as it is, or standard input for "-". A regular file
// that others can read is refused.
func (a *app) privateFile(path string) ([]byte, error) {
	if path == "-" {
		return readSecret(a.stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, failed("UNREADABLE", "%v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, failed("UNREADABLE", "%v", err)
	case info.IsDir():
		return nil, failed("UNREADABLE", "%s is a folder", path)
	case info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0:
		return nil, failed("UNSAFE_FILE", "%s can be read by others (mode %04o)", path, info.Mode().Perm()).
			withHint("chmod 600 %s", path)
	}
	return readSecret(f)
}

// readSecret reads into one buffer that never moves. What is longer than a secret
// comes back one byte too long.
func readSecret(r io.Reader) ([]byte, error) {
	buffer := make([]byte, maxSecretInput+1)
	n, err := io.ReadFull(r, buffer)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		clear(buffer)
		return nil, failed("UNREADABLE", "reading a secret: %v", err)
	}
	return buffer[:n], nil
}

// checkSecret cuts one line end and refuses what is empty or too long.
func checkSecret(b []byte) ([]byte, error) {
	trimmed := bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	if len(trimmed) == 0 || len(trimmed) > maxSecretInput {
		clear(b)
		return nil, failed("INVALID_SECRET", "a passphrase or secret is 1 to %d bytes", maxSecretInput)
	}
	return trimmed, nil
}

// commandOutput runs a command through the shell, with our terminal, and takes
// its standard output, straight into one buffer.
func commandOutput(ctx context.Context, command string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, failed("COMMAND_FAILED", "the passphrase command: %v", err)
	}
	secret, readErr := readSecret(out)
	out.Close() // more than a secret has: the command learns of it
	if err := cmd.Wait(); err != nil && readErr == nil {
		readErr = failed("COMMAND_FAILED", "the passphrase command failed: %v", err)
	}
	if readErr != nil {
		clear(secret)
		return nil, readErr
	}
	return checkSecret(secret)
}
