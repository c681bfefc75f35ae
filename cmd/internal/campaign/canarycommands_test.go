package campaign_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
)

// commands are the runs of each command of vaultctl, but for what strays has for all.
func (h *hunt) commands() map[string][]ctlRun {
	h.t.Helper()
	pass := []string{"--passphrase-file", h.file("pass", h.canary("the passphrase")+"\n")}
	wrong := []string{"--passphrase-file", h.file("wrong", h.canary("a wrong passphrase")+"\n")}
	with := func(args []string, more ...string) []string { return append(more, args...) }
	to := []string{"--upstream", h.exchange()}
	all := map[string][]ctlRun{
		"daemon":     nil, // vaultd under another name: canaryconfig
		"demo":       nil, // its secrets are made and gone with it
		"bench":      nil,
		"sim":        {bad("--listen", h.canary("where to simulate")), bad("--json", "--listen", h.canary("a host to simulate at")+":1"), bad("--limit", h.canary("a limit"))},
		"version":    {good(), good("--json")},
		"help":       {good(), good("key", "add"), bad(h.canary("a topic"))},
		"completion": {good("bash"), bad(h.canary("a shell"))},
		"doctor":     {good(), good("--json")},
		"status":     {good(), good("--json"), bad("--wait", h.canary("a time to wait"))},
		"init":       {bad(with(pass)...), bad("--json")},
		"lock":       {bad("--burn", "--upstream", "http://"+h.canary("an upstream to burn at")), good(with(to, "--burn")...), good()},
		"panic": {
			bad("--upstream", "http://"+h.canary("an upstream to panic at")),
			good(with(pass, with(to, "--cancel-all", "--json")...)...),
		},
		"panic allow": {
			good(with(pass, "on")...), bad(with(wrong, "on")...), bad(h.canary("what to allow")), good(with(pass, "off")...),
		},
		"key list":   {good(), good("--json")},
		"key show":   {good("main"), good("main", "--json"), bad(h.canary("a label to show")), bad("--json", h.canaryOf("a label to show", named))},
		"bot list":   {good(), good("--json")},
		"bot show":   {good(botName), bad(h.canary("a bot to show"))},
		"bot remove": {good("removed"), bad(h.canary("a bot to remove"))},
		"bot issue": {
			bad(with(wrong, botName, "main", "--uid", "any")...), bad(with(pass, h.canary("a bot to issue for"), h.canary("a label to issue for"))...),
			bad(with(pass, botName, "main", "--uid", h.canary("a user to issue for"))...), bad(with(pass, botName, "main", "--expires", h.canary("a day"))...),
			good(with(pass, botName, "main", "--uid", "any")...), bad(with(pass, botName, "main", "--uid", "any", "--again", h.canary("an id to bring back"))...),
		},
		"bot config": {good(botName, "--for", "ccxt"), bad(h.canary("a bot to configure"), "--for", "ccxt"), bad(botName, "--for", h.canary("a client"))},
		"exec": {
			good(append(with(pass, botName, "--label", "main", "--uid", "any"), "--", "true")...), bad(append(with(wrong, botName, "--uid", "any"), "--", "true")...),
			bad(botName, "--stand-in", h.file("nostandin", h.canary("what is no stand-in")), "--", "true"), bad(botName, h.canary("a command without its dashes")),
			bad(botName, "--stand-in", h.file("standin", `{"api_key":"bfxv_x","api_secret":"`+h.canary("a stand-in's secret")+`"}`), "--", "false"),
		},
		"bot stand-ins": {good(botName), good(botName, "--json"), bad(h.canary("a bot with stand-ins"))},
		"bot recall":    {bad(botName, h.canary("a stand-in to recall")), bad(h.canary("a bot to recall from"), "x")},
		"bot enable":    {good(with(pass, "second")...), bad(with(pass, h.canary("a bot to enable"))...)},
		"revoke":        {good("second", "main"), bad(h.canary("a bot to revoke"), h.canary("a label to revoke"))},
		"nonce show":    {good("main"), bad(h.canary("a label whose nonce"))},
		"nonce accept": {
			good(with(pass, "main")...), bad(with(pass, h.canary("a label to accept"))...),
		},
		"unlock": {
			bad(with(wrong)...), bad("--keyfile", h.file("key", h.canary("a keyfile that is too long"))),
			bad("--passphrase-command", "cat "+h.file("other", h.canary("another passphrase"))),
			bad("--passphrase-command", "cat "+h.file("err", h.canary("what a command says when it fails"))+"; exit 7"),
			good(with(pass, "--json", "--accept-config")...),
		},
	}
	h.addCommands(all, pass, wrong)
	h.keyCommands(all, pass, wrong)
	h.backupCommands(all, pass, wrong)
	h.loginCommands(all, pass, wrong)
	h.slotCommands(all, pass, wrong)
	h.policyCommands(all, pass)
	h.auditCommands(all, pass, wrong)
	return all
}

