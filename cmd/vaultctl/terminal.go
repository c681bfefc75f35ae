package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// prompt asks on the terminal, without echo. A signal ends it.
func (a *app) prompt(ctx context.Context, text, instead string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, failed("NO_TERMINAL", "there is no terminal to ask on").withHint("use %s", instead)
	}
	defer tty.Close()
	before, err := silence(int(tty.Fd()))
	if err != nil {
		return nil, failed("NO_TERMINAL", "the terminal cannot be kept from echoing: %v", err)
	}
	defer fmt.Fprintln(tty)
	defer term.Restore(int(tty.Fd()), before) // also where a signal ends this: the shell needs its echo back
	fmt.Fprint(tty, text)

	type answer struct {
		secret []byte
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		secret, err := readLine(tty)
		answered <- answer{secret, err}
	}()
	select {
	case <-ctx.Done():
		return nil, interrupted()
	case got := <-answered:
		if got.err != nil {
			return nil, failed("NO_TERMINAL", "reading from the terminal: %v", got.err)
		}
		return checkSecret(got.secret)
	}
}

// silence turns a terminal's echo off before anything is asked, so that the
// quickest answer is not shown, and makes it deliver whole lines and signals. It
// returns the state from before.
func silence(fd int) (*term.State, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	t.Lflag = t.Lflag&^unix.ECHO | unix.ICANON | unix.ISIG
	t.Iflag |= unix.ICRNL
	return before, unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// readLine reads up to a line end or Ctrl-D into one buffer that never moves. It
// does nothing else to the terminal (term.ReadPassword would set its modes, and
// after a signal that may be once they have been restored).
func readLine(tty *os.File) ([]byte, error) {
	buffer := make([]byte, maxSecretInput+1)
	n := 0
	for n < len(buffer) && !bytes.HasSuffix(buffer[:n], []byte("\n")) {
		more, err := tty.Read(buffer[n:])
		n += more
		switch {
		case errors.Is(err, io.EOF):
			return buffer[:n], nil
		case err != nil:
			clear(buffer)
			return nil, err
		}
	}
	return buffer[:n], nil
}
