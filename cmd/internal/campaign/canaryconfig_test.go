package campaign_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// P1, A49: what vaultd says of its settings goes to the journal of a service: place and
// rule, and nothing of what somebody has written there.
func TestNoSettingShowsASecret(t *testing.T) {
	t.Parallel()
	h := newHunt(t, mixed)
	copy(h.kek[:], h.canary("the KEK"))
	for i, text := range []string{
		"passphrase = \"CANARY\"\n", "CANARY = 1\n", "CANARY\n", "sign_group = \"CANARY\"\n", "admin_group = \"CANARY\"\n",
		"sign_group = [\n\"CANARY\"\n", "admin_group = CANARY\n", "sign_group = \"x\" CANARY\n", "[CANARY]\nx = 1\n",
		"durability = \"CANARY\"\n", "anchor = \"CANARY\"\n", "audit_keep = { days = \"CANARY\" }\n", "audit_keep = { CANARY = 1 }\n",
		"sign_group = \"CANARY\nadmin_group = \"x\"\n", "audit_keep = \"CANARY\"\n", "durability = { CANARY = \"CANARY\" }\n",
	} {
		for n := range size(1, 3) {
			shape := shapes()[(i+n)%3]
			secret := h.canaryOf("setting "+string(rune('a'+i)), shape)
			config := h.file("config.toml", strings.ReplaceAll(text, "CANARY", secret))
			for _, command := range [][]string{{program(t, "vaultd")}, {program(t, "vaultctl"), "daemon"}}[:size(1, 2)] {
				args := append(slices.Clone(command[1:]), "--dir", h.rig.dir, "--config", config)
				out, err := exec.Command(command[0], args...).CombinedOutput()
				if err == nil || len(out) == 0 {
					t.Errorf("%q was accepted: %v %s", text, err, out)
				}
				h.hear(text, out)
			}
		}
	}
	h.start()
	h.setUp()
	h.search()
}
