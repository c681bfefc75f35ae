package vault_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// importLine is one line of the import table: a package of ours, what else of ours
// it may import, and what it is there for. A new package needs a line, and a
// line needs its package.
type importLine struct {
	pkg string
	may string // folders, separated by spaces
	why string
}

// importTable is the import table. Arrows only point down:
// cmd → api → vault → vault/internal.
func importTable() []importLine {
	return []importLine{
		{"cmd/vaultd", "cmd/internal/daemon", "ten lines"},
		{"cmd/vaultproxy", "cmd/internal/proxyd", "ten lines"},
		{"cmd/internal/proxyd", "api/client api/peer api/proxy api/upstream cmd/internal/harden cmd/internal/paths vault/release", "wires vaultproxy; nothing of the vault"},
		{"cmd/vaultctl", "api api/peer api/upstream cmd/internal/bench cmd/internal/daemon cmd/internal/doctor cmd/internal/harden cmd/internal/login cmd/internal/paths cmd/internal/policyfile cmd/internal/sim " +
			"proto/bfxvault/v1 vault vault/audit vault/operator vault/policy vault/release",
			"the operator's program; demo and bench run it again as their daemon"},
		{"cmd/internal/bench", "proto/bfxvault/v1", "measures over the wire, as a bot would"},
		{"cmd/internal/daemon", "api api/peer cmd/internal/harden cmd/internal/paths vault vault/audit vault/release", "wires vaultd; never the passphrase's side"},
		{"cmd/internal/doctor", "", "grades how a vault is set up, by what its machine and vaultd say"},
		{"cmd/internal/policyfile", "vault/policy", "the policy file: reads, prints, compares"},
		{"cmd/internal/paths", "", "where things are, for daemon and tool alike"},
		{"cmd/internal/harden", "", "the first lines of main: undumpable, no core files"},
		{"cmd/internal/login", "cmd/internal/harden cmd/internal/paths cmd/internal/units vault/operator", "where a login finds a keyfile: the operator's side, outside of the vault"},
		{"cmd/internal/units", "", "the unit files for systemd, as they are shipped"},
		{"cmd/internal/parts", "", "what tests need of the system they run on"},
		{"cmd/internal/memscan", "", "looks for secrets in other processes; judges all, so leans on nothing"},
		{"cmd/internal/faultfs", "", "a disk for tests that fails and loses power; knows nothing of who writes on it"},
		{"cmd/internal/sim", "", "the exchange's own opinion of a signature: it must not share ours"},

		{"api", "api/peer proto/bfxvault/v1 vault vault/policy vault/release", "between wire and domain; never the parts below vault"},
		{"examples/go", "api/client", "a bot as README.md shows it"},

		{"api/client", "proto/bfxvault/v1", "a bot links the wire and nothing of the vault"},
		{"api/proxy", "api/client api/upstream", "between a stock client and Bitfinex: it knows vaultd's wire, and holds no secret"},
		{"api/peer", "", "who is at the other end of the socket"},
		{"api/upstream", "", "the one way to Bitfinex, for vaultctl and the proxy: it knows no vault"},

		{"proto/bfxvault/v1", "", "what is said on the wire; knows no domain"},

		{"vault", "vault/audit vault/policy vault/release vault/internal/backup vault/internal/bitfinex vault/internal/clock vault/internal/crash vault/internal/envelope vault/internal/guard " +
			"vault/internal/limits vault/internal/mac vault/internal/nonce vault/internal/record vault/internal/standin vault/internal/store",
			"the domain: it alone puts the parts below together, and knows no wire"},
		{"vault/operator", "vault vault/audit vault/internal/envelope vault/internal/mac", "the passphrase's side, for vaultctl: shares the words of the domain, and the other end of its sealed box"},
		{"vault/audit", "", "the chained log; its keys come in as function values"},
		{"vault/release", "", "which release this is"},
		{"vault/policy", "", "pure: decides, and imports no other package of ours"},
		{"vault/internal/backup", "vault/internal/envelope", "a vault file in one piece, sealed once more"},
		{"vault/internal/bitfinex", "vault/policy vault/internal/mac", "what a request means, and its signature"},
		{"vault/internal/clock", "", "the time, with a hook in test builds"},
		{"vault/internal/crash", "", "where a crash may come between two steps, with a hook in test builds"},
		{"vault/internal/envelope", "vault/internal/guard vault/internal/mac", "seals in guarded memory"},
		{"vault/internal/guard", "", "memory that no one else reads"},
		{"vault/internal/mac", "vault/internal/guard", "HMAC whose state lies in guarded memory"},
		{"vault/internal/nonce", "vault/internal/group", "request nonces; their marks are written through a function value"},
		{"vault/internal/group", "", "one commit for many who wait"},
		{"vault/internal/limits", "vault/policy vault/internal/group", "what grants spend and which orders were signed; written through a function value"},
		{"vault/internal/record", "vault/policy", "what records look like on disk, before they are sealed"},
		{"vault/internal/standin", "", "whether what a stock client has signed is of now, and new"},
		{"vault/internal/store", "", "keeps ciphertext: it must not be able to open it"},
	}
}

