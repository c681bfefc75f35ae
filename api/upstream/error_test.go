package upstream_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bfxvault/api/upstream"
)

func TestBitfinexRefusesWithACode(t *testing.T) {
	for _, c := range []struct {
		status     int
		body       string
		kind       upstream.Kind
		code       int
		text, line string
	}{
		{500, `["error",10100,"apikey: invalid"]`, upstream.Refused, upstream.CodeAuth, "apikey: invalid", "10100 apikey: invalid"},
		{500, `["error",10114,"nonce: small"]`, upstream.Refused, upstream.CodeNonce, "nonce: small", "10114 nonce: small"},
		{500, `["error",10001,"api_key: permission invalid"]`, upstream.Refused, upstream.CodeNotPermitted, "api_key: permission invalid", "10001 api_key: permission invalid"},
		{429, `["error",11010,"ratelimit: error"]`, upstream.Refused, upstream.CodeRateLimit, "ratelimit: error", "11010 ratelimit: error"},
		{200, ` [ "error" , 10020 , "x" , 1 ] `, upstream.Refused, 10020, "x", "10020 x"},
		{500, `["error",10020,["a","b"]]`, upstream.Refused, 10020, `["a","b"]`, `10020 ["a","b"]`},
		{200, `[1700000000000,"oc_multi-req",null,null,[],null,"ERROR","no orders"]`, upstream.Refused, 0, "no orders", "no orders"},
		{200, `[1700000000000,"oc_multi-req",null,null,[],10001,null,null]`, upstream.Refused, 10001, "status null", "10001 status null"},
		{429, `{"error":"ERR_RATE_LIMIT"}`, upstream.Unclear, 0, "", `HTTP status 429: "{\"error\":\"ERR_RATE_LIMIT\"}"`},
		{500, `["error","x","y"]`, upstream.Unclear, 0, "", `HTTP status 500: "[\"error\",\"x\",\"y\"]"`},
		{502, "<html>\n", upstream.Unclear, 0, "", `HTTP status 502: "<html> "`},
		{204, "", upstream.Unclear, 0, "", `HTTP status 204: ""`},
	} {
		_, err := dial(t, answering(t, c.status, c.body).URL).Do(t.Context(), probe())
		e := wantKind(t, err, c.kind)
		if e.Status != c.status || e.Code != c.code || e.Text != c.text || e.Error() != c.line {
			t.Errorf("%s: %d %d %q: %s", c.body, e.Status, e.Code, e.Text, e)
		}
	}
}

func TestANotificationOfSuccessIsAnAnswer(t *testing.T) {
	for _, body := range []string{
		`[1700000000000,"oc_multi-req",null,null,[],null,"SUCCESS","Submitting 0 order cancellations."]`,
		`[1,2,3,4,5,6,7,8]`, `[["orders",1,0]]`, `[]`, `{}`,
	} {
		if answer, err := dial(t, answering(t, 200, body).URL).Do(t.Context(), probe()); err != nil || string(answer) != body {
			t.Errorf("%s: %s, %v", body, answer, err)
		}
	}
}

func TestNothingThatAStrangerSaysReachesATerminalAsItIs(t *testing.T) {
	evil := "\x1b]0;owned\a\u202e\u009b31m" + strings.Repeat("x", 1000)
	raw := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte(evil + "\r\n\r\n"))
			conn.Close()
		}
	}))
	defer raw.Close()
	for _, url := range []string{
		answering(t, 500, `["error",10100,"\u001b]0;owned\u0007\u202e`+strings.Repeat("x", 1000)+`"]`).URL,
		answering(t, 500, `["error",10100,["`+"\u202e\u009b31m"+`"]]`).URL,
		answering(t, 502, evil).URL, raw.URL,
	} {
		_, err := dial(t, url).Do(t.Context(), probe())
		if err == nil {
			t.Fatal("no error")
		}
		line := err.Error()
		if len(line) > 300 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", line)
		}
	}
}
