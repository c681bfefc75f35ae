package vault

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"bfxvault/vault/internal/record"
	"bfxvault/vault/internal/store"
)

// The sealed settings of a vault. The value of each is empty where nothing else is said: it
// is there or it is not.
const (
	// panicCancels: Panic may cancel all orders without a proof.
	panicCancels = "panic_cancel_all"
	// humanOnly: only a slot that a human opens unlocks, since a panic.
	humanOnly = "human_only"
	// restored is when a file that may be older was accepted last: 8 bytes, unix seconds.
	restored = "restored"
	// config is what the vault was unlocked with last, a record.Settings.
	config = "config"
)

// openSetting files one of the records of its bucket.
func (c *contents) openSetting(key string, plain []byte) (err error) {
	switch key {
	case config:
		c.config = new(record.Settings)
		*c.config, err = record.Parse[record.Settings](plain)
	case panicCancels:
		c.panicCancels = true
	case humanOnly:
		c.humanOnly = true
	case restored:
		if len(plain) != 8 {
			return errors.New("a time is 8 bytes")
		}
		c.restored = int64(binary.BigEndian.Uint64(plain))
	default:
		err = errors.New("unknown record")
	}
	return err
}

// setting makes the change that sets or removes a setting.
func setting(key string, on bool) change {
	return change{place: place{store.Settings, key}, plain: []byte{}, remove: !on}
}

// settingsOf are those of the options that guard something.
func settingsOf(o Options) record.Settings {
	return record.Settings{
		Synced: o.Synced, KeepAge: int64(o.Keep.Age / time.Second), KeepBytes: o.Keep.Bytes, Anchor: o.Anchor,
		IdleLock: int64(o.AutoLock.Idle / time.Second), MaxUnlock: int64(o.AutoLock.Max / time.Second),
		SignGroup: o.SignGroup, AdminGroup: o.AdminGroup,
	}
}

// configChange makes the change that notes what the vault is unlocked with.
func (v *Vault) configChange(op string) ([]change, error) {
	return recordChange(op, store.Settings, config, v.settings)
}

// checkConfig refuses settings that are laxer than those of the last unlock, unless the
// operator accepts them: who can write config.toml cannot by that keep a vault open for
// longer, let others in, or shorten the log. What is accepted, or stricter, is what the
// next unlock is held to.
func (v *Vault) checkConfig(op string, o *opening, c *contents) (err error) {
	if c.config != nil && *c.config == v.settings {
		return nil
	}
	if c.config != nil && !o.backup && !o.request.AcceptConfig {
		if names := c.config.Laxer(v.settings); len(names) > 0 {
			return fail(op, KindConfigLaxer, "config.toml is laxer than at the last unlock: %s", strings.Join(names, ", ")).
				hint("put it back, and restart vaultd; or if you changed it: vaultctl unlock --accept-config")
		}
	}
	o.config, err = v.configChange(op)
	return err
}