// foreignLine is a module, or a package of one, that only some may import.
type foreignLine struct {
	prefix string
	who    string // folders, separated by spaces
	why    string
}

// foreignTable is the table of everything foreign outside the standard library.
// The longest prefix that fits is the one that counts.
func foreignTable() []foreignLine {
	return []foreignLine{
		{"github.com/awnumar/memguard", "vault/internal/guard", "its panics and limits are handled in one place"},
		{"github.com/cloudflare/circl/dh/x25519", "vault/internal/envelope", "key agreement through pointers, so that no scalar is copied"},
		{"github.com/coreos/go-systemd/v22", "cmd/internal/daemon cmd/internal/proxyd", "takes sockets from systemd and tells it that they are served"},
		{"github.com/go-json-experiment/json", "vault/internal/record", "strict JSON off the signing path"},
		{"github.com/godbus/dbus/v5", "cmd/internal/login", "the desktop's keyring, which speaks D-Bus"},
		{"github.com/hanwen/go-fuse/v2", "cmd/internal/faultfs", "file systems in user space, for tests only"},
		{"github.com/pelletier/go-toml/v2", "cmd/internal/daemon cmd/internal/policyfile", "config.toml and the policy file, with line and column of what is wrong"},
		{"github.com/spf13/cobra", "cmd/vaultctl", "the command tree and its completions"},
		{"go.etcd.io/bbolt", "vault/internal/store", "one narrow door to the file"},
		{"golang.org/x/crypto/argon2", "vault/operator", "leaves the passphrase and the key behind in ordinary memory"},
		{"golang.org/x/crypto/blake2b", "vault/internal/envelope", "the nonce of a sealed box"},
		{"golang.org/x/crypto/nacl/box", "vault/internal/envelope", "what goes to the daemon is sealed to it"},
		{"golang.org/x/crypto/nacl/secretbox", "vault/internal/envelope", "sealing with keys in guarded memory"},
		{"golang.org/x/crypto/salsa20", "vault/internal/envelope", "the key derivation of a sealed box"},
		{"golang.org/x/sys/unix", "api/peer cmd/internal/daemon cmd/internal/doctor cmd/internal/faultfs cmd/internal/harden cmd/vaultctl " +
			"vault/audit vault/internal/clock vault/internal/guard vault/internal/store",
			"what the kernel offers and the standard library does not"},
		{"golang.org/x/term", "cmd/vaultctl", "a prompt that does not echo"},
		{"google.golang.org/genproto", "api api/client cmd/vaultctl proto/bfxvault/v1", "error details"},
		{"google.golang.org/grpc", "api api/client api/peer cmd/internal/bench cmd/internal/daemon cmd/internal/proxyd cmd/vaultctl proto/bfxvault/v1",
			"the wire; nothing under vault knows it"},
		{"google.golang.org/protobuf", "api proto/bfxvault/v1", "the wire; nothing under vault knows it"},
	}
}

// barrier says what may not be reached from a program through our packages.
type barrier struct {
	root, never string
	why         string
}

// barriers hold for a root as soon as the import table has it.
func barriers() []barrier {
	var all []barrier
	for _, root := range []string{"cmd/vaultd", "cmd/internal/daemon"} {
		all = append(all,
			barrier{root, "os/exec", "vaultd runs no child process, ever"},
			barrier{root, "net/http", "vaultd opens no network socket"},
			barrier{root, "crypto/tls", "vaultd opens no network socket"},
			barrier{root, "golang.org/x/crypto/argon2", "the passphrase stays with vaultctl"},
			barrier{root, "vault/operator", "the passphrase stays with vaultctl"},
			barrier{root, "api/upstream", "vaultd has no way to the network"},
			barrier{root, "cmd/internal/sim", "a server of HTTP"},
			barrier{root, "github.com/godbus/dbus/v5", "vaultd hears nobody but those at its two sockets"},
		)
	}
	for _, root := range []string{"cmd/vaultd", "cmd/vaultctl", "cmd/vaultproxy"} {
		all = append(all,
			barrier{root, "cmd/internal/faultfs", "a disk for tests has no place in a program"},
			barrier{root, "cmd/internal/parts", "only tests skip"},
		)
	}
	for _, heart := range []string{"vault/internal", "vault/audit", "vault/operator", "vault/policy"} { // and so vault itself
		all = append(all, barrier{"cmd/vaultproxy", heart, "the proxy holds no secrets"})
	}
	return append(all,
		barrier{"cmd/vaultproxy", "os/exec", "vaultproxy runs no child process"},
		barrier{"api/client", "vault", "a bot links the wire alone"},
		barrier{"api/upstream", "vault", "what has the network has no secrets"},
	)
}

func TestPackagesImportWhatTheTableAllows(t *testing.T) {
	reportProblems(t, checkLayers(wholeModule(t), importTable()))
}

