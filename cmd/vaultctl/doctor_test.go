package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bfxvault/cmd/internal/doctor"
	"bfxvault/cmd/internal/login"
	pb "bfxvault/proto/bfxvault/v1"
)

// wantFinding looks for the one finding that says so, and for what to do about it.
func wantFinding(t *testing.T, findings []doctor.Finding, grade doctor.Grade, says, mend string) {
	t.Helper()
	i := slices.IndexFunc(findings, func(f doctor.Finding) bool { return strings.Contains(f.Says, says) })
	if i < 0 || findings[i].Grade != grade || !strings.Contains(findings[i].Mend, mend) {
		t.Errorf("%s %q, %q: not in %+v", grade, says, mend, findings)
	}
}

func TestWhatVaultdComplainsOfIsGraded(t *testing.T) {
	for _, c := range []struct {
		status     *pb.StatusResponse
		grade      doctor.Grade
		says, mend string
	}{
		{&pb.StatusResponse{State: "locked", Problem: "the vault file was tampered with"}, doctor.Insecure, "cannot be used: the vault file was tampered with", "docs/operations.md"},
		{&pb.StatusResponse{AuditProblem: "disk full"}, doctor.Weak, "nothing is signed: disk full", "room on its disk"},
		{&pb.StatusResponse{Alerts: []string{"request nonces of main are held back: vaultctl nonce accept main"}}, doctor.Weak, "request nonces of main are held back", "vaultctl nonce accept main"},
		{&pb.StatusResponse{Alerts: []string{"the wall clock ran ahead of the time since boot: go by the latter"}}, doctor.Weak, "the wall clock ran ahead", "the right time"},
		{&pb.StatusResponse{Recent: []*pb.Alert{{Name: "ROLLBACK"}}}, doctor.Weak, "1 alert since", "audit tail --alerts"},
		{&pb.StatusResponse{PanicCancelAll: true}, doctor.Weak, "may cancel all orders", "vaultctl panic allow off"},
		{&pb.StatusResponse{State: "locked"}, doctor.Weak, "once unlocked, the vault stays so", "idle_lock"},
		{&pb.StatusResponse{State: "locked", MaxUnlock: 60}, doctor.Secure, "the vault locks by itself", ""},
		{&pb.StatusResponse{Setup: &pb.Setup{Uid: 0}}, doctor.Weak, "vaultd runs as root", "system service"},
		{&pb.StatusResponse{Setup: &pb.Setup{Uid: 1000}}, doctor.Weak, "vaultd runs as your own user", "system service"},
		{&pb.StatusResponse{Setup: &pb.Setup{Uid: 7}}, doctor.Secure, "a user of its own (uid 7)", ""},
		{&pb.StatusResponse{Setup: &pb.Setup{Memory: "memguard"}}, doctor.Weak, "the kernel can read", "memfd_secret"},
		{&pb.StatusResponse{Setup: &pb.Setup{Memory: "memfd_secret"}}, doctor.Secure, "not even the kernel maps", ""},
		{&pb.StatusResponse{Setup: &pb.Setup{MemlockLimit: 100, MemlockUsed: 76}}, doctor.Weak, "may find no room", "LimitMEMLOCK"},
		{&pb.StatusResponse{}, doctor.Weak, "nothing outside the vault's folder knows", "anchor"},
		{&pb.StatusResponse{Setup: &pb.Setup{Anchor: true}}, doctor.Secure, "an older copy of the vault is noticed", ""},
	} {
		o := &overview{status: c.status}
		wantFinding(t, o.setupFindings(1000), c.grade, c.says, c.mend)
	}
}

func TestKeySlotsAreGraded(t *testing.T) {
	strong := &pb.Argon2Params{Time: 10, MemoryKib: 1 << 20, Threads: 4}
	passphrase := &pb.Slot{Id: 1, Kind: "passphrase", Params: strong}
	for _, c := range []struct {
		slots []*pb.Slot
		grade doctor.Grade
		says  string
	}{
		{[]*pb.Slot{passphrase}, doctor.Weak, "with the passphrase everything is lost"},
		{[]*pb.Slot{passphrase, {Id: 2, Kind: "keyfile"}}, doctor.Weak, "with the passphrase everything is lost"},
		{[]*pb.Slot{{Id: 3, Kind: "passphrase", Params: &pb.Argon2Params{Time: 1, MemoryKib: 8, Threads: 1}}}, doctor.Weak, "a passphrase for key slot 3 is tried in less"},
		{[]*pb.Slot{passphrase, {Id: 2, Kind: "recovery"}}, doctor.Secure, "another key slot opens the vault"},
	} {
		o := &overview{slots: c.slots}
		wantFinding(t, o.slotFindings(), c.grade, c.says, "")
	}
}

