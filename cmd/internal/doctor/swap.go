package doctor

import (
	"os"
	"path/filepath"
	"strings"
)

// swap looks for memory that is written to a disk. What vaultd holds is not, but what is
// typed into vaultctl, and what bots hold, may be; and where the machine hibernates,
// everything is that no memfd_secret keeps out.
func swap(root string) Finding {
	text, err := os.ReadFile(root + "/proc/swaps")
	if err != nil {
		return Finding{"swap", Unseen, "it cannot be seen where memory is swapped to: " + err.Error(), ""}
	}
	var plain []string
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		fields := strings.Fields(line)
		if i == 0 || len(fields) == 0 || strings.HasPrefix(fields[0], "/dev/zram") || encrypted(root, fields[0]) {
			continue // the header; memory that is packed, and stays memory; nothing to read
		}
		plain = append(plain, fields[0])
	}
	if len(plain) == 0 {
		return Finding{"swap", Secure, "no memory is swapped to a disk, or only encrypted", ""}
	}
	says := "memory is swapped to " + strings.Join(plain, ", ") + ", which is not known to be encrypted, and what is typed may be left there"
	if state, err := os.ReadFile(root + "/sys/power/state"); err == nil && strings.Contains(string(state), "disk") {
		says += "; all of it, when the machine hibernates"
	}
	return Finding{"swap", Weak, says, "swapoff -a, or swap on an encrypted device"}
}

// encrypted says whether a device is dm-crypt's, or made of nothing but such. A file that
// is swapped to is not known to be.
func encrypted(root, device string) bool {
	if path, err := filepath.EvalSymlinks(root + device); err == nil {
		device = path // of /dev/mapper/…
	}
	return encryptedBlock(root+"/sys/class/block/"+filepath.Base(device), 0)
}

// mostLayers is more than any device is made of.
const mostLayers = 8

func encryptedBlock(dir string, layer int) bool {
	uuid, err := os.ReadFile(dir + "/dm/uuid")
	if err != nil || layer > mostLayers {
		return false
	}
	for _, kind := range []string{"CRYPT-LUKS1-", "CRYPT-LUKS2-", "CRYPT-PLAIN-"} { // not CRYPT-VERITY-, say
		if strings.HasPrefix(string(uuid), kind) {
			return true
		}
	}
	below, err := os.ReadDir(dir + "/slaves")
	for _, entry := range below {
		if !encryptedBlock(dir+"/slaves/"+entry.Name(), layer+1) {
			return false
		}
	}
	return err == nil && len(below) > 0
}
