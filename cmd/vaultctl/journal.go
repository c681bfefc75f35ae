package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// journalTime is how long the journal may take to answer.
const journalTime = 5 * time.Second

// journal is what vaultd has told the system journal of a vault last; zero where there is
// no journal, or it says nothing. Only entries of the user that the vault's folder
// belongs to count: anybody can write to the journal, and nobody under another's uid.
func (a *app) journal(ctx context.Context, vaultID []byte) (k known) {
	p, err := a.paths()
	if err != nil {
		return k
	}
	info, err := os.Stat(p.State)
	if err != nil {
		return k
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return k // unreachable on Linux
	}
	ctx, cancel := context.WithTimeout(ctx, journalTime)
	defer cancel()
	text, err := exec.CommandContext(ctx, "journalctl", "--quiet", "--no-pager", "--output=json", "--lines=1",
		"BFXVAULT_ID="+hex.EncodeToString(vaultID), "_UID="+strconv.FormatUint(uint64(stat.Uid), 10)).Output()
	if err != nil {
		return k
	}
	var entry struct {
		Revision string `json:"BFXVAULT_REVISION"`
		Seq      string `json:"BFXVAULT_SEQ"`
		Head     string `json:"BFXVAULT_HEAD"`
	}
	if json.Unmarshal(text, &entry) != nil {
		return k
	}
	revision, err1 := strconv.ParseUint(entry.Revision, 10, 64)
	seq, err2 := strconv.ParseUint(entry.Seq, 10, 64)
	head, err3 := hex.DecodeString(entry.Head)
	if err1 != nil || err2 != nil || err3 != nil || len(head) != len(k.at.Head) {
		return k
	}
	k.revision, k.at.Seq = revision, seq
	copy(k.at.Head[:], head)
	return k
}
