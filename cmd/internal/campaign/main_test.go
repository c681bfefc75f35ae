// Package campaign attacks the programs as they ship: it builds vaultd and
// vaultctl, starts them as processes of their own, drives them over their real
// sockets, kills them, takes memory and the clock from them, and reads their
// memory. It holds tests only.
//
// Each campaign is one file: nonce (P6), limit (A53), scan (P1, P5), lock (P5,
// A60), crash (P7), proof (A64, A65), growth (figures). The short forms run with
// `go test ./...`; the long ones, with the numbers that we promise, with
// `.ci/campaign`, which passes -long.
//
// Nothing here needs root. What root makes stricter (an ordinary user's limits,
// another user's process) is tried as another user where the tests run as root,
// and as oneself where they do not.
package campaign_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

var long = flag.Bool("long", false, "run the long forms")

// size is the number of tries in the short form, or in the long one.
func size(short, longer int) int {
	if *long {
		return longer
	}
	return short
}

func TestMain(m *testing.M) {
	if os.Getenv(floodEnv) != "" {
		flood()
		return
	}
	var err error
	if scratch, err = os.MkdirTemp("", "bv"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// must ends a test where a step that only prepares it went wrong.
func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
