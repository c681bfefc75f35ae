package api_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"bfxvault/api"
	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// line is one request of testdata/honest or testdata/attacks. The README.md beside
// them says what its fields mean.
type line struct {
	File    string            `json:"-"`
	Client  string            `json:"client"`
	Name    string            `json:"name"`
	Attack  string            `json:"attack"`
	Grant   string            `json:"grant"`
	API     string            `json:"api"`
	Path    string            `json:"path"`
	Body    string            `json:"body"`
	BodyHex string            `json:"body_hex"`
	Want    *want             `json:"want"`
	After   []json.RawMessage `json:"after"`
	Under   string            `json:"under"` // of one that comes before
}

// outcome is what a caller is told of a refusal; zero is a signature.
type outcome struct {
	Reason string `json:"reason"`
	Rule   string `json:"rule"`
	Field  string `json:"field"`
}

// want is the refusal that a line must get. Text, where it is given, is a part of what
// is said: it tells refusals apart of which reason and field say little.
type want struct {
	outcome
	Text string `json:"text"`
}

// bytes is the body as it is sent, today's date filled in.
func (l *line) bytes(t testing.TB) []byte {
	t.Helper()
	if l.BodyHex == "" {
		return []byte(strings.ReplaceAll(l.Body, "@TODAY@", time.Now().UTC().Format(time.DateOnly)))
	}
	b, err := hex.DecodeString(l.BodyHex)
	if err != nil {
		t.Fatalf("%s: %v", l, err)
	}
	return b
}

func (l *line) String() string { return l.File + ": " + l.Name }

// decodeStrictly refuses fields that v lacks.
func decodeStrictly(t testing.TB, text []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
}

// readCorpus reads all lines of a folder, file by file.
func readCorpus(t testing.TB, dir string) (lines []*line) {
	t.Helper()
	files, err := filepath.Glob("../testdata/" + dir + "/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus in %s: %v", dir, err)
	}
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for one := range bytes.Lines(text) {
			l := &line{File: filepath.Base(file)}
			decodeStrictly(t, one, l)
			if names[l.String()] {
				t.Fatalf("%s: twice", l)
			}
			names[l.String()] = true
			lines = append(lines, l)
		}
	}
	return lines
}

// corpusStack is a stack whose one bot has each grant of a folder's grants.json, on
// an API key that has the grant's name.
type corpusStack struct {
	*stack
	grants map[string]policy.GrantSpec
	said   string // with the last refusal
}

func newCorpusStack(t testing.TB, dir string) *corpusStack {
	t.Helper()
	s := &corpusStack{stack: newStack(t)}
	text, err := os.ReadFile("../testdata/" + dir + "/grants.json")
	if err != nil {
		t.Fatal(err)
	}
	decodeStrictly(t, text, &s.grants)
	s.init()
	uid := uint32(os.Geteuid())
	bot := vault.AddBot{Name: "me", Match: []policy.Match{{UID: &uid}}}
	if _, err := s.admin.AddBot(ctx, &pb.AddBotRequest{Name: "me", Matches: []*pb.Match{{Uid: &uid}}, Proof: s.prove(bot.Operation())}); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.grants)) {
		if s.grants[name].Key != name {
			t.Fatalf("the grant %q is for the API key %q", name, s.grants[name].Key)
		}
		key := vault.AddKey{Label: name, APIKey: "KEY-" + name, Permissions: allScopes}
		box, sealed := s.seal(key.Purpose(), []byte(canary))
		key.Secret = sealed
		_, err := s.admin.AddKey(ctx, &pb.AddKeyRequest{Label: name, ApiKey: key.APIKey, Permissions: allScopes.Words(), Secret: box, Proof: s.prove(key.Operation())})
		if err != nil {
			t.Fatal(err)
		}
		s.set(s.grants[name])
	}
	return s
}

// allScopes are what an API key can be made for at Bitfinex.
const allScopes = policy.Read | policy.Trade | policy.Funding | policy.Withdraw | policy.Settings

// set stores a grant of the bot.
func (s *corpusStack) set(spec policy.GrantSpec) {
	s.t.Helper()
	text, err := json.Marshal(spec)
	if err != nil {
		s.t.Fatal(err)
	}
	proof := s.prove(vault.SetGrant{Bot: "me", Grant: spec}.Operation())
	if _, err := s.admin.SetGrant(ctx, &pb.SetGrantRequest{Bot: "me", Spec: string(text), Proof: proof}); err != nil {
		s.t.Fatalf("grant %s: %v", text, err)
	}
}

// signature is what a bot gets, of either version.
type signature struct {
	payload, hex string
	nonce        uint64
}

// ask sends a line over the socket.
func (s *corpusStack) ask(l *line) (signature, outcome) {
	s.t.Helper()
	body := l.bytes(s.t)
	switch l.API {
	case "v2":
		r, err := s.signer.SignRest(ctx, &pb.SignRestRequest{Label: l.Grant, Path: l.Path, Body: body})
		return signature{hex: r.GetSignature(), nonce: r.GetRequestNonce()}, s.outcomeOf(l, err)
	case "v1":
		r, err := s.signer.SignRestV1(ctx, &pb.SignRestV1Request{Label: l.Grant, Path: l.Path, Params: body})
		return signature{payload: r.GetPayload(), hex: r.GetSignature(), nonce: r.GetRequestNonce()}, s.outcomeOf(l, err)
	}
	s.t.Fatalf("%s: no such API: %q", l, l.API)
	return signature{}, outcome{}
}

func (s *corpusStack) outcomeOf(l *line, err error) outcome {
	s.t.Helper()
	if s.said = ""; err == nil {
		return outcome{}
	}
	s.said = status.Convert(err).Message()
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.Domain == api.Domain {
			return outcome{info.Reason, info.Metadata["rule"], info.Metadata["field"]}
		}
	}
	s.t.Fatalf("%s: an error without a reason: %v", l, errors.Unwrap(err))
	return outcome{}
}

// prepare has signed what a line of the attacks comes after, where it says so under
// the rules of another grant, which its API key had then.
func (s *corpusStack) prepare(l *line) {
	s.t.Helper()
	for _, text := range l.After {
		before := &line{File: l.File, Name: l.Name + ", before", Grant: l.Grant, API: "v2"}
		decodeStrictly(s.t, text, before)
		if before.Under != "" {
			then := s.grants[before.Under]
			then.Key = before.Grant
			s.set(then)
		}
		if _, got := s.ask(before); got != (outcome{}) {
			s.t.Errorf("%s: was refused: %+v", before, got)
		}
		if before.Under != "" {
			s.set(s.grants[before.Grant])
		}
	}
}
