package policyfile

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"bfxvault/vault/policy"
)

// Change is one difference between two policies.
type Change struct {
	Bot string `json:"bot"`
	// Key is the API key's label of the grant; empty where the bot itself changes.
	Key string `json:"key,omitzero"`
	// Field is what changes, in the file's words: "symbols", "max_order.BTC". It is
	// "bot" for a bot, and "key" for a grant, that comes or goes as a whole.
	Field string `json:"field"`
	Text  string `json:"text"`
	// Widens says that more may be signed afterwards, or that this cannot be ruled out.
	Widens bool `json:"widens"`
}

// String is the change on one line, "+" before what widens.
func (c Change) String() string {
	sign := "-"
	if c.Widens {
		sign = "+"
	}
	name := c.Bot
	if c.Key != "" {
		name += " " + c.Key
	}
	return fmt.Sprintf("%s %s: %s %s", sign, name, c.Field, c.Text)
}

// Diff lists what new changes of old, by bot, key and field. Where no Change widens,
// nothing is allowed under new that old denies (P3). A bot has one grant per API key
// in both, as in a File.
func Diff(old, new map[string]policy.BotSpec) []Change {
	var all []Change
	for _, name := range unionOf(old, new) {
		before, was := old[name]
		after, is := new[name]
		d := differ{bot: name}
		switch {
		case !was:
			d.widen("bot", "comes: %s", matches(after.Match))
		case !is:
			d.narrow("bot", "goes, and its grants with it")
			before.Grants = nil // said
		default:
			d.identity(&before, &after)
		}
		d.grants(before.Grants, after.Grants)
		all = append(all, d.changes...)
	}
	return all
}

// differ collects the changes of one bot.
type differ struct {
	bot, key string
	changes  []Change
}

func (d *differ) add(widens bool, field, format string, args ...any) {
	d.changes = append(d.changes, Change{d.bot, d.key, field, plain(fmt.Sprintf(format, args...)), widens})
}

func (d *differ) widen(field, format string, args ...any)  { d.add(true, field, format, args...) }
func (d *differ) narrow(field, format string, args ...any) { d.add(false, field, format, args...) }

// identity compares who a bot is. Any change of that widens: whoever is the bot now
// was not, or another bot's caller is now told apart.
func (d *differ) identity(old, new *policy.BotSpec) {
	if !slices.Equal(spelledMatches(old.Match), spelledMatches(new.Match)) {
		d.widen("match", "changes from %s to %s", matches(old.Match), matches(new.Match))
	}
	if old.Role != new.Role {
		d.widen("role", "changes from %q to %q", old.Role, new.Role)
	}
}

// spelledMatches are the matches as a file spells them, in a fixed order.
func spelledMatches(list []policy.Match) []string {
	words := make([]string, len(list))
	for i, m := range list {
		words[i] = inline(reflect.ValueOf(m))
	}
	slices.Sort(words)
	return slices.Compact(words)
}

func matches(list []policy.Match) string {
	if len(list) == 0 {
		return "nobody but its stand-in credentials"
	}
	return strings.Join(spelledMatches(list), " or ")
}

func (d *differ) grants(old, new []policy.GrantSpec) {
	before, after := byKey(old), byKey(new)
	for _, key := range unionOf(before, after) {
		d.key = key
		was, is := before[key], after[key]
		switch {
		case was == nil:
			d.widen("key", "gets a grant: allow %s", inline(reflect.ValueOf(is.Allow)))
		case is == nil:
			d.narrow("key", "loses its grant")
		default:
			d.permissions(was, is)
			d.rules(was, is)
		}
	}
}

func byKey(grants []policy.GrantSpec) map[string]*policy.GrantSpec {
	index := make(map[string]*policy.GrantSpec, len(grants))
	for i := range grants {
		index[grants[i].Key] = &grants[i]
	}
	return index
}

// unionOf are the keys of both, sorted.
func unionOf[V any](a, b map[string]V) []string {
	return slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, m := range []map[string]V{a, b} {
			for key := range m {
				if !yield(key) {
					return
				}
			}
		}
	}))
}

// Merge is what the vault has after a file is applied to what it had: the file's
// bots and grants, and those that the file does not name.
func Merge(had, file map[string]policy.BotSpec) map[string]policy.BotSpec {
	all := maps.Clone(had)
	if all == nil {
		all = make(map[string]policy.BotSpec, len(file))
	}
	for name, bot := range file {
		named := byKey(bot.Grants)
		bot.Grants = slices.Clone(bot.Grants)
		for _, g := range had[name].Grants {
			if named[g.Key] == nil {
				bot.Grants = append(bot.Grants, g)
			}
		}
		all[name] = bot
	}
	return all
}
