package main

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"bfxvault/api/upstream"
	"bfxvault/cmd/internal/sim"
	pb "bfxvault/proto/bfxvault/v1"
)

const firstNonce = 1_700_000_000_000_000

// probeOf is a probe as vaultd signs it; the API key's id is its secret here.
func probeOf(label, id string, nonce uint64) *pb.SignedRequest {
	mac := hmac.New(sha512.New384, []byte(id))
	_, _ = io.WriteString(mac, "/api/v2/auth/r/permissions"+strconv.FormatUint(nonce, 10)+"{}") // never fails
	return &pb.SignedRequest{
		Label: label, Version: 1, Path: "v2/auth/r/permissions", Body: "{}", ApiKey: id, RequestNonce: nonce, Signature: hex.EncodeToString(mac.Sum(nil)),
	}
}

func exchange(t *testing.T, h http.Handler) *upstream.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := upstream.New(upstream.Options{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestABurnOutdatesWhatIsOlderAndSaysWhatItCouldNot(t *testing.T) {
	known := sim.New(sim.Key{ID: "k1", Secret: "k1"}, sim.Key{ID: "k2", Secret: "k2"})
	ahead := exchange(t, known)
	if d := sendAll(t.Context(), ahead, []*pb.SignedRequest{probeOf("two", "k2", firstNonce+9)}); d[0].Outcome != wasSent {
		t.Fatal(d)
	}
	var said strings.Builder
	a := &app{stderr: &said}
	report := a.burn(t.Context(), ahead, []*pb.SignedRequest{
		probeOf("one", "k1", firstNonce), probeOf("two", "k2", firstNonce), probeOf("gone", "k3", firstNonce),
	}, []*pb.Unburnt{{Label: "held", Version: 7, Reason: "its request nonces are held back"}})
	for i, want := range []delivery{
		{Outcome: wasSent, Outdates: true},
		{Outcome: wasPassed, Outdates: true, Code: upstream.CodeNonce},
		{Outcome: wasRefused, Code: upstream.CodeAuth},
	} {
		if got := report.Sent[i]; got.Outcome != want.Outcome || got.Outdates != want.Outdates || got.Code != want.Code {
			t.Errorf("%d: %+v", i, got)
		}
	}
	if report.Outdated || len(report.Unburnt) != 2 || report.Unburnt[0].Label != "gone" || report.Unburnt[1].Label != "held" {
		t.Errorf("%+v", report)
	}
	if !strings.Contains(said.String(), "warning: gone version 1: ") || !strings.Contains(said.String(), "warning: held version 7: ") ||
		!strings.Contains(said.String(), revokeAt) || strings.Contains(said.String(), ": one version") {
		t.Error(said.String())
	}
}

func TestABurnThatReachesNobodySaysSo(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	c, err := upstream.New(upstream.Options{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	a := &app{stderr: io.Discard}
	report := a.burn(t.Context(), c, []*pb.SignedRequest{probeOf("one", "k1", firstNonce), probeOf("one", "k1", firstNonce+1)}, nil)
	if report.Outdated || len(report.Unburnt) != 1 || report.Sent[1].Outcome != unanswered {
		t.Errorf("%+v", report)
	}
}

// A cancel that was refused does not matter where the read behind it went through.
func TestTheLastRequestThatWentThroughOutdatesAll(t *testing.T) {
	c := exchange(t, sim.New(sim.Key{ID: "k1", Secret: "k1"}))
	wrong := probeOf("one", "k1", firstNonce)
	wrong.Path, wrong.Body = "v2/auth/w/order/cancel/multi", `{"all":1}`
	a := &app{stderr: io.Discard}
	report := a.burn(t.Context(), c, []*pb.SignedRequest{wrong, probeOf("one", "k1", firstNonce+1)}, nil)
	if !report.Outdated || report.Sent[0].Outcome != wasRefused || report.Sent[1].Outcome != wasSent {
		t.Errorf("%+v", report)
	}
}

// Bitfinex takes no nonce below the last one: so what one API key sends is sent in turn.
func TestRequestsOfOneKeyLeaveInTurnAndKeysSideBySide(t *testing.T) {
	const keys = 3
	var mu sync.Mutex
	var arrived sync.WaitGroup
	arrived.Add(keys)
	busy, seen := map[string]bool{}, map[string]int{}
	x := sim.New(sim.Key{ID: "k0", Secret: "k0"}, sim.Key{ID: "k1", Secret: "k1"}, sim.Key{ID: "k2", Secret: "k2"})
	c := exchange(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("bfx-apikey")
		mu.Lock()
		if busy[id] {
			t.Errorf("%s has two requests under way", id)
		}
		busy[id] = true
		seen[id]++
		first := seen[id] == 1
		mu.Unlock()
		if first { // is answered once all keys are here
			arrived.Done()
			arrived.Wait()
		}
		mu.Lock()
		busy[id] = false
		mu.Unlock()
		x.ServeHTTP(w, r)
	}))
	var requests []*pb.SignedRequest
	for nonce := uint64(firstNonce); nonce < firstNonce+4; nonce++ {
		for i := range keys {
			requests = append(requests, probeOf("l", "k"+strconv.Itoa(i), nonce))
		}
	}
	for i, d := range sendAll(t.Context(), c, requests) {
		if d.Outcome != wasSent || d.APIKey != requests[i].GetApiKey() {
			t.Errorf("%d: %+v", i, d)
		}
	}
}