// exchange takes every request, in place of Bitfinex, and answers with a secret.
func (h *hunt) exchange() (url string) {
	h.t.Helper()
	answer := `[["` + h.canary("an answer of Bitfinex") + `"]]`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
	h.t.Cleanup(server.Close)
	return server.URL
}

// addCommands are those that add, and sign.
func (h *hunt) addCommands(all map[string][]ctlRun, pass, wrong []string) {
	h.t.Helper()
	key := func(label, secret string, pass []string) []string {
		return append([]string{label, "--api-key", "KEY-" + label, "--permissions", "read", "--secret-file", secret}, pass...)
	}
	open := h.file("open", h.canary("a secret that others can read"))
	must(h.t, os.Chmod(open, 0o644))
	all["key add"] = []ctlRun{
		good(key("stored", h.file("secret", h.canary("the API secret of stored")+"\n"), pass)...),
		{args: key("piped", "-", pass), stdin: h.canary("an API secret on standard input") + "\n"},
		bad(key("x", h.file("refused", h.canary("a secret with a wrong passphrase")), wrong)...),
		bad(key("x", open, pass)...), bad(key("x", h.file("spaced", h.canary("two words")+" "+h.canary("second word")), pass)...),
		bad(key("x", h.file("long", strings.Repeat(h.canary("a secret of pages"), 200)), pass)...),
		bad(key(h.canary("a label to add"), h.file("stray", h.canary("a secret for a bad label")), pass)...),
		bad(key("x", filepath.Join(h.files, h.canary("a file's name")), pass)...),
		bad(key("main", h.file("twice", h.canary("a secret for a label that is taken")), pass)...),
		bad("x", "--api-key", h.canary("an API key id")+" ", "--permissions", h.canary("a permission"), "--secret-file", open),
		bad("x", "--api-key", h.canary("an API key id with a space")+" ", "--permissions", "read", "--secret-file", h.file("good", "fine\n"), pass[0], pass[1]),
	}
	bot := func(args ...string) []string { return append(args, pass...) }
	all["bot add"] = []ctlRun{
		good(bot("second", "--uid", "1")...), good(bot("removed", "--uid", "2")...), bad(bot(h.canary("a bot to add"), "--uid", "3")...),
		bad(bot("x", "--exe", h.canary("an exe"))...), bad(bot("x", "--unit", "/system.slice/"+h.canary("a unit"))...),
		bad(bot("x", "--sha256", h.canary("a sum"))...),
	}
	grants := []ctlRun{good(bot("second", "main", "--allow", "read")...), bad(bot(h.canary("a bot to grant"), h.canary("a label to grant"), "--allow", "read")...)}
	for _, flag := range []string{
		"allow", "endpoints", "symbols", "order-types", "flags", "max-order", "max-notional", "daily-notional", "price-band", "rate", "hours", "expires", "burst",
	} {
		grants = append(grants, bad(bot("second", "main", "--allow", "read", "--"+flag, h.canary("--"+flag))...))
	}
	all["grant"] = grants
	body := func(what, text string) string { return h.file("body", fmt.Sprintf(text, h.canary(what))) }
	all["sign"] = []ctlRun{
		good("main", orderPath, "--body", orderBody), good("main", "v1/balances"),
		bad("main", orderPath, "--body-file", body("a field of a body file", `{"%s":1}`)),
		{code: anyBad, args: []string{"main", orderPath, "--body-file", "-"}, stdin: `{"type":"` + h.canary("a body on standard input")},
		bad(h.canary("a label to sign with"), h.canary("a path to sign")), bad("--json", "main", "v2/auth/r/"+h.canary("a segment to sign"), "--bot", h.canary("a bot to sign")),
	}
}

