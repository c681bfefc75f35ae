package vault_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bfxvault/vault"
	"bfxvault/vault/audit"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

// records reads the audit log of a rig as it stands in its files.
func (r *rig) records() (list []audit.Entry) {
	r.t.Helper()
	names, err := audit.Segments(auditOf(r.path))
	r.must(err)
	for _, name := range names {
		for text := range bytes.Lines(readFile(r.t.(*testing.T), filepath.Join(auditOf(r.path), name))) {
			e, err := audit.ParseEntry(text)
			r.must(err)
			list = append(list, e)
		}
	}
	return list
}

// verified verifies the log with the operator's KEK, and fails where anything is wrong.
func (r *rig) verified() audit.Report {
	r.t.Helper()
	l, err := r.v.AuditLog()
	r.must(err)
	keys, known, err := operator.OpenAudit(&r.kek, 1, l)
	r.must(err)
	report, err := audit.Verify(l.Dir, audit.VerifyOptions{Keys: keys, Known: []audit.Position{known, l.Synced}})
	r.must(err)
	if report.FirstBad != nil {
		r.t.Fatalf("record %d: %s", *report.FirstBad, report.Problem)
	}
	return report
}

// alerted says how many alerts of a name the status tells of.
func (r *rig) alerted(name string) (n int) {
	for _, a := range r.v.Status().Recent {
		if a.Name == name {
			n++
		}
	}
	return n
}

// P2: a signature's record says who asked for what, with which number it can be found,
// and nothing of its body.
func TestASignatureHasItsRecord(t *testing.T) {
	r := newRig(t).ready()
	s, err := r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: "v2/auth/w/order/submit", Body: []byte(testOrder)})
	r.must(err)
	list := r.records()
	at := slices.IndexFunc(list, func(e audit.Entry) bool { return e.Seq == s.AuditSeq })
	if at < 0 {
		t.Fatalf("there is no record %d", s.AuditSeq)
	}
	e := list[at]
	if e.Op != "sign" || e.Decision != audit.Allowed || e.Bot != "mm-1" || e.Key != "main" || e.Version != 1 || *e.UID != 1001 ||
		e.Nonce != s.RequestNonce || e.Endpoint != "v2/auth/w/order/submit" || e.Class != "trade" || len(e.Digest) != 64 {
		t.Errorf("the record says %+v", e)
	}
	if ops := string(e.Ops); !strings.Contains(ops, `"do":"submit","symbol":"tBTCUSD"`) || !strings.Contains(ops, `"amount":"`) {
		t.Errorf("it shows the order as %s", ops)
	}
}

// P2: what is refused is recorded as well, and of what nobody has checked not a word (A49).
func TestARefusalHasItsRecord(t *testing.T) {
	r := newRig(t).ready()
	canary := "CanaryCanaryCanary"
	for _, request := range []vault.SignRequest{
		{Label: "main", Path: "v2/auth/w/" + canary},
		{Label: "main", Path: "v2/auth/w/order/submit", Body: []byte(`{"` + canary + `":1}`)},
		{Label: canary, Path: "v2/auth/r/wallets"},
		{Label: "main", Path: "v2/auth/w/withdraw", Body: []byte(`{"wallet":"exchange","method":"bitcoin","amount":"1","address":"` + canary + `"}`)},
	} {
		if _, err := r.v.Sign(uid(1001), request); err == nil {
			t.Fatalf("%+v was signed", request)
		}
	}
	if _, err := r.v.Sign(uid(4711), vault.SignRequest{Label: "main", Path: "v2/auth/r/wallets"}); err == nil {
		t.Fatal("nobody was signed for")
	}
	r.must(r.v.Close()) // what nobody waits for is written by now
	var rules []string
	for _, e := range r.records() {
		if e.Op == "sign" {
			rules = append(rules, e.Decision+" "+e.Rule)
		}
	}
	want := []string{"refused malformed", "refused malformed", "refused no_grant", "denied allow", "refused no_grant"}
	if !slices.Equal(rules, want) {
		t.Errorf("the records are %q, want %q", rules, want)
	}
	for _, e := range r.records() {
		if strings.Contains(string(e.Ops)+e.Key+e.Bot+e.Endpoint+e.Target+e.Detail, canary) {
			t.Errorf("record %d repeats what nobody has checked", e.Seq)
		}
	}
}

