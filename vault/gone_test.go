package vault_test

import (
	"testing"

	"bfxvault/vault/policy"
)

// P7: a bot comes back with the grants that went with it, and not with one that was taken
// away before, be it within the same second.
func TestABotComesBackWithWhatWentWithIt(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.addKey("second", "KEY-2", testSecret), r.grant("mm-1", "second", policy.Read))
	for range 2 { // and so after another removal, over a restart
		_, err := r.v.RevokeGrant(ctx, r.by, "mm-1", "second")
		r.must(err)
		_, err = r.v.RemoveBot(ctx, r.by, "mm-1")
		r.must(err)
		r.reopen(nil)
		r.must(r.unlock(), r.enable("mm-1"))
		b, err := r.v.Bot("mm-1")
		r.must(err)
		if len(b.Grants) != 1 || b.Grants[0].Spec.Key != "main" {
			t.Fatalf("%+v", b.Grants)
		}
		r.must(r.grant("mm-1", "second", policy.Read))
	}
}
