package audit

// beginGap goes on behind a gap, which the next unlock has to accept. It must begin
// where the good records end: what was accepted is what was missing then, and no more.
func (v *verifier) beginGap(seq uint64, h header) {
	good := v.at
	if v.gap != nil { // nobody has accepted that one: this may be the next try
		good = v.base
	}
	switch {
	case v.first == 0:
		good = Position{h.after, h.before}
		v.begin(seq, h.before)
		v.named = v.named || h.after == 0
	case h.after != good.Seq || h.before != good.Head || seq <= v.at.Seq:
		v.bad(v.at.Seq+1, "it is missing: a segment goes on behind another record")
		return
	}
	v.gap, v.base = &Gap{good.Seq + 1, seq}, good
	if v.lost > 0 {
		v.gap.First = min(v.gap.First, v.lost)
	}
	v.at = Position{seq - 1, h.before}
	v.dead, v.anchored = false, false
	if v.plain == 0 {
		v.plain = seq
	}
	v.enter(h)
}

// judgeGap accepts a gap, or not, by the first unlock behind it.
func (v *verifier) judgeGap(e Entry) {
	if !e.Accepted {
		v.bad(v.gap.First, "it is missing, and the unlock behind has not accepted that")
		return
	}
	v.report.Accepted = append(v.report.Accepted, *v.gap)
	v.gap = nil
	if v.broken == 0 || v.broken > v.base.Seq { // what is wrong before it, nobody has seen
		v.report.FirstBad, v.report.Problem = nil, ""
		v.broken, v.lost = 0, 0
	}
}

func (v *verifier) noteGap() {
	v.note(v.gap.First, "it is missing, and nobody has accepted that")
}
