package campaign_test

import "slices"

// deadEnd is an upstream on this machine that does not answer.
const deadEnd = "http://127.0.0.1:1"

// keyCommands are those of the versions of API keys. The one of main stays active: others
// sign with it. They run in the order of the alphabet.
func (h *hunt) keyCommands(all map[string][]ctlRun, pass, wrong []string) {
	h.t.Helper()
	with := func(from []string, args ...string) []string { return slices.Concat(args, from) }
	label := func(what string) string { return h.canary("a label to " + what) }
	secret := h.file("rotated", h.canary("the API secret of a version")+"\n")
	all["key promote"] = []ctlRun{
		good(with(pass, "main", "--version", "1")...), bad(with(wrong, "main", "--json")...), bad(with(pass, label("promote"))...),
		bad("main", "--version", h.canary("a version to promote")), bad("main", "--grace", h.canary("a grace")),
	}
	all["key purge"] = []ctlRun{bad(with(pass, "stored", "--json")...), bad(with(wrong, "stored")...), bad(with(pass, label("purge"))...)}
	all["key retire"] = []ctlRun{good("piped", "--grace", "0s"), bad("--json", label("retire"))}
	all["key revoke"] = []ctlRun{
		good("stored", "--upstream", deadEnd, "--json"), bad(label("revoke at once"), "--upstream", deadEnd),
		bad("stored", "--upstream", "http://"+h.canary("an upstream to revoke at")),
	}
	rotate := func(id, file string) []string { return []string{"stored", "--api-key", id, "--secret-file", file} }
	all["key rotate"] = []ctlRun{
		good(with(pass, rotate("KEY-rotated", secret)...)...), bad(with(pass, rotate("KEY-again", secret)...)...),
		bad(with(wrong, rotate("KEY-wrong", h.file("rotatedwrong", h.canary("the API secret of a version, with a wrong passphrase")))...)...),
		bad(with(pass, rotate(h.canary("an API key id to rotate to")+" ", secret)...)...), bad(with(pass, label("rotate"), "--api-key", "X", "--secret-file", secret)...),
	}
	all["key verify"] = []ctlRun{
		good("main", "--offline"), good("main", "--offline", "--json"), bad("main", "--upstream", deadEnd),
		bad("main", "--answer", h.file("answer", h.canary("what is no answer of Bitfinex")), "--json"),
		bad("main", "--answer", h.file("scopes", `[["`+h.canary("a scope")+`",1,0]]`)),
		bad(label("verify"), "--offline"), bad("main", "--upstream", "https://"+h.canary("an upstream to verify at")),
	}
}