// P2: every admin operation stands between its intent and its outcome, every failed one
// once; unlock and lock and what a locked vault refuses are there; and all of it proves,
// over restarts.
func TestALifeOfAVaultVerifies(t *testing.T) {
	r := newRig(t).ready()
	_, err := r.sign(uid(1001), "main")
	r.must(err)
	if err := r.addBot("mm-1", 1001); vault.KindOf(err) != vault.KindExists {
		t.Fatal(err)
	}
	r.v.Lock()
	if _, err := r.sign(uid(1001), "main"); vault.KindOf(err) != vault.KindLocked {
		t.Fatal(err)
	}
	r.must(r.unlock())
	r.reopen(nil)
	r.must(r.unlock())
	_, err = r.sign(uid(1001), "main")
	r.must(err)
	report := r.verified()
	if report.Proven == 0 || report.Proven+report.Unproven != report.Records {
		t.Errorf("%+v", report)
	}
	var life []string
	open := map[uint64]bool{}
	for _, e := range r.records() {
		switch e.Phase {
		case audit.Intent:
			open[e.Seq] = true
		case audit.Outcome:
			if !open[e.Of] {
				t.Errorf("outcome %d is of no intent", e.Seq)
			}
			delete(open, e.Of)
		}
		if e.Op != "alert" && e.Phase != audit.Intent {
			life = append(life, e.Op)
		}
	}
	want := "segment start init key add bot add grant sign bot add lock sign unlock checkpoint lock start unlock sign"
	if got := strings.Join(life, " "); got != want || len(open) > 0 {
		t.Errorf("the records are\n%s, want\n%s; without outcome %v", got, want, open)
	}
}

// A50: another KEK proves nothing.
func TestAnotherPassphraseOpensNoAuditKey(t *testing.T) {
	r := newRig(t).ready()
	l, err := r.v.AuditLog()
	r.must(err)
	wrong := r.kek
	wrong[0] ^= 1
	if _, _, err := operator.OpenAudit(&wrong, 1, l); err == nil {
		t.Fatal("it opens")
	}
	r.must(r.v.Close())
	offline, err := vault.ReadAuditLog(r.path)
	r.must(err)
	if _, known, err := operator.OpenAudit(&r.kek, 1, offline); err != nil || known.Seq == 0 {
		t.Fatalf("without a daemon: %+v, %v", known, err)
	}
}

// The owner is told of the first time that a bot uses an endpoint or a symbol, once,
// also over a restart.
func TestTheFirstUseOfAnEndpointAndASymbolIsAlerted(t *testing.T) {
	r := newRig(t).ready()
	for range 3 {
		_, err := r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: "v2/auth/w/order/submit", Body: []byte(testOrder)})
		r.must(err)
	}
	if n := r.alerted(vault.AlertFirstUse); n != 2 {
		t.Errorf("%d alerts, want one for the endpoint and one for the symbol: %+v", n, r.v.Status().Recent)
	}
	r.reopen(nil)
	r.must(r.unlock())
	_, err := r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: "v2/auth/w/order/submit", Body: []byte(testOrder)})
	r.must(err)
	_, err = r.v.Sign(uid(1001), vault.SignRequest{Label: "main", Path: "v2/auth/r/wallets"})
	r.must(err)
	if n := r.alerted(vault.AlertFirstUse); n != 1 {
		t.Errorf("%d alerts after a restart, want one for the new endpoint: %+v", n, r.v.Status().Recent)
	}
	r.must(r.v.Close())
	if n := slices.IndexFunc(r.records(), func(e audit.Entry) bool { return e.Alert == vault.AlertFirstUse }); n < 0 {
		t.Error("no record says so")
	}
}

// Whoever may connect to admin.sock cannot fill the disk with what is refused.
func TestAFloodOfFailedOperationsIsCounted(t *testing.T) {
	r := newRig(t).ready()
	for range 1000 {
		if _, err := r.v.RemoveBot(ctx, r.by, "nobody"); vault.KindOf(err) != vault.KindNotFound {
			t.Fatal(err)
		}
	}
	r.must(r.v.Close())
	written := 0
	for _, e := range r.records() {
		if e.Op == "bot remove" {
			written++
		}
	}
	if written == 0 || written > 200 {
		t.Errorf("%d of 1000 are written", written)
	}
}

