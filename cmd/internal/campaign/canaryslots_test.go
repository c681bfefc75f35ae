package campaign_test

import (
	"path/filepath"
	"slices"
)

// slotCommands are those of key slots. The passphrase of slot 1 stays what it is: others
// need it.
func (h *hunt) slotCommands(all map[string][]ctlRun, pass, wrong []string) {
	h.t.Helper()
	with := func(from []string, args ...string) []string { return slices.Concat(args, from) }
	second := h.file("second", h.canary("a second passphrase")+"\n")
	code := filepath.Join(h.files, "code")
	lost := h.file("lostcode", h.canary("what is no recovery code")+"\n")
	all["slot list"] = []ctlRun{good(), good("--json")}
	all["slot add passphrase"] = []ctlRun{
		good(with(pass, "--new-passphrase-file", second)...), bad(with(wrong, "--new-passphrase-file", second, "--json")...),
		bad("--passphrase-file", "-", "--new-passphrase-file", "-"),
	}
	all["slot add recovery"] = []ctlRun{
		good(with(pass, "--recovery-file", code)...), bad(with(pass, "--recovery-file", code, "--json")...),
		bad(with(wrong, "--recovery-file", code+"2")...), bad(pass...), bad("--recovery", "--passphrase-file", lost),
	}
	all["slot add keyfile"] = []ctlRun{
		good(with(pass, "--keyfile", h.file("key32", h.canaryOf("a keyfile", mixed)[:32]))...),
		good(with(pass, "--keyfile", filepath.Join(h.files, "newkey"))...),
		bad(with(pass, "--keyfile", h.file("keylong", h.canary("a keyfile of another length")))...),
	}
	all["slot remove"] = []ctlRun{bad(with(pass, h.canary("a slot's number"))...), bad(with(pass, "99")...), bad(with(wrong, "1", "--json")...)}
	all["slot upgrade"] = []ctlRun{
		good("--passphrase-file", second), bad(with(wrong, h.canary("a slot to upgrade"))...), bad(with(pass, "99", "--json")...),
	}
	all["passphrase change"] = []ctlRun{
		bad(with(wrong, "--new-passphrase-file", second)...), bad("--recovery", "--json", "--passphrase-file", lost, "--new-passphrase-file", second),
		good(with(pass, "--new-passphrase-file", pass[1])...),
	}
	all["datakey rotate"] = []ctlRun{good(pass...), good(with(pass, "--json")...), bad(wrong...)}
}
