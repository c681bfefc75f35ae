package vault

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"bfxvault/vault/internal/store"
	"bfxvault/vault/policy"
)

// usage is what a bot has used up to now: endpoints and symbols. It is asked at every
// signature and takes no lock unless there is something new.
type usage struct {
	bot   string
	words atomic.Pointer[map[string]struct{}]
	last  atomic.Int64 // when it was given a signature, unix seconds; 0 for not since the unlock

	mu    sync.Mutex
	dirty bool // there is something new since it was written
}

// maxUsage bounds how many words of a bot are remembered. Nobody is told of more.
const maxUsage = 1024

// usagePrefix is where usages stand in the bucket of the audit log, by bot: words, each
// followed by a line end.
const usagePrefix = "used/"

func newUsage(bot string, stored []byte) *usage {
	u := &usage{bot: bot}
	if len(stored) == 0 {
		return u
	}
	words := make(map[string]struct{})
	for word := range bytes.Lines(stored) {
		words[string(bytes.TrimSuffix(word, []byte("\n")))] = struct{}{}
	}
	u.words.Store(&words)
	return u
}

// isNew says whether a word was not used before, and remembers it.
func (u *usage) isNew(word []byte) bool {
	if u.knows(word) {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	words := map[string]struct{}{string(word): {}}
	if old := u.words.Load(); old != nil {
		if u.knows(word) || len(*old) >= maxUsage {
			return false
		}
		maps.Copy(words, *old)
	}
	u.words.Store(&words)
	u.dirty = true
	return true
}

// signed notes that a signature is given. Within a second it only reads, so that bots
// that sign all the time do not fight for the memory.
func (u *usage) signed(now int64) {
	if u.last.Load() < now {
		u.last.Store(now)
	}
}

func (u *usage) knows(word []byte) bool {
	words := u.words.Load()
	if words == nil {
		return false
	}
	_, known := (*words)[string(word)]
	return known
}

// change is what to write, where there is something new.
func (u *usage) change() (c change, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.dirty {
		return change{}, false
	}
	u.dirty = false
	words := slices.Sorted(maps.Keys(*u.words.Load()))
	return sealedChange(store.Audit, usagePrefix+u.bot, []byte(strings.Join(words, "\n")+"\n")), true
}

// used tells the owner of the first time that a bot uses an endpoint or a symbol.
func (v *Vault) used(g *grant, request *policy.Request) {
	u := g.usage
	if u.isNew([]byte(request.Endpoint)) {
		v.alert(AlertFirstUse, "bot "+g.bot+" uses "+request.Endpoint+" for the first time")
	}
	if request.Symbol != "" && u.isNew([]byte(request.Symbol)) {
		v.alert(AlertFirstUse, "bot "+g.bot+" uses symbol "+request.Symbol+" for the first time")
	}
	for i := range request.Ops {
		if symbol := request.Ops[i].Symbol; len(symbol) > 0 && u.isNew(symbol) {
			v.alert(AlertFirstUse, "bot "+g.bot+" uses symbol "+string(symbol)+" for the first time")
		}
	}
}

// usageOf is that of a bot, also of one that was removed and comes back: as it was stored,
// where it is asked for the first time.
func (u *unlocked) usageOf(bot string, stored []byte) *usage {
	u.usageMu.Lock()
	defer u.usageMu.Unlock()
	if u.usages == nil {
		u.usages = make(map[string]*usage)
	}
	if u.usages[bot] == nil {
		u.usages[bot] = newUsage(bot, stored)
	}
	return u.usages[bot]
}

// usageChanges are what of all usages is to be written.
func (u *unlocked) usageChanges() (changes []change) {
	u.usageMu.Lock()
	defer u.usageMu.Unlock()
	for _, bot := range sortedKeys(u.usages) {
		if c, ok := u.usages[bot].change(); ok {
			changes = append(changes, c)
		}
	}
	return changes
}
