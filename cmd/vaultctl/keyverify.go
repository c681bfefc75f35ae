package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"bfxvault/api/upstream"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

type keyVerify struct {
	versionFlags
	to      upstreamFlag
	offline bool
	answer  string
}

func (a *app) keyVerify() *cobra.Command {
	var k keyVerify
	c := &cobra.Command{
		Use:   "verify LABEL",
		Short: "Ask Bitfinex what an API key may do, and compare it with what was declared",
		Long: "Sign a read of the API key's permissions, send it to Bitfinex, and compare what it says\n" +
			"with what was declared. That proves the secret, and that the key can do what bots need\n" +
			"and no more. key show tells the answer afterwards.\n\n" +
			"--offline sends nothing: it prints the request, as a command for a machine with a network.\n" +
			"--answer reads what came back there.",
		Example: "  vaultctl key verify main\n" +
			"  vaultctl key verify main --offline                # then, with what came back:\n" +
			"  vaultctl key verify main --version 1 --answer answer.json",
		Args: exactly(1), ValidArgsFunction: a.completeLabels,
		RunE: func(c *cobra.Command, args []string) error { return a.runKeyVerify(c.Context(), args[0], k) },
	}
	k.addVersion(c, "the oldest that is staged, or else the active one")
	k.to.add(c)
	c.Flags().BoolVar(&k.offline, "offline", false, "print the request, and send nothing")
	c.Flags().StringVar(&k.answer, "answer", "", "read Bitfinex's answer from a file; - is standard input")
	c.MarkFlagsMutuallyExclusive("offline", "answer", "upstream")
	return c
}

func (a *app) runKeyVerify(ctx context.Context, label string, k keyVerify) error {
	client, err := k.to.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return a.with(func(s *session) error {
		shown, err := s.admin.ShowKey(ctx, &pb.ShowKeyRequest{Label: label})
		if err != nil {
			return err
		}
		if k.answer != "" {
			answer, err := a.input(k.answer, maxAnswerFile)
			if err != nil {
				return err
			}
			return a.noteVerified(ctx, s, shown.GetKey(), probed(shown.GetKey(), k.version), answer)
		}
		signed, err := s.admin.SignProbe(ctx, &pb.SignProbeRequest{Label: label, Version: k.version})
		if err != nil {
			return err
		}
		if k.offline {
			return a.printProbe(signed.GetRequest())
		}
		sent := sendAll(ctx, client, []*pb.SignedRequest{signed.GetRequest()})[0]
		if sent.Outcome != wasSent {
			return unverified(sent)
		}
		return a.noteVerified(ctx, s, shown.GetKey(), sent.Version, sent.answer)
	})
}

// maxAnswerFile bounds an answer that is read from a file, in bytes.
const maxAnswerFile = 64 << 10

// probed is the version that SignProbe takes where none is named, and that an answer is of.
func probed(k *pb.ApiKey, version uint32) uint32 {
	if version != 0 {
		return version
	}
	for _, state := range []string{stateStaged, stateActive} {
		for _, v := range k.GetVersions() {
			if v.GetState() == state {
				return v.GetVersion() // the oldest, as vaultd takes it
			}
		}
	}
	return 0
}

// printProbe prints a signed read as a command. It is good once, and only until the API
// key has signed something that was sent.
func (a *app) printProbe(r *pb.SignedRequest) error {
	headers := map[string]string{
		"content-type": "application/json", "bfx-apikey": r.GetApiKey(), "bfx-nonce": fmt.Sprint(r.GetRequestNonce()), "bfx-signature": r.GetSignature(),
	}
	url := upstream.Bitfinex + "/" + r.GetPath()
	value := map[string]any{"label": r.GetLabel(), "version": r.GetVersion(), "url": url, "headers": headers, "body": r.GetBody()}
	return a.report(value, func() {
		a.printf("curl -sS -X POST %s", url)
		for _, name := range []string{"content-type", "bfx-apikey", "bfx-nonce", "bfx-signature"} {
			a.printf(" \\\n  -H %s", quoted(name+": "+headers[name]))
		}
		a.printf(" \\\n  -d %s\n", quoted(r.GetBody()))
		a.hintf("it is good until the API key signs the next request; then: vaultctl key verify %s --version %d --answer FILE", r.GetLabel(), r.GetVersion())
	})
}

