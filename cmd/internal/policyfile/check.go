package policyfile

import (
	"errors"
	"strings"

	"bfxvault/vault/policy"
)

const nameReason = "a name has 1 to 32 of a-z, 0-9 and -"

// checkBots refuses what could not be stored. What the decoder could not read has
// been reported and is passed over.
func checkBots(r *reporter, root *node, endpoints []string) {
	bots := root.fields["bots"]
	if bots == nil {
		return
	}
	for _, name := range names(bots.value.fields) {
		bot := bots.value.fields[name]
		if !policy.IsName(name) {
			r.add(bot.at, "%q cannot be a bot's name: %s", name, nameReason)
		}
		checkBot(r, bot.value)
		for _, m := range bot.value.list("match") {
			checkMatch(r, m)
		}
		checkGrants(r, bot.value.list("grants"), endpoints)
	}
}

// list returns the items of a list, none where it is not there.
func (n *node) list(name string) []*node {
	if f := n.fields[name]; f != nil {
		return f.value.items
	}
	return nil
}

// checkBot checks a bot apart from its matches and grants.
func checkBot(r *reporter, n *node) {
	var bot policy.BotSpec
	scratch().value(reflectValue(&bot), n)
	bot.Match, bot.Grants = nil, nil
	var wrong *policy.SpecError
	if err := bot.Check(); errors.As(err, &wrong) {
		at := n.at
		if f := n.fields[wrong.Field]; f != nil {
			at = f.value.at
		}
		r.add(at, "%s", wrong.Error())
	}
}

func checkMatch(r *reporter, n *node) {
	var m policy.Match
	d := scratch()
	if d.value(reflectValue(&m), n); len(d.errs) > 0 {
		return
	}
	var wrong *policy.SpecError
	if err := m.Check(); errors.As(err, &wrong) {
		at := n.at
		_, selector, _ := strings.Cut(wrong.Field, ".")
		if f := n.fields[selector]; f != nil {
			at = f.value.at
		}
		r.add(at, "%s", wrong.Error())
	}
}

func checkGrants(r *reporter, grants []*node, endpoints []string) {
	seen := map[string]span{}
	for _, n := range grants {
		key := n.fields["key"]
		if key == nil {
			r.add(n.at, `a grant needs a key: the label of the API key that it is for`)
		} else if label := key.value.text; !policy.IsName(label) {
			r.add(key.value.at, "%q cannot be an API key's label: %s", label, nameReason)
		} else if first, twice := seen[label]; twice {
			r.add(key.value.at, "this bot has a grant for %q already, in line %d: one per bot and API key", label, r.line(first))
		} else {
			seen[label] = key.value.at
		}
		g := grantCheck{reporter: r, endpoints: endpoints}
		scratch().value(reflectValue(&g.spec), n)
		if n.fields["allow"] != nil && g.spec.Allow == nil {
			g.spec.Withdraw = nil // whether it fits, nobody can say
		}
		g.run(n)
	}
}
