package bitfinex_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"bfxvault/vault/internal/bitfinex"
	"bfxvault/vault/internal/mac"
)

// vector is a known answer, made by running a real client with a made-up key.
type vector struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Secret    string `json:"api_secret"`
	Path      string `json:"path"`
	Nonce     string `json:"nonce"`
	Body      string `json:"body"`
	Payload   string `json:"payload_string"`
	Signature string `json:"signature_hex"`
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("../../../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 41 {
		t.Fatalf("vectors.json has %d vectors, want 41", len(vectors))
	}
	return vectors
}

// outsideTheTable are vectors of requests that the vault never signs.
var outsideTheTable = map[string]string{
	"util-max-safe-nonce": "a made-up path: order/cancel/all exists in REST v1 only",
}

// signature signs payload under secret.
func signature(t testing.TB, secret, payload string) string {
	t.Helper()
	var state [mac.StateSize]byte
	if err := mac.Precompute(state[:], []byte(secret)); err != nil {
		t.Fatal(err)
	}
	var s [bitfinex.SignatureSize]byte
	bitfinex.Sign(&s, state[:], []byte(payload))
	return string(s[:])
}

func (v vector) nonce(t *testing.T) uint64 {
	n, err := strconv.ParseUint(v.Nonce, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// params returns what a client handed to REST v1: the payload's object without
// the two members that lead it.
func (v vector) params(t *testing.T) string {
	rest, ok := strings.CutPrefix(v.Body, `{"request":"/`+v.Path+`","nonce":"`+v.Nonce+`"`)
	if !ok {
		t.Fatalf("the payload leads with other members: %s", v.Body)
	}
	return "{" + strings.TrimPrefix(rest, ",")
}

// payload builds what v signs, and asks the parser about it on the way.
func (v vector) payload(t *testing.T) string {
	switch v.Kind {
	case "rest_v2":
		_, err := parse(v.Path, []byte(v.Body))
		if reason := outsideTheTable[v.ID]; (err != nil) != (reason != "") {
			t.Errorf("Parse: %v; known to be outside the table: %q", err, reason)
		}
		return string(bitfinex.AppendRest(nil, v.Path, v.nonce(t), []byte(v.Body)))
	case "rest_v1":
		if _, err := parseV1(v.Path, []byte(v.params(t))); err != nil {
			t.Errorf("ParseV1: %v", err)
		}
		return string(bitfinex.AppendRestV1(nil, v.Path, v.nonce(t), []byte(v.params(t))))
	case "ws_auth":
		if _, err := parse(v.Path, []byte(v.Body)); err == nil {
			t.Error("Parse took the WebSocket for a REST path") // A37
		}
		payload := string(bitfinex.AppendWebSocket(nil, v.nonce(t)))
		if twice := payload + v.Nonce; v.Payload == twice {
			return twice // the official clients' form, for which a verifier has a second try
		}
		return payload
	default:
		t.Fatalf("unknown kind %q", v.Kind)
		return ""
	}
}

func TestEveryVectorComesOutByteForByte(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			payload := v.payload(t)
			if payload != v.Payload {
				t.Errorf("payload %q\n   want %q", payload, v.Payload)
			}
			if got := signature(t, v.Secret, payload); got != v.Signature {
				t.Errorf("signature %s\n     want %s", got, v.Signature)
			}
		})
	}
}
