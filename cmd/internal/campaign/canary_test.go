package campaign_test

import (
	"crypto/sha512"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bfxvault/cmd/internal/memscan"
)

// P1, A49: secrets are put where they belong and wherever else somebody could paste
// one by mistake, and then looked for, in every form of package memscan, in all that
// the programs leave behind: answers and errors, both outputs, audit log, vault and
// configuration folder, what vaultctl notes, the dumps of a crash, /proc, the journal.
//
// These tests are about it: canaryrpc (every RPC, by its descriptor), canarywire (what
// is no RPC at all), canaryctl (every command of vaultctl, by its help), canarycrash
// (dumps, cores, /proc), canaryconfig (vaultd's settings).
//
// What may be seen, and why:
//   - A name that was accepted (label, bot, API key id, path of a match, address or
//     affiliate code of a grant) is stored and listed: that is what it is for. So the
//     secrets stand in refused requests there, and the tests make sure of the refusal.
//   - Of a request that was understood and denied, the records and the log have what rules
//     judge: symbol, currency, numbers. Their grammars leave room for none of the secrets
//     here, which the tests put there all the same; a code of six digits would pass.
//   - What was typed as an argument of vaultctl is on the screen already.
//   - A file that vaultctl was told to check (policy check and its like) is the
//     operator's own, and its mistakes are shown as they stand there.
//   - A digest: the records have one of each request.

// The shapes of secrets: Bitfinex's own, one that would pass for a name (a-z, 0-9, at
// most 32), and one that would pass for a number.
const (
	mixed  = "mixed"
	named  = "named"
	number = "number"
)

func shapes() []string { return []string{mixed, named, number} }

// hunt is a vaultd that secrets are given to, and all that was said about it.
type hunt struct {
	*rig
	shape    string            // of the secrets that are asked for
	canaries map[string]string // secrets by what they were meant for
	said     []saying
	files    string // files for vaultctl to read; not searched
	began    time.Time

	second, refused int64 // denials in the second that runs
	asked           int   // requests to sign that have a record each, at least
}

// saying is one piece of what somebody could read.
type saying struct {
	where string
	text  []byte
	typed []string // names of secrets that may be in it
}

func newHunt(t testing.TB, shape string) *hunt {
	t.Helper()
	return &hunt{
		rig: newFolder(t, conditions{}), shape: shape, canaries: map[string]string{},
		files: t.TempDir(), began: time.Now(),
	}
}

// canary is the secret for one place, another for each. It is the same in every run.
func (h *hunt) canary(place string) string { return h.canaryOf(place, h.shape) }

func (h *hunt) canaryOf(place, shape string) string {
	alphabet, size := "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789", 43
	switch shape {
	case named:
		alphabet, size = "abcdefghijklmnopqrstuvwxyz0123456789", 30
	case number:
		alphabet, size = "123456789", 40
	}
	sum := sha512.Sum512([]byte("canary " + shape + " for " + place))
	text := make([]byte, size)
	for i := range text {
		text[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	h.canaries[place+", "+shape] = string(text)
	return string(text)
}

// hear keeps what somebody could read. What the secrets named in typed are was typed
// by who reads it.
func (h *hunt) hear(where string, text []byte, typed ...string) {
	h.said = append(h.said, saying{where, slices.Clone(text), typed})
}

// pace waits until one more denial is written in full: the log has ten of a uid in a
// second and counts the others (audit.Log.Deny), and what is not written cannot leak.
func (h *hunt) pace() {
	const full = 9 // one may be under way when the second ends
	h.asked++
	if now := time.Now().Unix(); now != h.second {
		h.second, h.refused = now, 0
	}
	if h.refused++; h.refused <= full {
		return
	}
	<-time.After(time.Until(time.Unix(h.second+1, 0)))
	h.second, h.refused = time.Now().Unix(), 1
}

// search looks for all secrets in all that is left, and in what was heard. It ends
// vaultd before.
func (h *hunt) search() {
	h.t.Helper()
	h.proc()
	if h.process != nil {
		select {
		case <-h.ended:
		default:
			h.stop(h.t)
		}
		h.hear("vaultd's output", []byte(h.log.String()))
	}
	h.journal()
	h.wantWrittenInFull(h.asked)
	scanner := h.scanner()
	report, err := scanner.Tree(filepath.Dir(h.rig.dir))
	must(h.t, err)
	if report.Regions < 2 {
		h.t.Errorf("only %d files were left: vault, log, checkpoint?", report.Regions)
	}
	for _, hit := range report.Hits {
		h.t.Errorf("files: %v", hit)
	}
	size := 0
	for _, s := range h.said {
		size += len(s.text)
		for _, hit := range scanner.Bytes(s.text) {
			if !slices.Contains(s.typed, hit.Name) {
				h.t.Errorf("%s: %v", s.where, hit)
			}
		}
	}
	h.t.Logf("%d secrets: not in %d bytes of %d files, nor in %d bytes of %d answers and outputs",
		len(h.canaries), report.Bytes, report.Regions, size, len(h.said))
}

func (h *hunt) scanner() *memscan.Scanner {
	h.t.Helper()
	var needles []memscan.Needle
	for _, name := range slices.Sorted(maps.Keys(h.canaries)) {
		needles = append(needles, memscan.Forms(name, []byte(h.canaries[name]))...)
	}
	scanner, err := memscan.New(needles)
	must(h.t, err)
	for name, text := range h.canaries { // what is looked for would be found
		if len(scanner.Bytes([]byte("x"+text+"y"))) == 0 {
			h.t.Fatalf("%s is not found where it is", name)
		}
	}
	return scanner
}

// wantWrittenInFull fails where a request to sign has no record, or was only counted:
// then this test has not seen what its record would have held.
func (h *hunt) wantWrittenInFull(asked int) {
	h.t.Helper()
	segments, err := filepath.Glob(filepath.Join(filepath.Dir(h.paths.VaultFile()), "audit", "*"))
	must(h.t, err)
	records := 0
	for _, segment := range segments {
		text, err := os.ReadFile(segment)
		must(h.t, err)
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, `"op":"sign"`) {
				continue // of the operator's operations that failed a record holds nothing of the request
			}
			records++
			if strings.Contains(line, `"count":`) {
				h.t.Error("a record stands for refusals that were not written")
			}
		}
	}
	if records < asked {
		h.t.Errorf("%d records of %d requests to sign, in %d files", records, asked, len(segments))
	}
}

// proc hears what the kernel shows of vaultd to everybody, or to root.
func (h *hunt) proc() {
	h.t.Helper()
	if h.process == nil {
		return
	}
	select {
	case <-h.ended:
		return
	default:
	}
	for _, name := range []string{"cmdline", "environ", "comm", "status"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", h.cmd.Process.Pid, name))
		if err != nil && !os.IsPermission(err) { // an undumpable process is root's to read
			h.t.Errorf("/proc/PID/%s: %v", name, err)
		}
		h.hear("/proc/PID/"+name, text)
	}
}

// journal hears what the system journal has got since the test began, where there is
// one.
func (h *hunt) journal() {
	h.t.Helper()
	if _, err := os.Stat("/run/systemd/journal/socket"); err != nil {
		return
	}
	since := fmt.Sprintf("--since=@%d", h.began.Unix())
	text, err := exec.Command("journalctl", "--quiet", "--output=export", since).CombinedOutput()
	if err != nil {
		h.t.Errorf("the journal cannot be read: %v\n%s", err, text)
	}
	h.hear("the journal", text)
}
