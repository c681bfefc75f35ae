package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"bfxvault/cmd/internal/doctor"
	"bfxvault/vault"
)

// A status is one screen: 24 lines of 80 columns for an ordinary vault. A section has a
// title and so many lines; the rest of it is counted, with the command that has it all.
const (
	screenWidth = 80
	titleWidth  = 12

	mostKeys, mostBots, mostLimits, mostAlerts = 4, 4, 3, 4
)

func (a *app) printStatus(o *overview, keys []keyState, bots []botState, near []nearLimit) {
	s := o.status
	a.printf("%s%s\n", o.headline(), lockingLine(s))
	for _, problem := range o.problems() {
		a.section("problem", []string{problem})
	}
	a.section("key slots", joined(o.slotNames()))
	var lines [][2]string
	for _, k := range keys {
		lines = append(lines, [2]string{k.Label, k.String()})
	}
	a.section("API keys", cut(columns(lines, mostKeys), len(lines), mostKeys, "vaultctl key list"))
	lines = nil
	for _, b := range bots {
		lines = append(lines, [2]string{b.Name, b.String()})
	}
	a.section("bots", cut(columns(lines, mostBots), len(lines), mostBots, "vaultctl bot list"))
	var limits []string
	for _, n := range near {
		limits = append(limits, n.String())
	}
	a.section("limits", cut(limits, len(limits), mostLimits, "vaultctl status --json"))
	a.section("alerts", o.alertLines())
	a.section("disk", diskLines(o.disks))
	a.section("memory", []string{memoryLine(s.GetSetup().GetMemory(), s.GetSetup().GetMemlockLimit(), s.GetSetup().GetMemlockUsed())})
	a.section("not told", o.untold)
	a.section("next", o.next())
}

// headline says what state the vault is in, and since when.
func (o *overview) headline() string {
	s := o.status
	line := s.GetState()
	if s.GetSince() != 0 {
		line += " since " + date(s.GetSince()) + " UTC"
	}
	if vault.State(s.GetState()) == vault.Unlocked {
		line += fmt.Sprintf(", %s, %s, %s", count(s.GetKeys(), "API key"), count(s.GetBots(), "bot"), count(s.GetGrants(), "grant"))
	}
	return line
}

// next is what opens the vault, where nothing is in its way.
func (o *overview) next() []string {
	switch state := vault.State(o.status.GetState()); {
	case o.status.GetProblem() != "":
		return nil
	case state == vault.Uninitialised:
		return []string{"vaultctl init"}
	case state == vault.Locked:
		return []string{"vaultctl unlock"}
	}
	return nil
}

func (o *overview) problems() (list []string) {
	if problem := o.status.GetProblem(); problem != "" {
		list = append(list, problem)
	}
	if problem := o.status.GetAuditProblem(); problem != "" {
		list = append(list, "nothing is signed: "+problem)
	}
	return list
}

func (o *overview) slotNames() (names []string) {
	for _, s := range o.slots {
		names = append(names, strconv.FormatUint(uint64(s.GetId()), 10)+" "+s.GetKind())
	}
	return names
}

// alertLines are what holds now, and the newest of what has happened.
func (o *overview) alertLines() []string {
	lines := append([]string{}, o.status.GetAlerts()...)
	recent := o.status.GetRecent()
	older := max(0, len(recent)-mostAlerts)
	for _, alert := range recent[older:] {
		lines = append(lines, date(alert.GetTime())+" UTC "+alert.GetName()+": "+alert.GetDetail())
	}
	return cut(lines, len(lines)+older, len(lines), "vaultctl audit tail --alerts")
}

func diskLines(disks []doctor.Disk) (lines []string) {
	for _, d := range disks {
		line := size(d.Free) + " free under " + d.Path
		switch {
		case d.Free < doctor.Reserve:
			line += ": free space; vaultd cannot reserve what it needs to go on signing"
		case d.Free < doctor.LowDisk:
			line += ": free space; vaultd reserves " + size(doctor.Reserve)
		}
		lines = append(lines, line)
	}
	return lines
}

func memoryLine(kind string, limit, used uint64) string {
	if limit == math.MaxUint64 {
		return fmt.Sprintf("secrets in %s; %s locked, without a limit", kind, size(used))
	}
	return fmt.Sprintf("secrets in %s; %s locked of %s", kind, size(used), size(limit))
}

// size is a number of bytes for people.
func size(n uint64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(n), 0
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if unit == 0 || value >= 100 {
		return fmt.Sprintf("%.0f %s", value, units[unit])
	}
	return fmt.Sprintf("%.3g %s", value, units[unit])
}

func joined(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return []string{strings.Join(names, ", ")}
}

// columns aligns the second half of the first lines.
func columns(pairs [][2]string, most int) []string {
	pairs = pairs[:min(len(pairs), most)]
	width := 0
	for _, p := range pairs {
		width = max(width, len(p[0]))
	}
	lines := make([]string, len(pairs))
	for i, p := range pairs {
		lines[i] = fmt.Sprintf("%-*s  %s", width, p[0], p[1])
	}
	return lines
}

// cut leaves so many lines and says how many more there are, and where.
func cut(lines []string, all, most int, where string) []string {
	lines = lines[:min(len(lines), most)]
	if more := all - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more: %s", more, where))
	}
	return lines
}

// section prints lines behind a title, each folded to the screen; none, and nothing is
// printed.
func (a *app) section(title string, lines []string) {
	title += ":"
	for _, line := range lines {
		for _, folded := range fold(line, screenWidth-titleWidth) {
			a.printf("%-*s%s\n", titleWidth, title, folded)
			title = ""
		}
	}
}

// fold breaks a line between words where it is too long. What follows is set in.
func fold(line string, width int) (lines []string) {
	for utf8.RuneCountInString(line) > width {
		at := strings.LastIndex(line[:min(len(line), width+1)], " ")
		if at <= 2 {
			break // one long word stays whole
		}
		lines = append(lines, line[:at])
		line = "  " + line[at+1:]
	}
	return append(lines, line)
}
