package campaign_test

import "path/filepath"

// loginCommands are those that unlock at login. None of these runs gets as far as to change
// what is the machine's.
func (h *hunt) loginCommands(all map[string][]ctlRun, pass, wrong []string) {
	h.t.Helper()
	password := []string{"--with", "pam", "--login-password-file", h.file("login-pass", h.canary("a login password")+"\n")}
	all["login enable"] = []ctlRun{
		bad(append(password, wrong...)...), bad(append(password, append(pass, "--pam-file", h.canary("a file of PAM's"))...)...),
		bad(append(pass, "--with", h.canary("a way to enable"))...),
		bad(append(pass, "--with", "pam", "--login-password-file", filepath.Join(h.files, h.canary("a login password as a file's name")))...),
	}
	all["login disable"] = []ctlRun{bad(append(pass, "--with", h.canary("a way to disable"))...), bad(append(pass, "--with", "pam")...)}
	all["login status"] = []ctlRun{good(), good("--json"), bad("--with", h.canary("a way to show"))}
	all["unlock"] = append([]ctlRun{
		bad("--with", h.canary("a way to unlock")), bad("--with", "credential"),
		{code: anyBad, args: []string{"--with", "pam"}, stdin: h.canary("a password from PAM")},
	}, all["unlock"]...)
}
