package doctor

import (
	"os"
	"strings"
)

// Sleep grades what becomes of an unlocked vault when the machine sleeps, where it can:
// its memory stays as it is, and a bag is no safe. user is whom vaultd runs as; root is
// where the machine's files are, "/" of the machine itself.
func Sleep(root, user string) []Finding {
	state, err := os.ReadFile(root + "/sys/power/state")
	if err != nil || strings.TrimSpace(string(state)) == "" {
		return nil // a container, say
	}
	const units = "/etc/systemd/system/"
	if target, err := os.Readlink(root + units + "sleep.target"); err == nil && target == os.DevNull {
		return []Finding{{"sleep", Secure, "the machine does not sleep", ""}}
	}
	if _, err := os.Stat(root + "/run/systemd/system"); err != nil {
		return []Finding{{"sleep", Unseen, "whether anything locks the vault before the machine sleeps: no systemd runs here", "vaultctl lock in what runs before sleep"}}
	}
	unit := "bfxvault-lock-sleep@" + user
	if user == serviceUser {
		unit = "bfxvault-lock-sleep"
	}
	if _, err := os.Lstat(root + units + "sleep.target.wants/" + unit + ".service"); err != nil {
		return []Finding{{"sleep", Weak, "an unlocked vault stays so while the machine sleeps", "systemctl enable " + unit + "; where it never sleeps: systemctl mask sleep.target"}}
	}
	return []Finding{{"sleep", Secure, "the vault is locked before the machine sleeps", ""}}
}

// serviceUser is whom the system service runs as.
const serviceUser = "bfxvault"