func TestAPIKeysAreGraded(t *testing.T) {
	now := time.Now()
	daysAgo := func(n int) int64 { return now.Add(-time.Duration(n) * 24 * time.Hour).Unix() }
	all := []*pb.Scope{{Name: "orders", Read: true, Write: true}, {Name: "withdraw", Write: true}}
	orders := []*pb.Scope{{Name: "account", Read: true}, {Name: "orders", Read: true, Write: true}}
	active := func(v *pb.KeyVersion) *pb.KeyVersion {
		v.Version, v.State = 4, "active"
		if v.Created == 0 {
			v.Created = now.Unix()
		}
		return v
	}
	well := active(&pb.KeyVersion{Verified: now.Unix(), Scopes: orders})
	for _, c := range []struct {
		what       string
		key        *pb.ApiKey
		grade      doctor.Grade
		says, mend string
	}{
		{"well", &pb.ApiKey{Versions: []*pb.KeyVersion{well}}, doctor.Secure, "API keys are new, verified", ""},
		{"staged alone", &pb.ApiKey{Versions: []*pb.KeyVersion{{Version: 1, State: "staged", Created: now.Unix()}}}, doctor.Weak, "no version signs", "vaultctl key promote main"},
		{"without a version", &pb.ApiKey{}, doctor.Weak, "no version signs", "vaultctl key rotate main --api-key ID"},
		{"in a state that is not known", &pb.ApiKey{Versions: []*pb.KeyVersion{{Version: 1, State: "new", Verified: 1}}}, doctor.Weak, "no version signs", "vaultctl key rotate main --api-key ID"},
		{"old", &pb.ApiKey{Versions: []*pb.KeyVersion{active(&pb.KeyVersion{Created: daysAgo(90)})}}, doctor.Weak, "older than 90 days", "vaultctl key rotate main --api-key ID"},
		{"never verified", &pb.ApiKey{Versions: []*pb.KeyVersion{active(&pb.KeyVersion{})}}, doctor.Weak, "nobody has asked", "vaultctl key verify main"},
		{"moves funds", &pb.ApiKey{Versions: []*pb.KeyVersion{active(&pb.KeyVersion{Verified: 1, Scopes: all})}}, doctor.Insecure, "version 4 can move funds (withdraw)", "vaultctl key rotate"},
		{"moves funds, and is staged", &pb.ApiKey{Versions: []*pb.KeyVersion{well, {Version: 5, State: "staged", Created: now.Unix(), Verified: 1, Scopes: all}}}, doctor.Insecure, "version 5 can move funds", ""},
		{"moves funds as declared", &pb.ApiKey{Permissions: []string{"read", "trade", "withdraw"}, Versions: []*pb.KeyVersion{active(&pb.KeyVersion{Verified: 1, Scopes: all})}}, doctor.Weak, "declared to withdraw", "one of its own"},
		{"more than declared", &pb.ApiKey{Permissions: []string{"read"}, Versions: []*pb.KeyVersion{well}}, doctor.Weak, "may do more at Bitfinex than was declared: trade", "can do less"},
		{"shared", &pb.ApiKey{Bots: []string{"a", "b"}, Versions: []*pb.KeyVersion{well}}, doctor.Weak, "shared by a, b", "an API key for each bot"},
		{"staged lately", &pb.ApiKey{Versions: []*pb.KeyVersion{well, {Version: 5, State: "staged", Created: daysAgo(6)}}}, doctor.Secure, "API keys are new", ""},
		{"forgotten", &pb.ApiKey{Versions: []*pb.KeyVersion{well, {Version: 5, State: "staged", Created: daysAgo(7)}}}, doctor.Weak, "version 5 is staged since", "vaultctl key revoke main --version 5"},
		{"revoked", &pb.ApiKey{Versions: []*pb.KeyVersion{well, {Version: 3, State: "revoked"}}}, doctor.Weak, "version 3 has ended", "vaultctl key purge main"},
		{"retired", &pb.ApiKey{Versions: []*pb.KeyVersion{well, {Version: 3, State: "retiring", Retires: now.Unix() - 1}}}, doctor.Weak, "version 3 has ended", "vaultctl key purge main"},
	} {
		t.Run(c.what, func(t *testing.T) {
			c.key.Label = "main"
			if c.key.Permissions == nil {
				c.key.Permissions = []string{"read", "trade"}
			}
			o := &overview{keys: []*pb.ApiKey{c.key}}
			wantFinding(t, o.keyFindings(), c.grade, c.says, c.mend)
		})
	}
}

