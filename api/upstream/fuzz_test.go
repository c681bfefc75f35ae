package upstream_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"bfxvault/api/upstream"
)

// FuzzAnswer has a server answer anything: what comes out is the answer, or an error that
// may be shown on a terminal (A19).
func FuzzAnswer(f *testing.F) {
	seeds := []string{
		`["error",10100,"apikey: invalid"]`, `["error",10114,"nonce: small"]`, `["error",1e99,""]`, `["error",null,null]`, `["error",0,["\u001b"]]`,
		`[1700000000000,"oc_multi-req",null,null,[],null,"SUCCESS","ok"]`, `[1,"on-req",null,null,null,0,"ERROR","\u202e"]`, `[1,"-req",0,0,0,0,0,0]`,
		`{"error":"ERR_RATE_LIMIT"}`, live, "", "\x1b[2J", "[", "null",
	}
	for _, s := range seeds {
		f.Add(200, s)
		f.Add(500, s)
	}
	var status int
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client reads no more than it wants
	}))
	f.Cleanup(server.Close)
	c, err := upstream.New(upstream.Options{URL: server.URL})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s int, b string) {
		status, body = 200+(s%400+400)%400, b
		if status == http.StatusNoContent || status == http.StatusNotModified {
			return // those have no body
		}
		answer, err := c.Do(t.Context(), probe())
		var no *upstream.Error
		switch {
		case err == nil && (status != 200 || string(answer) != body):
			t.Fatalf("status %d, %q: %q", status, body, answer)
		case err == nil:
			return
		case answer != nil || !errors.As(err, &no):
			t.Fatalf("%q with %v", answer, err)
		}
		for _, r := range err.Error() {
			if r < ' ' || r > '~' || len(err.Error()) > 300 {
				t.Fatalf("%q", err)
			}
		}
	})
}
