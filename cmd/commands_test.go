package cmd_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	bolt "go.etcd.io/bbolt"
)

// patience ends what hangs, so that the script says where.
const patience = "120"

// cmdCode is "code N program args…": the program must end with exit code N, and
// print neither passphrase nor API secret (P1).
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := runCode(ts, args[1], args[2:]...)
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if what := secretIn(ts.ReadFile(stream)); what != "" {
			ts.Fatalf("%s shows %s", stream, what)
		}
	}
}

func runCode(ts *testscript.TestScript, program string, args ...string) int {
	err := ts.Exec("timeout", append([]string{"--foreground", patience, program}, args...)...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

// daemon is the vaultd of one script, at most one at a time.
type daemon struct{ cmd *exec.Cmd }

// clean ends a daemon that its script has left running.
func (d *daemon) clean() {
	if d.cmd != nil {
		_ = d.cmd.Process.Kill() // ended by itself is as good
		_ = d.cmd.Wait()
	}
}

// cmdDaemon is "daemon start [flags]", which waits until vaultd answers; "daemon
// stop", which must end it with 0; "daemon kill", which gives it no chance; and
// "daemon signal NAME". Its log goes to vaultd.log.
func cmdDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: daemon start [flags] | stop | kill | signal NAME")
	}
	d := ts.Value(daemon{}).(*daemon)
	if running := d.cmd != nil; running == (args[0] == "start") {
		ts.Fatalf("is the daemon running? %v", running)
	}
	switch args[0] {
	case "start":
		d.start(ts, args[1:])
	case "stop":
		ts.Check(d.cmd.Process.Signal(syscall.SIGTERM))
		err := d.cmd.Wait()
		d.cmd = nil
		if err != nil {
			ts.Fatalf("vaultd ended with %v:\n%s", err, ts.ReadFile("vaultd.log"))
		}
	case "kill":
		d.clean()
		d.cmd = nil
	case "signal":
		ts.Check(d.cmd.Process.Signal(map[string]os.Signal{
			"USR1": syscall.SIGUSR1, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT,
		}[args[1]]))
	default:
		ts.Fatalf("unknown: daemon %s", args[0])
	}
}

