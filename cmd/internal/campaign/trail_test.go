package campaign_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/audit"
	"bfxvault/vault/operator"
)

// trail is what is known of the audit log of one vault, over all lives of vaultd:
// the signatures that reached a client, and records that were seen in it.
type trail struct {
	mu       sync.Mutex
	receipts []receipt // not looked up yet

	known      []audit.Position  // records that the log must have from now on
	read       uint64            // the sequence up to which it was read
	unfinished map[uint64]string // intents without an outcome, as far as it was read
	records    int               // of signatures, as far as it was read
	cut        int               // outcomes that nobody knows, likewise
}

// receipt is a signature that has reached a client.
type receipt struct {
	seq, nonce  uint64
	label       string
	asked, came time.Time
}

func (t *trail) note(s *pb.SignRestResponse, label string, asked time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.receipts = append(t.receipts, receipt{s.GetAuditSeq(), s.GetRequestNonce(), label, asked, time.Now()})
}

// verifyDead holds the log to what it must be while no vaultd runs: as the crash has
// left it.
func (t *trail) verifyDead(r *rig) audit.Report {
	r.t.Helper()
	l, err := vault.ReadAuditLog(r.file("vault.db"))
	must(r.t, err)
	report := t.verify(r, l)
	end := audit.Position{Seq: report.Last}
	_, err = hex.Decode(end.Head[:], []byte(report.Head))
	must(r.t, err)
	t.known = append(t.known, end)
	return report
}

// verifyLive does so while vaultd runs.
func (t *trail) verifyLive(r *rig, a *admin) audit.Report {
	r.t.Helper()
	l := showAudit(r.t, a)
	report := t.verify(r, l)
	t.known = append(t.known, l.Synced)
	return report
}

// showAudit is what vaultd says of its log.
func showAudit(t testing.TB, a *admin) vault.AuditLog {
	t.Helper()
	s, err := a.ShowAudit(a.ctx, &pb.ShowAuditRequest{})
	must(t, err)
	l := vault.AuditLog{Dir: s.GetDir(), VaultID: [16]byte(s.GetVaultId()), Head: s.GetKnown(), Problem: s.GetProblem()}
	l.Synced.Seq = s.GetSeq()
	copy(l.Synced.Head[:], s.GetHead())
	for _, k := range s.GetKeys() {
		l.Keys = append(l.Keys, vault.AuditKey{Slot: k.GetSlot(), SlotBytes: k.GetSlotBytes(), Wrapped: k.GetWrapped()})
	}
	return l
}

// verify proves the log with the passphrase's keys against all that is known of it: by
// the vault file, by the checkpoint beside it, and by us.
func (t *trail) verify(r *rig, l vault.AuditLog) audit.Report {
	r.t.Helper()
	keys, head, err := operator.OpenAudit(&r.kek, r.slot, l)
	must(r.t, err)
	defer keys.Wipe()
	known := append(slices.Clone(t.known), head, l.Synced, checkpointOf(r.t, r.auditDir()))
	report, err := audit.Verify(r.auditDir(), audit.VerifyOptions{Keys: keys, Known: known})
	must(r.t, err)
	if report.FirstBad != nil {
		r.t.Errorf("the log does not verify: record %d: %s", *report.FirstBad, report.Problem)
	}
	if gaps := len(report.Accepted) > 0; gaps != r.logLost {
		r.t.Errorf("the log has gaps: %v", report.Accepted)
	}
	return report
}

// checkpointOf is the record that the checkpoint beside a log knows; none where there
// is no checkpoint.
func checkpointOf(t testing.TB, dir string) (at audit.Position) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if os.IsNotExist(err) {
		return at
	}
	must(t, err)
	var c struct {
		Seq  uint64
		Head string
	}
	must(t, json.Unmarshal(text, &c))
	head, err := hex.DecodeString(c.Head)
	must(t, err)
	at.Seq = c.Seq
	copy(at.Head[:], head)
	return at
}

// readOn reads what was written since it was called last, keeps count of intents
// without an outcome, and returns the records of signatures that were allowed.
func (t *trail) readOn(tb testing.TB, dir string) map[uint64]audit.Entry {
	tb.Helper()
	if t.unfinished == nil {
		t.unfinished = map[uint64]string{}
	}
	signed := map[uint64]audit.Entry{}
	names, err := audit.Segments(dir)
	must(tb, err)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		must(tb, err)
		for line := range strings.Lines(string(text)) {
			if !strings.HasSuffix(line, "}\n") {
				break // torn
			}
			if seq := seqOf(line); seq <= t.read {
				continue
			}
			e, err := audit.ParseEntry([]byte(line))
			must(tb, err)
			t.read = e.Seq
			switch {
			case e.Phase == audit.Intent:
				t.unfinished[e.Seq] = e.Op
			case e.Phase == audit.Outcome:
				delete(t.unfinished, e.Of)
				if e.Decision == audit.Unknown {
					t.cut++
				}
			case e.Op == "sign" && e.Decision == audit.Allowed:
				t.records++
				signed[e.Seq] = e
			}
		}
	}
	return signed
}

// seqOf is the sequence of a line, without reading the rest of it.
func seqOf(line string) (seq uint64) {
	for _, c := range strings.TrimPrefix(line, `{"seq":`) {
		if c < '0' || c > '9' {
			break
		}
		seq = seq*10 + uint64(c-'0')
	}
	return seq
}

// settle returns the receipts that have no record of the same sequence, request
// nonce, bot and API key among those that were read; none is kept.
func (t *trail) settle(signed map[uint64]audit.Entry) (missing []receipt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, got := range t.receipts {
		e, ok := signed[got.seq]
		if !ok || e.Nonce != got.nonce || e.Key != got.label || e.Bot != botName {
			missing = append(missing, got)
		}
	}
	t.receipts = nil
	return missing
}

// wantUnfinished holds a vaultd that has just started to reporting each change that
// a crash has cut off, and no other.
func (t *trail) wantUnfinished(tb testing.TB, a *admin, cut int) {
	tb.Helper()
	got := 0
	for _, alert := range a.status(tb).GetRecent() {
		if alert.GetName() == vault.AlertUnfinished {
			got++
		}
	}
	if got != cut {
		tb.Errorf("%d changes were cut off, and vaultd reports %d", cut, got)
	}
}
