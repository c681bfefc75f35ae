package login

import (
	"encoding/base64"
	"encoding/hex"
	"testing"
)

func TestOnlyACredentialThatNamesATPMIsTakenForOne(t *testing.T) {
	sealed := func(id string) string {
		b, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(append(b, 32, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0))
	}
	for _, c := range []struct {
		what, text string
		want       bool
	}{
		{"host and TPM, as systemd.io/CREDENTIALS shows one", "k6iUCUh0RJCQyvL8k8q1UyAAAAABAAAADAAAABAAAAC1lFmbWAqWZ8dCCQkAAAAA", true},
		{"the same, in short lines", "k6iUCUh0RJ\nCQyvL8k8q1\nUyAAAAABAAAADAAAABAAAAC1", true},
		{"TPM", sealed("0c7cc07b117645919c4b0bea08bc20fe"), true},
		{"host", sealed("5a1c6a86df9d4096b1d5a65e0862f19a"), false},
		{"host, for a user", sealed("55b9ed1d38594d43a8319d2ebb332ac6"), false},
		{"no key at all", sealed("058469daf6f54324800549da0f8ea2fb"), false},
		{"one of tomorrow", sealed("00000000000000000000000000000001"), false},
		{"nothing", "", false}, {"short", "k6iUCUh0RJCQyvL8k8q1Uy", false}, {"no base64", "????????????????????????????", false},
	} {
		if got := sealedToTPM([]byte(c.text)); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
