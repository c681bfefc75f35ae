package vault

import (
	"errors"

	"bfxvault/vault/internal/store"
)

// The sealed settings of a vault. The value of each is empty: it is there or it is not.
const (
	// panicCancels: Panic may cancel all orders without a proof.
	panicCancels = "panic_cancel_all"
	// humanOnly: only a slot that a human opens unlocks, since a panic.
	humanOnly = "human_only"
)

// openSetting files one of the records of its bucket.
func (c *contents) openSetting(key string) error {
	switch key {
	case panicCancels:
		c.panicCancels = true
	case humanOnly:
		c.humanOnly = true
	default:
		return errors.New("unknown record")
	}
	return nil
}

// setting makes the change that sets or removes a setting.
func setting(key string, on bool) change {
	return change{place: place{store.Settings, key}, plain: []byte{}, remove: !on}
}
