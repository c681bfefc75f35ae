package sim_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"bfxvault/cmd/internal/sim"
)

const path = "v2/auth/r/wallets"

func bot() sim.Key {
	return sim.Key{ID: "bot", Secret: "made-up", Read: sim.All, Write: sim.All &^ sim.Withdraw}
}

func sum(secret, payload string) string {
	m := hmac.New(sha512.New384, []byte(secret))
	m.Write([]byte(payload))
	return hex.EncodeToString(m.Sum(nil))
}

// post sends a request and returns status and body.
func post(t *testing.T, x http.Handler, path, body string, headers map[string]string) (int, string) {
	t.Helper()
	r := httptest.NewRequest("POST", "/"+path, strings.NewReader(body))
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	x.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// sign makes the headers of a v2 request.
func sign(k sim.Key, path string, nonce uint64, body string) map[string]string {
	n := fmt.Sprint(nonce)
	return map[string]string{
		"bfx-apikey":    k.ID,
		"bfx-nonce":     n,
		"bfx-signature": sum(k.Secret, "/api/"+path+n+body),
	}
}

// signV1 makes the headers of a v1 request.
func signV1(k sim.Key, payload string) map[string]string {
	p := base64.StdEncoding.EncodeToString([]byte(payload))
	return map[string]string{"X-BFX-APIKEY": k.ID, "X-BFX-PAYLOAD": p, "X-BFX-SIGNATURE": sum(k.Secret, p)}
}

func TestV2RefusesWithTheExchangesOwnWords(t *testing.T) {
	other := sim.Key{ID: "stranger", Secret: "made-up"}
	with := func(name, value string) map[string]string {
		h := sign(bot(), path, 11, "{}")
		h[name] = value
		return h
	}
	const badKey = `["error",10100,"apikey: invalid"]`
	const small = `["error",10114,"nonce: small"]`
	for name, tc := range map[string]struct {
		path, body string
		headers    map[string]string
		want       string
	}{
		"no headers":                   {path, "{}", nil, badKey},
		"an unknown key":               {path, "{}", sign(other, path, 11, "{}"), badKey},
		"another secret":               {path, "{}", sign(sim.Key{ID: "bot", Secret: "other"}, path, 11, "{}"), badKey},
		"another body":                 {path, "{} ", sign(bot(), path, 11, "{}"), badKey},
		"another path":                 {"v2/auth/r/orders", "{}", sign(bot(), path, 11, "{}"), badKey},
		"another nonce":                {path, "{}", with("bfx-nonce", "12"), badKey},
		"an upper-case signature":      {path, "{}", with("bfx-signature", strings.ToUpper(sign(bot(), path, 11, "{}")["bfx-signature"])), badKey},
		"no signature":                 {path, "{}", with("bfx-signature", ""), badKey},
		"the nonce that was last":      {path, "{}", sign(bot(), path, 10, "{}"), small},
		"a nonce below the last":       {path, "{}", sign(bot(), path, 9, "{}"), small},
		"a nonce above 2^53-1":         {path, "{}", sign(bot(), path, 1<<53, "{}"), small},
		"a permission that is missing": {"v2/auth/w/withdraw", "{}", sign(bot(), "v2/auth/w/withdraw", 11, "{}"), `["error",10001,"api_key: permission invalid"]`},
		"a path of no known family":    {"v2/auth/w/x", "{}", sign(bot(), "v2/auth/w/x", 11, "{}"), `["error",10001,"api_key: permission invalid"]`},
		"a path that climbs":           {"v2/auth/r/../w/withdraw", "{}", sign(bot(), "v2/auth/w/withdraw", 11, "{}"), badKey},
	} {
		t.Run(name, func(t *testing.T) {
			x := sim.New(bot())
			if code, body := post(t, x, path, "{}", sign(bot(), path, 10, "{}")); code != 200 {
				t.Fatalf("a good request got %d %s", code, body)
			}
			code, body := post(t, x, tc.path, tc.body, tc.headers)
			if code != 500 || body != tc.want {
				t.Errorf("got %d %s, want 500 %s", code, body, tc.want)
			}
			if n := len(x.Accepted()); n != 1 {
				t.Errorf("%d requests were carried out, want only the first", n)
			}
		})
	}
}

func TestKeysComeAndGo(t *testing.T) {
	x := sim.New()
	want := func(nonce uint64, answer string) {
		t.Helper()
		if _, body := post(t, x, path, "{}", sign(bot(), path, nonce, "{}")); !strings.Contains(body, answer) {
			t.Errorf("nonce %d: %s", nonce, body)
		}
	}
	want(5, "apikey: invalid")
	x.Put(bot())
	want(5, "exchange")
	k := bot()
	k.Read = 0
	x.Put(k)
	want(5, "nonce: small") // it goes on where it was
	want(6, "permission invalid")
	x.Delete(k.ID)
	want(7, "apikey: invalid")
}

func TestV1RefusesWithTheExchangesOwnWords(t *testing.T) {
	const path = "v1/withdraw"
	good := `{"request":"/v1/balances","nonce":"11"}`
	tampered := signV1(bot(), good)
	tampered["X-BFX-PAYLOAD"] = base64.StdEncoding.EncodeToString([]byte(`{"request":"/v1/balances","nonce":"12"}`))
	for name, tc := range map[string]struct {
		path    string
		headers map[string]string
		code    int
		want    string
	}{
		"an unknown key":               {"v1/balances", signV1(sim.Key{ID: "x"}, good), 400, "Could not find a key matching the given X-BFX-APIKEY."},
		"a payload that was changed":   {"v1/balances", tampered, 400, "Invalid X-BFX-SIGNATURE."},
		"a payload for another path":   {path, signV1(bot(), good), 400, "Invalid X-BFX-PAYLOAD."},
		"a payload that is not JSON":   {"v1/balances", signV1(bot(), "nonce=11"), 400, "Invalid X-BFX-PAYLOAD."},
		"the nonce that was last":      {"v1/balances", signV1(bot(), `{"request":"/v1/balances","nonce":"10"}`), 400, "Nonce is too small."},
		"a permission that is missing": {path, signV1(bot(), `{"request":"/v1/withdraw","nonce":"11"}`), 403, "This API key does not have permission for this action"},
	} {
		t.Run(name, func(t *testing.T) {
			x := sim.New(bot())
			if code, body := post(t, x, "v1/balances", "", signV1(bot(), `{"request":"/v1/balances","nonce":"10"}`)); code != 200 {
				t.Fatalf("a good request got %d %s", code, body)
			}
			code, body := post(t, x, tc.path, "", tc.headers)
			if want := fmt.Sprintf(`{"message":%q}`, tc.want); code != tc.code || body != want {
				t.Errorf("got %d %s, want %d %s", code, body, tc.code, want)
			}
		})
	}
}

func TestAStrangerCannotMoveTheNonceOfAKey(t *testing.T) { // P6
	x := sim.New(bot())
	forged := sign(sim.Key{ID: "bot", Secret: "guess"}, path, 1<<53-1, "{}")
	post(t, x, path, "{}", forged)
	if code, body := post(t, x, path, "{}", sign(bot(), path, 1, "{}")); code != 200 {
		t.Errorf("the owner's first nonce got %d %s", code, body)
	}
}

func TestV1AndV2ShareOneNoncePerKey(t *testing.T) {
	x := sim.New(bot(), sim.Key{ID: "second", Secret: "made-up", Read: sim.All})
	post(t, x, path, "{}", sign(bot(), path, 20, "{}"))
	if _, body := post(t, x, "v1/balances", "", signV1(bot(), `{"request":"/v1/balances","nonce":"20"}`)); body != `{"message":"Nonce is too small."}` {
		t.Errorf("v1 took the nonce that v2 had used: %s", body)
	}
	second := sim.Key{ID: "second", Secret: "made-up"}
	if code, body := post(t, x, path, "{}", sign(second, path, 1, "{}")); code != 200 {
		t.Errorf("the other key's own sequence got %d %s", code, body)
	}
}

func TestOnlyKnownTreesAnswer(t *testing.T) {
	x := sim.New(bot())
	for _, r := range []*http.Request{
		httptest.NewRequest("GET", "/v2/auth/r/wallets", nil),
		httptest.NewRequest("POST", "/v2/platform/status", nil),
		httptest.NewRequest("POST", "/v2/auth", nil),
		httptest.NewRequest("GET", "/", nil),
		httptest.NewRequest("GET", "/v2/nothing/here", nil),
	} {
		w := httptest.NewRecorder()
		x.ServeHTTP(w, r)
		if w.Code != 404 {
			t.Errorf("%s %s got %d", r.Method, r.URL, w.Code)
		}
	}
	big := bytes.Repeat([]byte("a"), 1<<20+1)
	if code, _ := post(t, x, path, string(big), nil); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body over 1 MiB got %d", code)
	}
}

func TestStartServesOnLoopbackUntilClosed(t *testing.T) {
	x := sim.New(bot())
	url, err := x.Start()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Errorf("it listens at %s", url)
	}
	if _, err := x.Start(); err == nil {
		t.Error("a second start went through")
	}
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "no port"} {
		if _, err := sim.New().Listen(address); err == nil {
			t.Errorf("it listens at %s", address)
		}
	}
	var wg sync.WaitGroup
	for range 8 { // eight callers, one nonce: exactly one wins
		wg.Go(func() {
			r, err := http.NewRequest("POST", url+"/"+path, strings.NewReader("{}"))
			if err != nil {
				t.Error(err)
				return
			}
			for k, v := range sign(bot(), path, 5, "{}") {
				r.Header.Set(k, v)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		})
	}
	wg.Wait()
	want := sim.Request{Key: "bot", Path: path, Nonce: 5, Body: "{}"}
	if got := x.Accepted(); len(got) != 1 || got[0] != want {
		t.Errorf("accepted %v, want once %v", got, want)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("it still answers after Close")
	}
}
