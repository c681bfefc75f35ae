package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bfxvault/cmd/internal/doctor"
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
	switch {
	case k.waits():
		add(doctor.Weak, "no version signs", fmt.Sprintf("vaultctl key verify %s, then vaultctl key promote %s", k.Label, k.Label))
	case !k.signs():
		add(doctor.Weak, "no version signs", fmt.Sprintf("vaultctl key rotate %s --api-key ID, then vaultctl key promote %s", k.Label, k.Label))
	}
	for _, v := range k.Versions {
		if v.State == stateActive && v.Verified == 0 {
			add(doctor.Weak, "nobody has asked Bitfinex what it may do", "vaultctl key verify "+k.Label)
		}
		v.findings(k, add)
	}
	return findings
}

// signs says whether there is an active version.
func (k keyView) signs() bool {
	return slices.ContainsFunc(k.Versions, func(v versionView) bool { return v.State == stateActive })
}

// forgotten is after how many days a staged version is one that nobody will promote.
const forgotten = 7

// findings adds what is wrong with a version, whatever its state. What Bitfinex lets it do
// stands until it is deleted there.
func (v versionView) findings(k keyView, add func(grade doctor.Grade, says, mend string)) {
	version := fmt.Sprintf("version %d ", v.Version)
	ended := v.State == stateRetired || v.State == stateRevoked
	if ended {
		add(doctor.Weak, version+"has ended, and its secret is still here", "delete it at "+revokeAt+", then: vaultctl key purge "+k.Label)
		return
	}
	if v.State == stateStaged && v.AgeDays >= forgotten {
		add(doctor.Weak, version+"is staged since "+date(v.Created)+" UTC, and signs nothing", fmt.Sprintf("vaultctl key promote %s, or vaultctl key revoke %s --version %d", k.Label, k.Label, v.Version))
	}
	switch c := compare(k.Permissions, v.Scopes); {
	case v.Verified == 0:
	case len(c.Moves) > 0:
		add(doctor.Insecure, version+"can move funds ("+strings.Join(c.Moves, ", ")+"), and was not declared to", "make one without that permission at "+revokeAt+", and: vaultctl key rotate "+k.Label+" --api-key ID")
	case c.Beyond != 0 || len(c.Unknown) > 0:
		add(doctor.Weak, version+"may do more at Bitfinex than was declared: "+strings.Join(append(c.Beyond.Words(), c.Unknown...), ","), "an API key that can do less")
	}
}