// backupCommands write and read a file that shows nothing (A67).
func (h *hunt) backupCommands(all map[string][]ctlRun, pass, wrong []string) {
	h.t.Helper()
	file := filepath.Join(h.files, "made.backup")
	on := func(file string, more ...string) []string { return append([]string{file}, more...) }
	all["backup create"] = []ctlRun{
		good(file), bad(file), good("--json", file+".json"), bad(filepath.Join(h.files, "none", h.canary("a backup's name"))),
	}
	all["backup restore"] = []ctlRun{ // there is a vault; canaryrpc has the folder without one
		bad(on(file, pass...)...), bad(on(h.file("norestore", h.canary("what is nothing to restore")), append(pass, "--json")...)...),
	}
	all["backup verify"] = []ctlRun{
		good(on(file, pass...)...), good(on(file, append(pass, "--json")...)...), bad(on(file, wrong...)...),
		bad(file, "--keyfile", h.file("backupkey", h.canary("a keyfile for a backup"))),
		bad(on(h.file("nobackup", h.canary("what is no backup")), pass...)...),
		bad(on(h.file("half.backup", "bfxvault-backup\n\x01"+h.canary("half a backup")), pass...)...),
	}
}

// policyCommands are those that read a policy file. It may be shown to who has it.
func (h *hunt) policyCommands(all map[string][]ctlRun, pass []string) {
	h.t.Helper()
	const fine = "[bots.second]\nmatch = [{ uid = 1 }]\n"
	ok := h.file("policy.toml", fine)
	requests := h.file("requests.jsonl", `{"bot":"second","key":"main","path":"v2/auth/w/order/submit","body":{"type":"`+h.canary("a body of a request file")+`"}}`+"\n")
	for _, command := range []string{"policy check", "policy diff", "policy test", "policy apply"} {
		more := map[string][]string{"policy test": {"--requests", requests}, "policy apply": pass}[command]
		runs := []ctlRun{{args: append([]string{ok}, more...)}}
		texts := []string{
			"CANARY = 1\n", "CANARY\n", "[bots.CANARY]\nrole = 1\n", fine + "role = \"CANARY\"\n",
			fine + "[[bots.second.grants]]\nkey = \"main\"\nallow = [\"read\"]\nsymbols = [\"CANARY\"]\n",
		}
		if command != "policy check" { // which all of them begin with
			texts = texts[:size(1, len(texts))]
		}
		for i, text := range texts {
			what := fmt.Sprintf("policy file %d for %s", i, command)
			path := h.file(fmt.Sprintf("wrong-%d-%s", i, command[7:]), strings.ReplaceAll(text, "CANARY", h.canary(what)))
			shown := []string{what + ", " + mixed}
			runs = append(runs, ctlRun{code: anyBad, args: append([]string{"--json", path}, more...), shows: shown})
		}
		all[command] = append(runs, bad(append([]string{filepath.Join(h.files, h.canary("a policy file's name"))}, more...)...))
	}
	what := "a line of a request file"
	all["policy test"] = append(all["policy test"], ctlRun{
		code: anyBad, args: []string{ok, "--requests", h.file("odd.jsonl", `{"`+h.canary(what)+`":1}`)}, shows: []string{what + ", " + mixed},
	})
}

// auditCommands read what all the others have left.
func (h *hunt) auditCommands(all map[string][]ctlRun, pass, wrong []string) {
	h.t.Helper()
	all["audit tail"] = []ctlRun{good(), good("-n", "1000", "--json", "--alerts"), good("-n", "1", "--exec", "cat"), bad("-n", h.canary("how many lines"))}
	for _, command := range []string{"audit query", "audit export"} {
		for _, flag := range []string{"bot", "key", "since", "until", "decision"} {
			all[command] = append(all[command], bad("--"+flag, h.canary("--"+flag+" of "+command)))
		}
		for _, flag := range []string{"symbol", "op"} {
			all[command] = append(all[command], good("--"+flag, h.canary("--"+flag+" of "+command)))
		}
	}
	all["audit query"] = append(all["audit query"], good(), good("--json"), good("--bot", h.canaryOf("a bot to find", named)))
	all["audit export"] = append(all["audit export"], good(), good("--format", "csv"), good("--requests"), bad("--format", h.canary("a format")))
	all["audit summary"] = []ctlRun{good(), good("--json"), bad("--day", h.canary("a day"))}
	all["audit verify"] = []ctlRun{good(append(pass, "--json")...), good("--no-passphrase"), bad(wrong...)}
}
