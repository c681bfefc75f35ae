package vault

import "bfxvault/vault/policy"

// Caller is the process at the other end of a sign.sock connection, as the kernel
// reports it (P4).
type Caller struct {
	UID, GID uint32
	// Process is asked only where a match names what it knows. Nil, or an error of
	// it, means that it could not be read, and then no such match holds.
	Process Process
	// Conn is the connection: what is equal to it came over the same.
	Conn any
}

// Process is a running program. What cannot be told of it is an error.
type Process interface {
	// Unit is the full cgroup path of its unit of the system manager.
	Unit() (string, error)
	// Exe is the path of its executable.
	Exe() (string, error)
	// SHA256 is the sum of its executable's content.
	SHA256() ([32]byte, error)
}

// find returns the API key and the grant that a caller may use. Unknown bot,
// unknown label and no grant end in the same error.
func (s *snapshot) find(c Caller, r *SignRequest) (*apiKey, *grant, error) {
	name, label := r.Bot, r.Label
	if r.StandIn != nil {
		return s.findByStandIn(c, r.StandIn)
	}
	b, err := s.botOf(c, name)
	if err != nil {
		return nil, nil, err
	}
	if b == nil || b.grants[label] == nil {
		return nil, nil, noGrant()
	}
	return s.keys[label], b.grants[label], nil
}

// botOf returns the bot that a caller is: the named one, or the only one that
// matches. Nil is nobody. vaultproxy without a grant of its own is no bot beside others.
func (s *snapshot) botOf(c Caller, name string) (*bot, error) {
	caller := lazyCaller{process: c.Process, known: policy.Caller{UID: c.UID, GID: c.GID}}
	if name != "" {
		b := s.bots[name]
		if b == nil || !caller.is(b) {
			return nil, nil
		}
		return b, nil
	}
	var found *bot
	for _, list := range s.candidates(&caller) {
		for _, b := range list {
			if found == b || policy.IsProxy(b.role) && len(b.grants) == 0 || !caller.is(b) {
				continue
			}
			if found != nil {
				return nil, fail("sign", KindAmbiguous, "several bots match this caller").hint("name one in the request")
			}
			found = b
		}
	}
	return found, nil
}

// candidates are the bots that a caller may be: those of its uid, those of its unit if
// any bot has one, and those that can only be tried.
func (s *snapshot) candidates(c *lazyCaller) [3][]*bot {
	lists := [3][]*bot{s.byUID[c.known.UID], nil, s.other}
	if len(s.byUnit) > 0 {
		c.ask(&policy.Match{Unit: "?"})
		lists[1] = s.byUnit[c.known.Unit]
	}
	return lists
}

// lazyCaller asks the process what it is at the first match that could hold but for
// the answer.
type lazyCaller struct {
	process           Process
	known             policy.Caller
	unit, exe, sha256 bool // has been asked
}

func (c *lazyCaller) is(b *bot) bool {
	for i := range b.match {
		// What is cheap to know first: reading an executable can take a second.
		m := b.match[i]
		m.SHA256 = nil
		c.ask(&m)
		if (m == policy.Match{} || m.Matches(c.known)) && c.isContent(b.match[i]) {
			return true
		}
	}
	return false
}

// isContent says whether a match holds with the content of the executable.
func (c *lazyCaller) isContent(m policy.Match) bool {
	if m.SHA256 != nil && !c.sha256 && c.process != nil {
		c.sha256 = true
		if sum, err := c.process.SHA256(); err == nil {
			c.known.SHA256 = (*policy.Digest)(&sum)
		}
	}
	return m.Matches(c.known)
}

// ask finds out what a match needs of unit and path, if uid and gid hold. What
// cannot be told stays unknown, and no match that names it holds.
func (c *lazyCaller) ask(m *policy.Match) {
	ids := policy.Match{UID: m.UID, GID: m.GID}
	if c.process == nil || ids != (policy.Match{}) && !ids.Matches(c.known) {
		return
	}
	if m.Unit != "" && !c.unit {
		c.unit = true
		if unit, err := c.process.Unit(); err == nil {
			c.known.Unit = unit
		}
	}
	if m.Exe != "" && !c.exe {
		c.exe = true
		if exe, err := c.process.Exe(); err == nil {
			c.known.Exe = exe
		}
	}
}
