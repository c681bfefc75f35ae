package cmd_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// proxyProcess is the vaultproxy of one script.
type proxyProcess struct{ cmd *exec.Cmd }

// proxyKey is what it is kept under.
type proxyKey struct{}

func (p *proxyProcess) clean() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill() // ended by itself is as good
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// cmdProxy is "proxy start", which has vaultproxy serve the unix socket p.sock and send to
// $UPSTREAM; "proxy start tcp", which has it serve $PROXY; and "proxy stop", which must end
// it with 0. Its log goes to vaultproxy.log.
func cmdProxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: proxy start [tcp] | stop")
	}
	p := ts.Value(proxyKey{}).(*proxyProcess)
	switch args[0] {
	case "start":
		listen := "unix:" + ts.MkAbs("p.sock")
		if len(args) == 2 {
			listen = "127.0.0.1:0"
		}
		address, err := p.start(ts, listen)
		ts.Check(err)
		ts.Setenv("PROXY", "http://"+address)
	case "stop":
		ts.Check(p.cmd.Process.Signal(syscall.SIGTERM))
		err := p.cmd.Wait()
		p.cmd = nil
		if err != nil {
			ts.Fatalf("vaultproxy ended with %v:\n%s", err, ts.ReadFile("vaultproxy.log"))
		}
	default:
		ts.Fatalf("unknown: proxy %s", args[0])
	}
}

// start returns where it serves, as its log says.
func (p *proxyProcess) start(ts *testscript.TestScript, listen string) (address string, err error) {
	log, err := os.OpenFile(ts.MkAbs("vaultproxy.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer log.Close()
	cmd := exec.Command(lookUp(ts, "vaultproxy"), "--listen", listen, "--upstream", ts.Getenv("UPSTREAM"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "BFXVAULT_DIR=" + ts.Getenv("BFXVAULT_DIR")}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	p.cmd = cmd
	serving := regexp.MustCompile(`msg=serving at=(\S+)`)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if all := serving.FindAllStringSubmatch(ts.ReadFile("vaultproxy.log"), -1); all != nil {
			return all[len(all)-1][1], nil
		}
	}
	return "", fmt.Errorf("vaultproxy does not serve:\n%s", ts.ReadFile("vaultproxy.log"))
}

// standInOf is what `vaultctl bot issue --json` has printed into a file.
type standInOf struct {
	APIKey string `json:"api_key"`
	Secret string `json:"api_secret"`
}

// cmdStock is "stock FILE PATH [BODY]": a stock client sends a request through vaultproxy,
// signed with the stand-in credential in FILE, and prints status and body. A path with a
// query or a prefix is sent so, and signed without. "stock twice" sends the same request
// twice, "stock late" one that was signed 61 seconds ago, "stock cut" half of the body that
// was signed.
func cmdStock(ts *testscript.TestScript, neg bool, args []string) {
	how := ""
	if len(args) > 0 && slices.Contains([]string{"twice", "late", "cut"}, args[0]) {
		how, args = args[0], args[1:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: stock [twice | late | cut] FILE PATH [BODY]")
	}
	var with standInOf
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &with))
	body, at, times := strings.Join(args[2:], ""), time.Now(), 1
	switch how {
	case "late":
		at = at.Add(-61 * time.Second)
	case "twice":
		times = 2
	}
	for range times {
		request, err := with.request(args[1], body, at)
		ts.Check(err)
		if how == "cut" {
			half := body[:len(body)/2]
			request.Body, request.ContentLength = io.NopCloser(strings.NewReader(half)), int64(len(half))
		}
		send(ts, request)
	}
}

// send sends a request over vaultproxy's socket, and prints status and body.
func send(ts *testscript.TestScript, request *http.Request) {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", ts.MkAbs("p.sock"))
	}}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	ts.Check(err)
	_, err = fmt.Fprintf(ts.Stdout(), "%d %s\n", response.StatusCode, answer)
	ts.Check(err)
}

// request is what a stock client makes: of REST v1 with all in a payload, of v2 with a
// body.
func (with standInOf) request(path, body string, now time.Time) (*http.Request, error) {
	nonce := fmt.Sprint(now.UnixMicro())
	signed := path
	if _, rest, ok := strings.Cut(path, "/v2/"); ok { // a prefix
		signed = "v2/" + rest
	}
	signed, _, _ = strings.Cut(signed, "?")
	request, err := http.NewRequest(http.MethodPost, "http://localhost/"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(path, "v1/") {
		payload := base64.StdEncoding.EncodeToString([]byte(`{"request":"/` + path + `","nonce":"` + nonce + `"` + body + `}`))
		request.Header.Set("X-BFX-APIKEY", with.APIKey)
		request.Header.Set("X-BFX-PAYLOAD", payload)
		request.Header.Set("X-BFX-SIGNATURE", hmacBy(with.Secret, payload))
		return request, nil
	}
	request.Header.Set("bfx-apikey", with.APIKey)
	request.Header.Set("bfx-nonce", nonce)
	request.Header.Set("bfx-signature", hmacBy(with.Secret, "/api/"+signed+nonce+body))
	return request, nil
}
