package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bfxvault/cmd/internal/doctor"
	"bfxvault/cmd/internal/policyfile"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault/policy"
)

// botFindings grade bots and what they may do. me is the operator.
func (o *overview) botFindings(me uint32) (findings []doctor.Finding, err error) {
	bots := make([]botView, len(o.bots))
	for i, b := range o.bots {
		if bots[i], err = viewOfBot(b); err != nil {
			return nil, err
		}
	}
	for i, v := range bots {
		advice := policyfile.Advice(map[string]policy.BotSpec{v.Name: botSpec(o.bots[i], v)})
		findings = append(findings, v.findings(me, o.status.GetSetup().GetUid(), advice)...)
	}
	findings = append(findings, sharedUsers(bots)...)
	if len(bots) > 0 && len(findings) == 0 {
		findings = append(findings, doctor.Finding{Check: "bots", Grade: doctor.Secure, Says: "bots are known by a user or a unit, and no grant bounds less than it seems to"})
	}
	return findings, nil
}

// botSpec is a bot as a policy file has it.
func botSpec(b *pb.Bot, v botView) (spec policy.BotSpec) {
	for _, m := range b.GetMatches() {
		match := policy.Match{UID: m.Uid, GID: m.Gid, Unit: m.GetUnit(), Exe: m.GetExe()}
		if len(m.GetSha256()) == len(policy.Digest{}) {
			digest := policy.Digest(m.GetSha256())
			match.SHA256 = &digest
		}
		spec.Match = append(spec.Match, match)
	}
	for _, g := range v.Grants {
		spec.Grants = append(spec.Grants, g.spec)
	}
	return spec
}

// findings grade a bot: me is the operator, and daemon whom vaultd runs as.
func (v botView) findings(me, daemon uint32, advice []string) (findings []doctor.Finding) {
	add := func(says, mend string) {
		findings = append(findings, doctor.Finding{Check: "bots", Grade: doctor.Weak, Says: says, Mend: mend})
	}
	if v.Suspended != 0 {
		add(v.Name+": suspended since "+date(v.Suspended)+" UTC, so nothing is signed for it", fmt.Sprintf("vaultctl bot enable %s, or vaultctl bot remove %s", v.Name, v.Name))
	}
	for _, uid := range v.uids() {
		switch uid {
		case daemon:
			add(v.Name+": runs as vaultd's user, and is not kept from its files", "a user of its own")
		case me:
			add(v.Name+": runs as your user, and so does every other program of yours", "a user of its own")
		case 0:
			add(v.Name+": runs as root, which nothing is kept from", "a user of its own")
		}
	}
	if slices.ContainsFunc(v.Match, matchView.groupAlone) {
		add(v.Name+": known by a group alone, so whoever is in it is taken for the bot", "a user of its own")
	}
	for _, sentence := range advice {
		add(sentence, "vaultctl bot add, vaultctl grant or a policy file: docs/policy.md")
	}
	return findings
}

// groupAlone says whether nothing but a group is asked for. Of programs, advice speaks.
func (m matchView) groupAlone() bool {
	return m.GID != nil && m.UID == nil && m.Unit == "" && m.Exe == "" && m.SHA256 == ""
}

// uids are the users that a bot is known by, each once.
func (v botView) uids() (uids []uint32) {
	for _, m := range v.Match {
		if m.UID != nil && !slices.Contains(uids, *m.UID) {
			uids = append(uids, *m.UID)
		}
	}
	return uids
}

// sharedUsers are users that several bots have: those are told apart, at best, and not
// kept from one another.
func sharedUsers(bots []botView) (findings []doctor.Finding) {
	of := make(map[uint32][]string)
	for _, v := range bots {
		for _, uid := range v.uids() {
			of[uid] = append(of[uid], v.Name)
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(of)) {
		if len(of[uid]) > 1 {
			findings = append(findings, doctor.Finding{
				Check: "bots", Grade: doctor.Weak, Says: fmt.Sprintf("%s run as one user (uid %d), and are not kept from one another", strings.Join(of[uid], ", "), uid), Mend: "a user for each bot",
			})
		}
	}
	return findings
}
