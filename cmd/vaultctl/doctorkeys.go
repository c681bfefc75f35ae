package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bfxvault/cmd/internal/doctor"
	"bfxvault/cmd/internal/policyfile"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault/operator"
	"bfxvault/vault/policy"
)

// slotFindings grade what opens the vault.
func (o *overview) slotFindings() (findings []doctor.Finding) {
	if len(o.slots) == 0 {
		return nil
	}
	human, below := 0, operator.WeakBelow()
	for _, s := range o.slots {
		v := viewOfSlot(s, below)
		if v.Kind != "keyfile" {
			human++
		}
		if v.Weak {
			findings = append(findings, doctor.Finding{
				Check: "key slots", Grade: doctor.Weak, Says: fmt.Sprintf("a passphrase for key slot %d is tried in less than a quarter of a second", v.Slot), Mend: "vaultctl slot upgrade",
			})
		}
	}
	if human < 2 {
		findings = append(findings, doctor.Finding{
			Check: "key slots", Grade: doctor.Weak, Says: "with the passphrase everything is lost", Mend: "vaultctl slot add recovery",
		})
	}
	if len(findings) == 0 {
		findings = append(findings, doctor.Finding{Check: "key slots", Grade: doctor.Secure, Says: "the passphrase takes time to guess, and another key slot opens the vault without it"})
	}
	return findings
}

// keyFindings grade API keys.
func (o *overview) keyFindings() (findings []doctor.Finding) {
	for _, k := range o.keys {
		findings = append(findings, keyFindings(viewOfKey(k, time.Now()))...)
	}
	if len(o.keys) > 0 && len(findings) == 0 {
		findings = append(findings, doctor.Finding{Check: "API keys", Grade: doctor.Secure, Says: "API keys are new, verified, one for each bot, and can do what was declared"})
	}
	return findings
}

func keyFindings(k keyView) (findings []doctor.Finding) {
	add := func(grade doctor.Grade, says, mend string) {
		findings = append(findings, doctor.Finding{Check: "API keys", Grade: grade, Says: k.Label + ": " + says, Mend: mend})
	}
	if k.Rotate {
		add(doctor.Weak, "older than 90 days", fmt.Sprintf("vaultctl key rotate %s --api-key ID", k.Label))
	}
	if len(k.Bots) > 1 {
		add(doctor.Weak, "shared by "+strings.Join(k.Bots, ", ")+": they cannot be told apart at Bitfinex, nor revoked one by one", "an API key for each bot")
	}
	if slices.Contains(k.Permissions, policy.Withdraw.String()) {
		add(doctor.Weak, "declared to withdraw", "an API key without that permission, and one of its own for what withdraws")
	}
	for _, v := range k.Versions {
		ended := v.State == stateRetired || v.State == stateRevoked
		switch c := compare(k.Permissions, v.Scopes); {
		case ended:
			add(doctor.Weak, fmt.Sprintf("version %d has ended, and its secret is still here", v.Version), "delete it at "+revokeAt+", then: vaultctl key purge "+k.Label)
		case v.State != stateActive:
		case v.Verified == 0:
			add(doctor.Weak, "nobody has asked Bitfinex what it may do", "vaultctl key verify "+k.Label)
		case len(c.Moves) > 0:
			add(doctor.Insecure, "can move funds ("+strings.Join(c.Moves, ", ")+"), and was not declared to", "make one without that permission at "+revokeAt+", and: vaultctl key rotate "+k.Label+" --api-key ID")
		case c.Beyond != 0 || len(c.Unknown) > 0:
			add(doctor.Weak, "Bitfinex grants more than was declared: "+strings.Join(append(c.Beyond.Words(), c.Unknown...), ","), "an API key that can do less")
		}
	}
	return findings
}

// botFindings grade bots and what they may do. me is the operator.
func (o *overview) botFindings(me uint32) (findings []doctor.Finding, err error) {
	for _, b := range o.bots {
		v, err := viewOfBot(b)
		if err != nil {
			return nil, err
		}
		findings = append(findings, v.findings(me, o.status.GetSetup())...)
	}
	if len(o.bots) > 0 && len(findings) == 0 {
		findings = append(findings, doctor.Finding{Check: "bots", Grade: doctor.Secure, Says: "bots have users of their own, and their grants are narrow"})
	}
	return findings, nil
}

func (v botView) findings(me uint32, setup *pb.Setup) (findings []doctor.Finding) {
	add := func(says, mend string) {
		findings = append(findings, doctor.Finding{Check: "bots", Grade: doctor.Weak, Says: v.Name + ": " + says, Mend: mend})
	}
	spec := policy.BotSpec{}
	for _, m := range v.Match {
		switch {
		case m.UID == nil:
		case *m.UID == setup.GetUid():
			add("runs as vaultd's user, and is not kept from its files", "a user of its own")
		case *m.UID == me:
			add("runs as your user, and so does every other program of yours", "a user of its own")
		}
	}
	for _, g := range v.Grants {
		spec.Grants = append(spec.Grants, g.spec)
	}
	for _, sentence := range policyfile.Advice(map[string]policy.BotSpec{v.Name: spec}) {
		findings = append(findings, doctor.Finding{Check: "bots", Grade: doctor.Weak, Says: sentence, Mend: "vaultctl grant, or a policy file: docs/policy.md"})
	}
	return findings
}
