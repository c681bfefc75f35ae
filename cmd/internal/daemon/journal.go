package daemon

import (
	"encoding/hex"
	"log/slog"
	"strconv"

	"github.com/coreos/go-systemd/v22/journal"

	"bfxvault/vault"
)

// toJournal notes in the system journal how new the vault is, where there is one:
// vaultctl looks there before it unlocks. Nil where there is none.
func toJournal(log *slog.Logger) func(vault.Mark) {
	if !journal.Enabled() {
		return nil
	}
	return func(m vault.Mark) {
		err := journal.Send("checkpoint of the vault", journal.PriDebug, map[string]string{
			"BFXVAULT_ID":       hex.EncodeToString(m.VaultID[:]),
			"BFXVAULT_REVISION": strconv.FormatUint(m.Revision, 10),
			"BFXVAULT_SEQ":      strconv.FormatUint(m.Seq, 10),
			"BFXVAULT_HEAD":     hex.EncodeToString(m.Head[:]),
		})
		if err != nil {
			log.Warn("the journal could not be told how new the vault is", "error", err)
		}
	}
}
