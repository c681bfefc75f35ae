package campaign_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bfxvault/vault/audit"
)

// A47, A65: a bot of another user that asks without end for what it is not granted
// fills no disk and costs nobody else a signature; and none of its denials is lost: they
// are counted.
func TestAFloodOfDenialsFillsNoDiskAndHidesNothing(t *testing.T) {
	t.Parallel()
	const limit = 10 << 20 // bytes, within the minute of the long form
	r := newFolder(t, conditions{})
	uid := ordinaryUser()
	if uid != 0 {
		must(t, os.Chmod(filepath.Dir(r.dir), 0o711))
		r.configure(fmt.Sprintf("sign_group = \"%d\"\n", uid))
	}
	r.start()
	r.fill("main")
	if uid != 0 {
		must(t, r.admin().addBot("flooder", uint32(uid)), r.admin().grantOf("flooder", "main", "read", "trade"))
	}
	l := r.load(t.Context())
	await(t, l.signed.more(20), l.failed)
	f := startFlood(t, r, "sign", uid)
	select {
	case <-time.After(time.Duration(max(size(3, 60), 1)) * time.Second):
	case err := <-l.failed:
		t.Fatal(err)
	}
	answers := f.stop()
	l.stop(t)
	if l.refused.load()+l.locked.load() > 0 {
		t.Errorf("another bot was refused %d signatures", l.refused.load()+l.locked.load())
	}
	r.stop(t)
	l.trail.verifyDead(r)
	bytes, counted := denialsIn(t, r.auditDir())
	if len(answers) != 1 || answers["DENIED"] == 0 || answers["DENIED"] != counted {
		t.Errorf("the flood was answered %v, and the log has %d denials", answers, counted)
	}
	if bytes > limit {
		t.Errorf("%d denials are %d bytes of the log", counted, bytes)
	}
	t.Logf("%d denials are %d bytes of the log; meanwhile %d signatures for another bot", counted, bytes, l.signed.load())
}

// denialsIn is how many bytes of a log are no signatures, and how many denials they
// stand for.
func denialsIn(t testing.TB, dir string) (bytes, denials int) {
	t.Helper()
	names, err := audit.Segments(dir)
	must(t, err)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		for line := range strings.Lines(string(text)) {
			e, err := audit.ParseEntry([]byte(line))
			must(t, err)
			switch {
			case e.Decision == audit.Allowed:
				continue
			case e.Decision == audit.Denied:
				denials += max(int(e.Count), 1)
			}
			bytes += len(line)
		}
	}
	return bytes, denials
}
