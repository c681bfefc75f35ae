package vault_test

import (
	"fmt"
	"runtime"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// P5, P7: a lock that meets a secret on its way in, at whatever step, ends that change and
// nothing else: it was made, or the vault was locked. So for one that comes back into use.
func TestALockMeetsASecretOnItsWayIn(t *testing.T) {
	r := newRig(t).ready().standing()
	again := vault.IssueStandIn{Bot: "mm-1", Label: "main", ID: standInID}
	makes := []func(i int) func() error{
		func(i int) func() error {
			request := vault.AddKey{Label: fmt.Sprintf("key-%d", i), APIKey: fmt.Sprintf("ID-%d", i), Permissions: policy.Read}
			request.Secret = r.seal(r.by, request.Purpose(), []byte(testSecret))
			proof := r.prove(r.by, request.Operation())
			return func() error { _, err := r.v.AddKey(ctx, r.by, request, proof); return err }
		},
		func(i int) func() error {
			request := vault.IssueStandIn{Bot: "mm-1", Label: "main", ID: fmt.Sprintf("bfxv_%032d", i)}
			request.Secret = r.seal(r.by, request.Purpose(), []byte(standInSecret))
			proof := r.prove(r.by, request.Operation())
			return func() error { _, err := r.v.IssueStandIn(ctx, r.by, request, proof); return err }
		},
		func(int) func() error {
			_, err := r.v.RecallStandIn(ctx, r.by, "mm-1", standInID)
			r.must(err)
			proof := r.prove(r.by, again.Operation())
			return func() error { _, err := r.v.IssueStandIn(ctx, r.by, again, proof); return err }
		},
	}
	const rounds = 180 // of which a bot has 64 stand-in credentials at most
	made := 0
	for i := range rounds {
		change := makes[i%len(makes)](i)
		began, done := make(chan struct{}), make(chan error, 1)
		go func() {
			close(began)
			done <- change()
		}()
		<-began
		for range i * 100 {
			runtime.Gosched()
		}
		r.v.Lock()
		switch err := <-done; {
		case err == nil:
			made++ // before it
		case vault.KindOf(err) != vault.KindLocked:
			t.Fatal(err)
		}
		r.must(r.unlock())
	}
	t.Logf("%d of %d were made", made, rounds)
}