func TestBotsAreGraded(t *testing.T) { // A10
	uid := func(n uint32) *uint32 { return &n }
	bot := func(name string, m *pb.Match, specs ...string) *pb.Bot {
		b := &pb.Bot{Name: name, Matches: []*pb.Match{m}}
		for _, spec := range specs {
			b.Grants = append(b.Grants, &pb.Grant{Spec: spec, Left: &pb.Left{}})
		}
		return b
	}
	suspended := bot("a", &pb.Match{Uid: uid(9)})
	suspended.Suspended = 1
	for _, c := range []struct {
		what       string
		bots       []*pb.Bot
		grade      doctor.Grade
		says, mend string
	}{
		{"well", []*pb.Bot{bot("a", &pb.Match{Uid: uid(9)}, `{"key":"main","allow":["read"]}`), bot("b", &pb.Match{Uid: uid(10)})}, doctor.Secure, "known by a user or a unit", ""},
		{"vaultd's", []*pb.Bot{bot("a", &pb.Match{Uid: uid(7)})}, doctor.Weak, "a: runs as vaultd's user", "a user of its own"},
		{"mine", []*pb.Bot{bot("a", &pb.Match{Uid: uid(1000)})}, doctor.Weak, "a: runs as your user", "a user of its own"},
		{"root", []*pb.Bot{bot("a", &pb.Match{Uid: uid(0)})}, doctor.Weak, "a: runs as root", "a user of its own"},
		{"two of one user", []*pb.Bot{bot("a", &pb.Match{Uid: uid(9), Unit: "/x"}), bot("b", &pb.Match{Uid: uid(9)})}, doctor.Weak, "a, b run as one user (uid 9)", "a user for each bot"},
		{"exe alone", []*pb.Bot{bot("a", &pb.Match{Exe: "/usr/bin/python3"})}, doctor.Weak, "a: a match by exe or sha256 alone", "docs/policy.md"},
		{"sha256 alone", []*pb.Bot{bot("a", &pb.Match{Sha256: make([]byte, 32)})}, doctor.Weak, "a: a match by exe or sha256 alone", "docs/policy.md"},
		{"group alone", []*pb.Bot{bot("a", &pb.Match{Gid: uid(9)})}, doctor.Weak, "a: known by a group alone", "a user of its own"},
		{"group and user", []*pb.Bot{bot("a", &pb.Match{Uid: uid(9), Gid: uid(9)})}, doctor.Secure, "known by a user or a unit", ""},
		{"unit", []*pb.Bot{bot("a", &pb.Match{Unit: "/system.slice/x.service"})}, doctor.Secure, "known by a user or a unit", ""},
		{"wide", []*pb.Bot{bot("a", &pb.Match{Uid: uid(9)}, `{"key":"main","allow":["trade"]}`)}, doctor.Weak, "a on main: trade without", "docs/policy.md"},
		{"suspended", []*pb.Bot{suspended}, doctor.Weak, "a: suspended since", "vaultctl bot enable a, or vaultctl bot remove a"},
	} {
		t.Run(c.what, func(t *testing.T) {
			o := &overview{status: &pb.StatusResponse{Setup: &pb.Setup{Uid: 7}}, bots: c.bots}
			findings, err := o.botFindings(1000)
			if err != nil {
				t.Fatal(err)
			}
			wantFinding(t, findings, c.grade, c.says, c.mend)
		})
	}
}

func TestWhatOpensTheVaultAtLoginIsGraded(t *testing.T) {
	slots := []*pb.Slot{{Id: 1, Kind: "passphrase"}, {Id: 2, Kind: "keyfile"}}
	for _, c := range []struct {
		what  string
		way   opening
		grade doctor.Grade
		says  string
	}{
		{"a TPM", opening{with: login.Credential, slot: 2, tpm: true}, doctor.Secure, "a copy of its disk does not"},
		{"the disk", opening{with: login.Credential, slot: 2}, doctor.Weak, "no TPM seals the keyfile"},
		{"the keyring", opening{with: login.Keyring, slot: 2}, doctor.Weak, "to every program of yours"},
		{"the login password", opening{with: login.PAM, slot: 2}, doctor.Secure, "your login password guards it"},
		{"files that others write", opening{with: login.PAM, err: fmt.Errorf("x.note: %w", login.ErrUnsafe)}, doctor.Insecure, "pam: x.note: others could"},
		{"cannot be told", opening{with: login.PAM, err: errors.New("no such user")}, doctor.Unseen, "unlocked with pam: no such user"},
		{"a keyfile elsewhere", opening{with: login.PAM}, doctor.Unseen, "where the keyfile of key slot 2 is kept"},
		{"no such login here", opening{with: login.Keyring, err: login.ErrAbsent}, doctor.Unseen, "where the keyfile of key slot 2 is kept"},
		{"another keyfile", opening{with: login.PAM, slot: 3}, doctor.Unseen, "where the keyfile of key slot 2 is kept"},
	} {
		t.Run(c.what, func(t *testing.T) {
			wantFinding(t, (&overview{slots: slots}).loginFindings([]opening{c.way}, nil), c.grade, c.says, "")
		})
	}
	human := &overview{slots: slots[:1]}
	wantFinding(t, human.loginFindings([]opening{{with: login.PAM}}, nil), doctor.Secure, "it takes a human", "")
	wantFinding(t, human.loginFindings(nil, errors.New("no answer")), doctor.Unseen, "at login: no answer", "vaultctl login status")
	told := (&overview{slots: slots}).loginFindings([]opening{{with: login.Credential, slot: 2, tpm: true}}, nil)
	if len(told) != 1 {
		t.Errorf("%+v", told)
	}
}