// A burst of denials is one alert.
func TestABurstOfDenialsIsAlertedOnce(t *testing.T) {
	r := newRig(t).ready()
	r.must(r.grant("mm-1", "main", policy.Read))
	for range 100 {
		if err := r.order(1); vault.KindOf(err) != vault.KindDenied {
			t.Fatal(err)
		}
	}
	if n := r.alerted(vault.AlertDenials); n != 1 {
		t.Errorf("%d alerts", n)
	}
}

// P6, A43: file and log put back together are told from the newest by an anchor on other
// storage, and by nothing else; request nonces go on in both cases.
func TestFileAndLogPutBackTogether(t *testing.T) {
	for _, anchored := range []bool{true, false} {
		r := newRig(t).ready()
		if anchored {
			r.anchor = filepath.Join(t.TempDir(), "anchor")
		}
		r.reopen(nil)
		r.must(r.unlock())
		saved := filepath.Join(t.TempDir(), "audit")
		var file []byte
		r.reopen(func(path string) {
			file = readFile(t, path)
			copyFolder(t, saved, auditOf(path))
		})
		r.must(r.unlock(), r.addBot("later", 1009))
		last, err := r.sign(uid(1001), "main")
		r.must(err)
		r.reopen(func(path string) {
			r.must(os.WriteFile(path, file, 0o600))
			copyFolder(t, auditOf(path), saved)
		})
		if anchored {
			wantKind(t, r.unlock(), vault.KindRollback)
			r.must(r.acceptRollback(), r.resume("mm-1"))
		} else {
			r.must(r.unlock())
		}
		next, err := r.sign(uid(1001), "main")
		r.must(err)
		if next.RequestNonce <= last.RequestNonce {
			t.Errorf("anchored %v: request nonce %d follows %d", anchored, next.RequestNonce, last.RequestNonce)
		}
		r.verified()
	}
}

// A42: an anchor that was there and is missing is no anchor that knows nothing.
func TestAMissingAnchorRefusesToUnlock(t *testing.T) {
	r := newRig(t).ready()
	r.anchor = filepath.Join(t.TempDir(), "anchor")
	r.reopen(nil)
	r.must(r.unlock())
	r.reopen(func(string) { r.must(os.Remove(r.anchor)) })
	wantKind(t, r.unlock(), vault.KindRollback)
	r.must(r.acceptRollback())
	r.reopen(nil)
	r.must(r.unlock())
	if len(r.marks) == 0 || r.marks[len(r.marks)-1].Revision == 0 || r.marks[len(r.marks)-1].Seq == 0 {
		t.Errorf("the journal was told %+v", r.marks)
	}
	r.reopen(func(string) { r.must(os.WriteFile(r.anchor, []byte("{}"), 0o600)) })
	wantKind(t, r.unlock(), vault.KindCannotWrite)
}

// P2, A47: a vault whose log cannot be opened stands locked and says why; what is put
// right is used without a restart.
func TestAVaultWithoutALogSignsNothing(t *testing.T) {
	r := newRig(t).ready()
	kept := filepath.Join(t.TempDir(), "audit")
	r.reopen(func(path string) {
		r.must(os.Rename(auditOf(path), kept), os.WriteFile(auditOf(path), nil, 0o600))
	})
	wantKind(t, r.unlock(), vault.KindCannotWrite)
	if r.v.Status().AuditProblem == "" {
		t.Error("the status does not say so")
	}
	r.must(os.Remove(auditOf(r.path)), os.Rename(kept, auditOf(r.path)))
	r.must(eventually(r.unlock))
	_, err := r.sign(uid(1001), "main")
	r.must(err)
	r.verified()
}

// eventually repeats what a refusal of a second's memory may keep from succeeding.
func eventually(f func() error) error {
	var err error
	for range 1 << 20 {
		if err = f(); err == nil || vault.KindOf(err) != vault.KindCannotWrite {
			break
		}
	}
	return err
}
