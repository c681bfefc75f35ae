package main

import (
	"fmt"
	"math"
	"strings"

	"bfxvault/cmd/internal/doctor"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// setupFindings grade vaultd: its user, memory, disk and settings. me is the operator.
func (o *overview) setupFindings(me uint32) (findings []doctor.Finding) {
	setup := o.status.GetSetup()
	add := func(check string, bad bool, says, mend, good string) {
		switch {
		case bad:
			findings = append(findings, doctor.Finding{Check: check, Grade: doctor.Weak, Says: says, Mend: mend})
		case good != "":
			findings = append(findings, doctor.Finding{Check: check, Grade: doctor.Secure, Says: good})
		}
	}
	findings = append(append(findings, o.troubles()...), userFinding(setup.GetUid(), me))
	add("memory", setup.GetMemory() != "memfd_secret", "secrets lie in memory that is locked, and that the kernel can read",
		"Linux 5.14 or later, with memfd_secret; 6.5 has it without a boot parameter", "secrets lie in memory that not even the kernel maps")
	add("memlock", memlockFull(setup), memoryLine(setup.GetMemory(), setup.GetMemlockLimit(), setup.GetMemlockUsed())+": the next API keys may find no room",
		"LimitMEMLOCK=16M in the unit, or ulimit -l 16384", "")
	add("durability", false, "", "", durability(setup.GetSynced()))
	add("rollback", !setup.GetAnchor() && !setup.GetJournal(), "nothing outside the vault's folder knows how new it is: an older copy put back with its log goes unnoticed",
		"anchor in config.toml: a file on another disk", "an older copy of the vault is noticed by what is kept elsewhere")
	if vault.State(o.status.GetState()) != vault.Uninitialised {
		add("auto-lock", o.status.GetIdleLock() == 0 && o.status.GetMaxUnlock() == 0, "once unlocked, the vault stays so",
			"idle_lock or max_unlock in config.toml", "the vault locks by itself")
	}
	add("panic", o.status.GetPanicCancelAll(), "whoever reaches admin.sock may cancel all orders", "vaultctl panic allow off", "")
	add("alerts", len(o.status.GetRecent()) > 0, count(uint32(len(o.status.GetRecent())), "alert")+" since vaultd's start", "vaultctl status, then vaultctl audit tail --alerts", "")
	return append(findings, o.diskFindings()...)
}

// troubles are what vaultd itself complains of.
func (o *overview) troubles() (findings []doctor.Finding) {
	s := o.status
	if s.GetProblem() != "" {
		findings = append(findings, doctor.Finding{Check: "vault", Grade: doctor.Insecure, Says: "the vault cannot be used: " + s.GetProblem(), Mend: "docs/operations.md says what each reason asks for; a backup: vaultctl backup restore"})
	}
	if s.GetAuditProblem() != "" {
		findings = append(findings, doctor.Finding{Check: "audit log", Grade: doctor.Weak, Says: "nothing is signed: " + s.GetAuditProblem(), Mend: "room on its disk; vaultctl audit verify"}) // it refuses, and so loses nothing
	}
	for _, alert := range s.GetAlerts() {
		says, command, named := strings.Cut(alert, ": vaultctl ")
		mend := "vaultctl " + command
		if !named {
			says, mend = alert, "the right time, then vaultctl lock and vaultctl unlock"
		}
		findings = append(findings, doctor.Finding{Check: "alerts", Grade: doctor.Weak, Says: says, Mend: mend})
	}
	return findings
}

// durability says what a power cut can take. Either is as it was meant.
func durability(synced bool) string {
	if synced {
		return "no signature leaves before its audit record is on disk"
	}
	return "no signature leaves before its audit record is written; a power cut may take those of the last 100 ms"
}

// userFinding grades who vaultd runs as: what runs as its user is not kept from it.
func userFinding(uid, me uint32) doctor.Finding {
	const mend = "run vaultd as the system service, under a user of its own: docs/operations.md"
	switch {
	case uid == 0:
		return doctor.Finding{Check: "users", Grade: doctor.Weak, Says: "vaultd runs as root", Mend: mend}
	case uid == me:
		return doctor.Finding{Check: "users", Grade: doctor.Weak, Says: "vaultd runs as your own user, so every program of yours reaches its files and its admin.sock", Mend: mend}
	}
	return doctor.Finding{Check: "users", Grade: doctor.Secure, Says: fmt.Sprintf("vaultd runs under a user of its own (uid %d)", uid)}
}

// memlockFull says whether less than a quarter of the memory that may be locked is left.
func memlockFull(s *pb.Setup) bool {
	return s.GetMemlockLimit() != math.MaxUint64 && s.GetMemlockUsed() > s.GetMemlockLimit()/4*3
}

func (o *overview) diskFindings() (findings []doctor.Finding) {
	for i, line := range diskLines(o.disks) {
		f := doctor.Finding{Check: "disk", Grade: doctor.Secure, Says: line}
		if free := o.disks[i].Free; free < doctor.LowDisk {
			f.Grade = doctor.Weak // it refuses to sign, and loses nothing
		}
		findings = append(findings, f)
	}
	if len(o.disks) == 0 {
		findings = append(findings, doctor.Finding{Check: "disk", Grade: doctor.Unseen, Says: "how much is free on the vault's disk"})
	}
	return findings
}