func TestForeignPackagesHaveTheirPlace(t *testing.T) {
	reportProblems(t, checkExternals(wholeModule(t), foreignTable()))
}

func TestProgramsReachOnlyWhatTheyMay(t *testing.T) { // A13, A57
	reportProblems(t, checkBarriers(wholeModule(t), importTable(), barriers()))
}

func TestOnlyMainEndsTheProcess(t *testing.T) {
	reportProblems(t, checkExits(wholeModule(t)))
}

func reportProblems(t *testing.T, problems []string) {
	t.Helper()
	for _, p := range problems {
		t.Error(p)
	}
}

func checkLayers(tree *sourceTree, table []importLine) (problems []string) {
	lines := map[string]importLine{}
	for _, l := range table {
		if _, twice := lines[l.pkg]; twice {
			problems = append(problems, fmt.Sprintf("the import table has two lines for %s", l.pkg))
		}
		lines[l.pkg] = l
		if !slices.Contains(tree.packages(), l.pkg) {
			problems = append(problems, fmt.Sprintf("the import table has a line for %s, which does not exist", l.pkg))
		}
	}
	for _, p := range tree.packages() {
		if _, ok := lines[p]; !ok {
			problems = append(problems, fmt.Sprintf("package %s has no line in the import table", p))
		}
	}
	tree.production(func(f sourceFile) {
		line, ok := lines[f.pkg]
		ours, _ := tree.imports(f)
		for _, p := range ours {
			if ok && !slices.Contains(strings.Fields(line.may), p) {
				problems = append(problems, fmt.Sprintf("%s imports %s, which the import table does not allow (%s)", f.path, p, line.why))
			}
		}
	})
	return problems
}

func checkExternals(tree *sourceTree, table []foreignLine) (problems []string) {
	used := map[string]bool{}
	tree.production(func(f sourceFile) {
		_, others := tree.imports(f)
		for _, p := range others {
			root, _, _ := strings.Cut(p, "/")
			if !strings.Contains(root, ".") {
				continue // the standard library
			}
			best := foreignLine{why: "it has no line"}
			for _, e := range table {
				if isBelow(p, e.prefix) && len(e.prefix) > len(best.prefix) {
					best = e
				}
			}
			used[best.prefix+" by "+f.pkg] = true
			if !slices.Contains(strings.Fields(best.who), f.pkg) {
				problems = append(problems, fmt.Sprintf("%s imports %s, which the table of foreign packages does not allow (%s)", f.path, p, best.why))
			}
		}
	})
	for i, e := range table {
		if slices.ContainsFunc(table[:i], func(other foreignLine) bool { return other.prefix == e.prefix }) {
			problems = append(problems, fmt.Sprintf("the table of foreign packages has two lines for %s", e.prefix))
		}
		for _, who := range strings.Fields(e.who) {
			if !used[e.prefix+" by "+who] {
				problems = append(problems, fmt.Sprintf("the table lets %s import %s, but it does not", who, e.prefix))
			}
		}
	}
	return problems
}

// isBelow reports whether p is prefix or lies below it.
func isBelow(p, prefix string) bool {
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}

func checkBarriers(tree *sourceTree, table []importLine, barriers []barrier) (problems []string) {
	direct := map[string][]string{}
	tree.production(func(f sourceFile) {
		ours, others := tree.imports(f)
		direct[f.pkg] = append(append(direct[f.pkg], ours...), others...)
	})
	for _, b := range barriers {
		if !slices.ContainsFunc(table, func(l importLine) bool { return l.pkg == b.root }) {
			continue
		}
		reached := map[string]string{b.root: b.root} // package → the way there
		queue := []string{b.root}
		for len(queue) > 0 {
			p := queue[0]
			queue = queue[1:]
			for _, next := range direct[p] {
				if reached[next] != "" {
					continue
				}
				reached[next] = reached[p] + " → " + next
				queue = append(queue, next)
				if isBelow(next, b.never) {
					problems = append(problems, fmt.Sprintf("%s (%s)", reached[next], b.why))
				}
			}
		}
	}
	return problems
}

// checkExits finds what ends the process behind everyone's back: deferred
// wipes do not run then.
func checkExits(tree *sourceTree) (problems []string) {
	tree.production(func(f sourceFile) {
		folder, _, _ := strings.Cut(f.path, "/")
		if (folder == "cmd" || folder == "examples") && strings.Count(f.path, "/") == 2 && strings.HasSuffix(f.path, "/main.go") {
			return
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			name := pkg.Name + "." + sel.Sel.Name
			if slices.Contains([]string{"os.Exit", "syscall.Exit", "unix.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln"}, name) {
				problems = append(problems, fmt.Sprintf("%s: %s, which only cmd/*/main.go may call", tree.at(sel), name))
			}
			return true
		})
		for _, spec := range f.ast.Imports {
			if spec.Name != nil && spec.Name.Name == "." && spec.Path.Kind == token.STRING {
				problems = append(problems, fmt.Sprintf("%s: a dot import, which hides where names come from", tree.at(spec)))
			}
		}
	})
	return problems
}