func (d *daemon) start(ts *testscript.TestScript, flags []string) {
	log, err := os.OpenFile(ts.MkAbs("vaultd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	cmd := exec.Command(lookUp(ts, "vaultd"), flags...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), log, log
	for _, name := range []string{"PATH", "HOME", "BFXVAULT_DIR", "BFXVAULT_TEST_CLOCK", "BFXVAULT_TEST_SLEPT"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(cmd.Start())
	d.cmd = cmd
	if runCode(ts, "vaultctl", "status", "--wait", "20s") != 0 {
		ts.Fatalf("vaultd does not answer:\n%s", ts.ReadFile("vaultd.log"))
	}
}

func lookUp(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	ts.Fatalf("%s is not in PATH", name)
	return ""
}

// cmdGiven is "given vault": a daemon with an unlocked vault; or "given grant":
// also the API key main and the bot "me", this user's programs, which may read,
// trade and cancel with it.
func cmdGiven(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || (args[0] != "vault" && args[0] != "grant") {
		ts.Fatalf("usage: given vault|grant")
	}
	run := func(args ...string) {
		if runCode(ts, "vaultctl", append(args, "--passphrase-file", "pass")...) != 0 {
			ts.Fatalf("vaultctl %s failed", strings.Join(args, " "))
		}
	}
	cmdDaemon(ts, false, []string{"start"})
	run("init")
	if args[0] == "grant" {
		run("key", "add", "main", "--api-key", apiKey, "--permissions", "read,trade", "--secret-file", "secret")
		run("bot", "add", "me", "--uid", ts.Getenv("UID"))
		run("grant", "me", "main", "--allow", "read,trade,cancel")
	}
}

// cmdSigned is "signed PATH [BODY | @FILE]": standard output is the answer to `vaultctl
// sign --json` for that request, and its signature is the HMAC-SHA-384 that the
// standard library computes over what Bitfinex would.
func cmdSigned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: signed PATH [BODY | @FILE]")
	}
	body := strings.Join(args[1:], "")
	if file, ok := strings.CutPrefix(body, "@"); ok {
		body = ts.ReadFile(file)
	}
	var answer struct {
		Headers    map[string]string `json:"headers"`
		Body       *string           `json:"body"`
		KeyVersion int               `json:"key_version"`
		AuditSeq   uint64            `json:"audit_seq"`
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	decoder.DisallowUnknownFields()
	ts.Check(decoder.Decode(&answer))
	if answer.Body == nil || answer.KeyVersion != 1 || answer.AuditSeq == 0 || len(answer.Headers) != 3 {
		ts.Fatalf("the answer has another shape")
	}
	if strings.HasPrefix(args[0], "v1/") {
		ts.Check(checkV1(answer.Headers, args[0], body))
		return
	}
	nonce := answer.Headers["bfx-nonce"]
	switch {
	case *answer.Body != body:
		ts.Fatalf("the body is %q", *answer.Body)
	case answer.Headers["bfx-apikey"] != apiKey:
		ts.Fatalf("the API key is %q", answer.Headers["bfx-apikey"])
	case len(nonce) != 16:
		ts.Fatalf("the request nonce %q has not 16 digits", nonce)
	case answer.Headers["bfx-signature"] != hmacOf("/api/"+args[0]+nonce+body):
		ts.Fatalf("the signature is wrong")
	}
}

func checkV1(headers map[string]string, path, params string) error {
	payload, err := base64.StdEncoding.DecodeString(headers["x-bfx-payload"])
	if err != nil {
		return err
	}
	var got, want map[string]any
	if params == "" {
		params = "{}"
	}
	if err := errors.Join(json.Unmarshal(payload, &got), json.Unmarshal([]byte(params), &want)); err != nil {
		return err
	}
	nonce, _ := got["nonce"].(string)
	want["request"], want["nonce"] = "/"+path, nonce
	switch {
	case len(nonce) != 16:
		return fmt.Errorf("the request nonce %q has not 16 digits", nonce)
	case fmt.Sprint(got) != fmt.Sprint(want): // maps print sorted
		return fmt.Errorf("the payload is %s", payload)
	case headers["x-bfx-apikey"] != apiKey:
		return fmt.Errorf("the API key is %q", headers["x-bfx-apikey"])
	case headers["x-bfx-signature"] != hmacOf(headers["x-bfx-payload"]):
		return errors.New("the signature is wrong")
	}
	return nil
}

func hmacOf(text string) string { return hmacBy(apiSecret, text) }

func hmacBy(secret, text string) string {
	m := hmac.New(sha512.New384, []byte(secret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// cmdTamper is "tamper FILE BUCKET": one bit of the first record in that bucket
// is flipped, wherever in the file it stands.
func cmdTamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamper FILE BUCKET")
	}
	path := ts.MkAbs(args[0])
	record, err := firstRecord(path, args[1])
	ts.Check(err)
	file, err := os.ReadFile(path)
	ts.Check(err)
	changed := bytes.Clone(record)
	changed[len(changed)/2] ^= 0x10
	if !bytes.Contains(file, record) {
		ts.Fatalf("the record is not in the file")
	}
	ts.Check(os.WriteFile(path, bytes.ReplaceAll(file, record, changed), 0o600))
}

func firstRecord(path, bucket string) (record []byte, err error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return record, db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return fmt.Errorf("there is no bucket %s", bucket)
		}
		_, v := b.Cursor().First()
		record = bytes.Clone(v)
		if len(record) == 0 {
			return fmt.Errorf("bucket %s is empty", bucket)
		}
		return nil
	})
}
