package api_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"bfxvault/vault/policy"
)

// P3: what real clients send is signed under a fitting grant, over the very bytes
// that they send; and not once the class that it needs is taken out of that grant.
func TestHonestRequestsAreSignedAsTheirClientsSendThem(t *testing.T) {
	lines := readCorpus(t, "honest")
	s := newCorpusStack(t, "honest")
	signed, clients := map[string]bool{}, map[string]int{}
	for _, l := range lines {
		for _, before := range l.After {
			var name string
			if err := json.Unmarshal(before, &name); err != nil || !signed[l.File+name] {
				t.Errorf("%s: comes after %s, which was not signed", l, before)
			}
		}
		got, refused := s.ask(l)
		if refused != (outcome{}) {
			t.Errorf("%s: refused under %s: %+v\n%s", l, l.Grant, refused, l.Body)
			continue
		}
		checkSignature(t, l, got)
		signed[l.File+l.Name] = true
		clients[strings.Fields(l.Client)[0]]++
	}
	if len(lines) < 200 || len(clients) != 3 {
		t.Fatalf("%d requests of %v are too few", len(lines), clients)
	}
	for client, n := range clients {
		if n < 50 {
			t.Errorf("%d requests of %s are too few", n, client)
		}
	}
	s.checkThatEachNeedsAClass(lines)
}

// checkThatEachNeedsAClass takes every class out of every grant, one at a time. A
// request must be refused by one of that, and a class that no request needs would
// make the grant wider than it fits.
func (s *corpusStack) checkThatEachNeedsAClass(lines []*line) {
	s.t.Helper()
	refused := map[*line]bool{}
	for _, name := range slices.Sorted(maps.Keys(s.grants)) {
		for _, class := range s.grants[name].Allow {
			s.set(without(s.grants[name], class))
			n := 0
			for _, l := range lines {
				if l.Grant != name {
					continue
				}
				if _, got := s.ask(l); got == (outcome{"DENIED", "allow", "path"}) {
					refused[l] = true
					n++
				}
			}
			if n == 0 {
				s.t.Errorf("the grant %s allows %s, which nothing needs", name, class)
			}
		}
	}
	for _, l := range lines {
		if !refused[l] {
			s.t.Errorf("%s: was signed without its class", l)
		}
	}
}

// without is a grant with one class less, and another in its place where it was the
// only one: none at all is refused.
func without(spec policy.GrantSpec, class string) policy.GrantSpec {
	spec.Allow = slices.DeleteFunc(slices.Clone(spec.Allow), func(c string) bool { return c == class })
	if len(spec.Allow) == 0 && class != "settings" {
		spec.Allow = []string{"settings"}
	} else if len(spec.Allow) == 0 {
		spec.Allow = []string{"read"}
	}
	if class == "withdraw" {
		spec.Withdraw = nil // stands only beside its class
	}
	return spec
}

// checkSignature computes by itself what Bitfinex would.
func checkSignature(t *testing.T, l *line, got signature) {
	t.Helper()
	body := string(l.bytes(t))
	text := fmt.Sprintf("/api/%s%d%s", l.Path, got.nonce, body)
	if l.API == "v1" {
		text = got.payload
		payload, err := base64.StdEncoding.DecodeString(text)
		head := fmt.Sprintf(`{"request":"/%s","nonce":"%d"`, l.Path, got.nonce)
		if rest := strings.TrimPrefix(body, "{"); rest != "}" {
			head += ","
		}
		if want := head + strings.TrimPrefix(body, "{"); err != nil || string(payload) != want {
			t.Errorf("%s: payload %s, want %s (%v)", l, payload, want, err)
		}
	}
	m := hmac.New(sha512.New384, []byte(canary))
	m.Write([]byte(text))
	if want := hex.EncodeToString(m.Sum(nil)); got.hex != want {
		t.Errorf("%s: signature %s, want %s", l, got.hex, want)
	}
}
