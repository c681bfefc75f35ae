package cmd_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runPty is a program of its own, this test binary under another name: "pty
// ANSWERS program args…" runs a program that has a terminal, and types. ANSWERS
// is a file with a line "prompt=>answer" for each thing that the program asks, in
// order; the answers ^C and ^D are those keys, and ^CODE is the recovery code that was
// shown. What the terminal showed goes to the file
// tty. It ends with the program's exit code, or 97 where not everything was asked.
func runPty() {
	code, err := underPty(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "pty:", err)
		code = 97
	}
	os.Exit(code)
}

func underPty(answers, program string, args []string) (code int, err error) {
	script, err := os.ReadFile(answers)
	if err != nil {
		return 0, err
	}
	terminal, side, err := openPty()
	if err != nil {
		return 0, err
	}
	defer terminal.Close()
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{side}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	side.Close() // the program's is then the last one, and its end ends the reading
	shown, typeErr := typeAnswers(terminal, strings.Split(strings.TrimSpace(string(script)), "\n"))
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return cmd.ProcessState.ExitCode(), errors.Join(err, typeErr, os.WriteFile("tty", shown, 0o600))
}

// recoveryCode is what a recovery code looks like.
var recoveryCode = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){7}`)

// typeAnswers waits for each prompt and answers it, until the terminal is closed.
func typeAnswers(terminal *os.File, answers []string) (shown []byte, err error) {
	seen, buffer := 0, make([]byte, 1024)
	for {
		n, err := terminal.Read(buffer)
		shown = append(shown, buffer[:n]...)
		for len(answers) > 0 {
			prompt, answer, ok := strings.Cut(answers[0], "=>")
			if !ok {
				return shown, fmt.Errorf("no => in %q", answers[0])
			}
			at := strings.Index(string(shown[seen:]), prompt)
			if at < 0 {
				break
			}
			seen += at + len(prompt)
			answers = answers[1:]
			keys := answer + "\n"
			switch answer {
			case "^C":
				keys = "\x03"
			case "^D":
				keys = "\x04"
			case "^CODE":
				keys = recoveryCode.FindString(string(shown)) + "\n"
			}
			if _, err := io.WriteString(terminal, keys); err != nil {
				return shown, err
			}
		}
		switch {
		case err == nil:
		case len(answers) > 0:
			return shown, fmt.Errorf("it never asked %q", answers[0])
		case errors.Is(err, syscall.EIO) || errors.Is(err, io.EOF): // the other side is closed
			return shown, nil
		default:
			return shown, err
		}
	}
}

// openPty makes a terminal (pts(4)): the end that types and reads, and the side of
// the program.
func openPty() (terminal, side *os.File, err error) {
	if terminal, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	fd := int(terminal.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		side, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		terminal.Close()
		return nil, nil, err
	}
	return terminal, side, nil
}
