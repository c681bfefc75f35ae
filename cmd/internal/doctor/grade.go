package doctor

// Grade is how good a part of a set-up is.
type Grade string

// The grades, the best first. What could not be looked at counts as weak: unknown means no.
const (
	Secure   Grade = "secure"
	Unseen   Grade = "unseen"
	Weak     Grade = "weak"
	Insecure Grade = "insecure"
)

// Finding is a line of the report.
type Finding struct {
	Check string `json:"check"` // a word for what was looked at
	Grade Grade  `json:"grade"`
	Says  string `json:"says"`           // what was found: a sentence without a full stop
	Mend  string `json:"mend,omitempty"` // what to do about it; empty where nothing is
}

// Overall is the grade of all findings together: that of the worst.
func Overall(findings []Finding) Grade {
	worst := Secure
	for _, f := range findings {
		if f.Grade.rank() > worst.rank() {
			worst = f.Grade
		}
	}
	if worst == Unseen {
		return Weak
	}
	return worst
}

// Worse orders grades, the worst first.
func Worse(a, b Grade) int { return b.rank() - a.rank() }

func (g Grade) rank() int {
	switch g {
	case Secure:
		return 0
	case Unseen:
		return 1
	case Weak:
		return 2
	case Insecure:
	}
	return 3
}