// quoted is one word of a shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// unverified is the failure of a probe that Bitfinex did not answer.
func unverified(d delivery) error {
	f := failed("UNVERIFIED", "version %d of %s is not verified: %s", d.Version, d.Label, d.Message)
	switch {
	case d.Outcome == unanswered:
		f = failed("UNREACHABLE", "Bitfinex could not be reached: %s", d.Message)
		f.withHint("vaultctl key verify %s --offline prints the request, to be sent from elsewhere", d.Label)
	case d.Code == upstream.CodeAuth:
		f.withHint("Bitfinex does not know the API key, or its secret is another: compare %s with the list at %s", d.APIKey, revokeAt)
	case d.Code == upstream.CodeNonce:
		f.withHint("something else uses this API key with higher request nonces: give it a key of its own")
	}
	f.more = map[string]any{"sent": d}
	return f
}

// noteVerified reads Bitfinex's answer, has vaultd note it, and compares it with what was
// declared.
func (a *app) noteVerified(ctx context.Context, s *session, k *pb.ApiKey, version uint32, answer []byte) error {
	scopes, err := upstream.Permissions(answer)
	if err != nil {
		return failed("UNVERIFIED", "%v", err).withHint("what Bitfinex answers reads [[\"account\",1,0],…]")
	}
	request := &pb.NoteVerifiedRequest{Label: k.GetLabel(), Version: version}
	for _, scope := range scopes {
		request.Scopes = append(request.Scopes, &pb.Scope{Name: scope.Name, Read: scope.Read, Write: scope.Write})
	}
	noted, err := s.admin.NoteVerified(ctx, request)
	if err != nil {
		return err
	}
	a.remember(ctx, s, noted.GetRevision())
	views := viewsOfScopes(request.GetScopes())
	compared := compare(k.GetPermissions(), views)
	a.warnOfScopes(compared)
	return a.report(map[string]any{
		"ok": true, "label": k.GetLabel(), "version": version, "declared": k.GetPermissions(), "scopes": views,
		"beyond": compared.Beyond.Words(), "missing": compared.Missing.Words(), "revision": noted.GetRevision(),
	}, func() {
		a.printf("version %d of %s is verified: Bitfinex grants %s\n", version, k.GetLabel(), granted(views))
		if compared.Beyond|compared.Missing == 0 {
			a.printf("that is what was declared: %s\n", strings.Join(k.GetPermissions(), ","))
		}
	})
}

// compare holds what Bitfinex grants against what was declared.
func compare(declared []string, scopes []scopeView) vault.Compared {
	classes, _ := policy.ParseClasses(declared) // vaultd's own words
	all := make([]vault.Scope, 0, len(scopes))
	for _, s := range scopes {
		all = append(all, vault.Scope(s))
	}
	return vault.Compare(classes, all)
}

// warnOfScopes says what Bitfinex grants beyond what was declared, and what it does not.
func (a *app) warnOfScopes(c vault.Compared) {
	if len(c.Moves) > 0 {
		a.warnf("THIS API KEY CAN MOVE FUNDS (%s), and was not declared to: whoever has its secret can empty the account", strings.Join(c.Moves, ", "))
		a.hintf("make one without that permission at %s, and rotate to it", revokeAt)
	}
	if more := c.Beyond &^ policy.Withdraw; more != 0 {
		a.warnf("Bitfinex grants more than was declared: %s", strings.Join(more.Words(), ","))
		a.hintf("an API key that can do less is safer: make one at %s", revokeAt)
	}
	if c.Missing != 0 {
		a.warnf("Bitfinex does not grant what was declared: %s: requests that need it will be refused there", strings.Join(c.Missing.Words(), ","))
	}
	if len(c.Unknown) > 0 {
		a.warnf("Bitfinex grants writing to %s, and vaultctl does not know what that is", strings.Join(c.Unknown, ", "))
	}
}
