package sim_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"bfxvault/cmd/internal/sim"
)

// FuzzServe sends well-signed requests of any shape: each gets a JSON answer,
// and the key's nonce moves by exactly one.
func FuzzServe(f *testing.F) {
	var vectors []struct{ Kind, Path, Body string }
	load(f, "vectors.json", &vectors)
	seeds := 0
	for _, v := range vectors {
		if v.Kind == "rest_v2" {
			f.Add(v.Path, v.Body)
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		u, err := url.Parse("/" + path)
		if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/v2/auth/") {
			return
		}
		k := sim.Key{ID: "k", Secret: "s", Read: sim.All, Write: sim.All}
		x := sim.New(k)
		signed := strings.TrimPrefix(u.EscapedPath(), "/")
		for i, want := range []bool{true, false} { // the same nonce twice
			r := httptest.NewRequest("POST", "/", strings.NewReader(body))
			r.URL = u
			for name, v := range sign(k, signed, 7, body) {
				r.Header.Set(name, v)
			}
			w := httptest.NewRecorder()
			x.ServeHTTP(w, r)
			if !json.Valid(w.Body.Bytes()) {
				t.Fatalf("no JSON: %q", w.Body)
			}
			if small := strings.Contains(w.Body.String(), "nonce: small"); small == want {
				t.Fatalf("request %d: %d %s", i+1, w.Code, w.Body)
			}
		}
	})
}
