package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bfxvault/vault/internal/record"
	"bfxvault/vault/policy"
)

func TestRecordsReadBackAsWritten(t *testing.T) {
	uid := uint32(0)
	bot := record.Bot{Match: []policy.Match{{UID: &uid}}, Created: 5}
	text, err := record.Append(nil, bot)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"match":[{"uid":0}],"created":5}`; string(text) != want {
		t.Fatalf("wrote %s, want %s", text, want)
	}
	back, err := record.Parse[record.Bot](text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bot, back); diff != "" {
		t.Fatal(diff)
	}
}

// A31, A63: a record with something that this version would drop is refused.
func TestParseRefusesWhatItWouldDrop(t *testing.T) {
	for _, text := range []string{
		`{"grant":{"allow":["read"],"max_price":{}},"created":1}`,
		`{"grant":{"allow":["read"],"allow":["trade"]},"created":1}`,
		`{"grant":{"Allow":["read"]},"created":1}`,
		`{"grant":{"allow":["read"]},"created":1} {}`,
		`{"grant":{"allow":["read"],"symbols":null},"created":1}`,
		`{"grant":{"allow":["read"]},"created":1.5}`,
		`{"grant":{"max_order":{"BTC":0.5}},"created":1}`,
		"{\"grant\":{\"allow\":[\"\xff\"]},\"created\":1}",
		``, `null x`,
	} {
		if _, err := record.Parse[record.Grant]([]byte(text)); err == nil {
			t.Errorf("%s: read", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"permissions":["read"],"versions":[{"version":1,"api_key":"k","state":"active","created":1}]}`))
	f.Add([]byte(`{"match":[{"uid":4294967295,"exe":"/bin/x"}],"created":1,"suspended":3,"removed":2}`))
	f.Add([]byte(`{"grant":{"key":"main","allow":[],"max_order":{"BTC":"0.5"},"expires":"2027-03-31"},"created":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		again(t, text, record.Parse[record.Key], record.Append[record.Key])
		again(t, text, record.Parse[record.Bot], record.Append[record.Bot])
		again(t, text, record.Parse[record.Grant], record.Append[record.Grant])
	})
}

// again checks that what was read is written so that it reads the same.
func again[T any](t *testing.T, text []byte, parse func([]byte) (T, error), write func([]byte, T) ([]byte, error)) {
	value, err := parse(text)
	if err != nil {
		return
	}
	once, err := write(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	back, err := parse(once)
	if err != nil {
		t.Fatalf("%s: %v", once, err)
	}
	twice, err := write(nil, back)
	if err != nil || string(once) != string(twice) {
		t.Fatalf("%s became %s: %v", once, twice, err)
	}
}
