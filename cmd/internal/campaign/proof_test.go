package campaign_test

import (
	"fmt"
	"testing"
	"time"

	"bfxvault/cmd/internal/memscan"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// A64: what was captured on the way to vaultd is of no use: not again, not on
// another connection, not for another operation. (After 60 s: the vault's own
// tests, whose clock stands still.) Each refusal is one line of the log.
func TestACapturedBoxOrProofIsOfNoUse(t *testing.T) {
	t.Parallel()
	r := ready(t, conditions{}, "main")
	a, b := r.admin(), r.admin()

	first, err := a.keyRequest("first", secretOf("first"))
	must(t, err)
	send := func(a *admin, request *pb.AddKeyRequest) error {
		_, err := a.AddKey(a.ctx, request)
		return err
	}
	must(t, send(a, first))
	want(t, "the same request once more", send(a, first), "STALE")
	box := vault.Sealed{ID: first.GetSecret().GetId(), Box: first.GetSecret().GetBox()}
	again, err := a.keyRequestWith("again", box)
	must(t, err)
	want(t, "a used box with a new proof", send(a, again), "STALE")

	own, err := a.keyRequest("own", secretOf("own"))
	must(t, err)
	want(t, "another's box and proof", send(b, own), "STALE")
	must(t, send(a, own)) // and it has not cost its owner anything

	box, err = a.seal(newKey("other").Purpose(), []byte(secretOf("other")))
	must(t, err)
	relabelled, err := a.keyRequestWith("relabelled", box)
	must(t, err)
	want(t, "a box for another label", send(a, relabelled), "STALE")

	box, err = a.seal(vault.Unlock{Slot: 1}.Purpose(), r.kek[:])
	must(t, err)
	kekAsSecret, err := a.keyRequestWith("kek", box)
	must(t, err)
	want(t, "a sealed KEK as an API secret", send(a, kekAsSecret), "STALE")

	r.wantRefusals(5)
	r.replayProofs(a, b)
	r.wantRefusals(10)
	if got := r.log.count(1, "wrong proof"); got != 1 {
		t.Errorf("one wrong proof is %d lines of the log", got)
	}
	for _, key := range []string{"again", "relabelled", "kek"} {
		_, err := a.ShowKey(a.ctx, &pb.ShowKeyRequest{Label: key})
		want(t, key, err, "NOT_FOUND")
	}
	r.wantNoSecretsInLog()
}

func (r *rig) replayProofs(a, b *admin) {
	t := r.t
	t.Helper()
	send := func(a *admin, request *pb.AddBotRequest) error {
		_, err := a.AddBot(a.ctx, request)
		return err
	}
	first, err := a.botRequest("first", 7)
	must(t, err, send(a, first))
	second := &pb.AddBotRequest{Name: "second", Matches: first.GetMatches(), Proof: first.GetProof()}
	want(t, "a used proof for another operation", send(a, second), "STALE")
	want(t, "a used proof for the same", send(a, first), "STALE")

	own, err := a.botRequest("own", 7)
	must(t, err)
	want(t, "another's proof", send(b, own), "STALE")
	must(t, send(a, own))

	other, err := a.botRequest("other", 7)
	must(t, err)
	other.Matches = []*pb.Match{{Uid: new(uint32(8))}}
	want(t, "a proof for another uid", send(a, other), "WRONG_PASSPHRASE")
	other.Matches = []*pb.Match{{Uid: new(uint32(7))}}
	want(t, "and afterwards for its own", send(a, other), "STALE")

	zero := &pb.AddBotRequest{Name: "zero", Matches: first.GetMatches(), Proof: &pb.Proof{Slot: 1, Mac: make([]byte, 32)}}
	want(t, "a proof of nothing", send(a, zero), "STALE")
	zero.Proof = nil
	want(t, "no proof", send(a, zero), "INVALID")

}

// wantRefusals counts the lines about boxes and proofs that were used, late or
// another's.
func (r *rig) wantRefusals(n int) {
	r.t.Helper()
	const boxes, proofs = "a sealed secret was refused", "a proof was refused"
	if got := r.log.count(n, boxes, proofs); got != n || r.log.count(1, boxes) == 0 {
		r.t.Errorf("%d refusals are %d lines of the log", n, got)
	}
}

// A65: a process that floods vaultd with wrong proofs pays a second for each and
// delays nobody: the owner's own operations go through in between, and afterwards.
func TestAFloodOfWrongProofsDelaysItsOwnProcessOnly(t *testing.T) {
	t.Parallel()
	r := ready(t, conditions{}, "main")
	tries := max(size(5, 100), 3)
	began := time.Now()
	f := startFlood(t, r, "proof", 0)
	<-f.all.more(1) // it pays from now on
	owner := r.admin()
	quick := 0 // operations of the owner during which nobody had finished paying
	for i := range 10 {
		before := f.all.load()
		must(t, owner.addBot(fmt.Sprintf("own-%d", i), uint32(i)))
		if f.all.load() == before {
			quick++
		}
	}
	if quick < 3 {
		t.Errorf("of ten operations of the owner, %d waited for a wrong proof", 10-quick)
	}
	<-f.all.more(max(tries-int(f.all.load()), 1))
	answers := f.stop()
	wrong := answers["WRONG_PASSPHRASE"]
	if len(answers) != 1 || wrong < tries {
		t.Errorf("the flood was answered %v", answers)
	}
	if took := time.Since(began); took < time.Duration(wrong-1)*time.Second {
		t.Errorf("%d wrong proofs cost only %v", wrong, took)
	}
	if got := r.log.count(wrong, "wrong proof"); got != wrong {
		t.Errorf("%d wrong proofs are %d lines of the log", wrong, got)
	}
	must(t, owner.addBot("afterwards", 9))
	r.wantNoSecretsInLog()
}

// A65: the same against unlock.
func TestAFloodOfWrongPassphrasesDoesNotKeepTheOwnerOut(t *testing.T) {
	t.Parallel()
	r := ready(t, conditions{}, "main")
	owner := r.admin()
	must(t, owner.lock())
	f := startFlood(t, r, "unlock", 0)
	<-f.all.more(max(size(3, 100), 2))
	before := f.all.load()
	must(t, owner.unlock())
	if during := f.all.load() - before; during >= 3 {
		t.Errorf("the owner's unlock took as long as %d wrong ones", during)
	}
	_, err := r.bot().sign("main")
	must(t, err)
	<-f.done // each of its connections has found the vault unlocked
	answers := f.stop()
	if answers["WRONG_PASSPHRASE"] < 2 || len(answers) != 2 || answers[""] != 4 {
		t.Errorf("the flood was answered %v", answers)
	}
	if got := r.log.count(answers["WRONG_PASSPHRASE"], "wrong passphrase"); got != answers["WRONG_PASSPHRASE"] {
		t.Errorf("%d wrong passphrases are %d lines of the log", answers["WRONG_PASSPHRASE"], got)
	}
	r.wantNoSecretsInLog()
}

// wantNoSecretsInLog looks for what the rig knows in what vaultd has said.
func (r *rig) wantNoSecretsInLog() {
	r.t.Helper()
	var needles []memscan.Needle
	for _, label := range []string{"main", "first", "own", "other"} {
		needles = append(needles, memscan.Forms(label, []byte(secretOf(label)))...)
	}
	needles = append(needles, memscan.Forms("KEK", r.kek[:])...)
	needles = append(needles, memscan.Forms("proof key", derive(r.t, r.kek[:], "bfxvault/v1/proof"))...)
	scanner, err := memscan.New(needles)
	must(r.t, err)
	for _, h := range scanner.Bytes([]byte(r.log.String())) {
		r.t.Errorf("in the log: %v", h)
	}
}
