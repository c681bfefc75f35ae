package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"bfxvault/vault"
)

func (a *app) policyTest() *cobra.Command {
	var requests string
	c := &cobra.Command{
		Use: "test FILE --requests R.jsonl", Short: "Judge requests under a policy file, without vaultd",
		Long: "Judge requests under a policy file, without vaultd: JSON Lines with bot, key, path\n" +
			"and body, one after the other against the same limits. A line may have the time\n" +
			"that it is judged at, \"at\":\"2026-11-25T10:00:00Z\", and what is expected of it,\n" +
			"\"allowed\":false; if one is judged otherwise, this ends with 6.",
		Example: "  vaultctl policy test policy.toml --requests requests.jsonl", Args: exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := a.policyFile(args[0])
			if err != nil {
				return err
			}
			list, err := a.rehearsed(requests)
			if err != nil {
				return err
			}
			stage, err := vault.NewRehearsal(f.Bots)
			if err != nil {
				return err
			}
			return a.reportVerdicts(requests, judgeAll(stage, list))
		},
	}
	c.Flags().StringVar(&requests, "requests", "", "the requests; - is standard input")
	_ = c.MarkFlagRequired("requests") // the flag exists
	return c
}

// rehearsedRequest is one line of a file of requests.
type rehearsedRequest struct {
	Bot  string `json:"bot"`
	Key  string `json:"key"`
	Path string `json:"path"`
	// Body is a text, or JSON that is taken as it stands.
	Body    json.RawMessage `json:"body"`
	At      *time.Time      `json:"at"`
	Allowed *bool           `json:"allowed"`

	line int
}

// maxRequests is how many bytes a file of requests may have.
const maxRequests = 16 << 20

func (a *app) rehearsed(name string) ([]rehearsedRequest, error) {
	text, err := a.input(name, maxRequests+1)
	if err != nil {
		return nil, err
	}
	if len(text) > maxRequests {
		return nil, failed("INVALID", "%s is larger than %d bytes", name, maxRequests)
	}
	var list []rehearsedRequest
	line := 0
	for each := range bytes.Lines(text) {
		line++
		if len(bytes.TrimSpace(each)) == 0 {
			continue
		}
		r := rehearsedRequest{line: line}
		decoder := json.NewDecoder(bytes.NewReader(each))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			return nil, failed("INVALID", "%s:%d: %v", name, line, err)
		}
		if decoder.InputOffset() != int64(len(bytes.TrimRight(each, " \t\r\n"))) {
			return nil, failed("INVALID", "%s:%d: a line holds one request", name, line)
		}
		list = append(list, r)
	}
	return list, nil
}

// body is what would be signed.
func (r rehearsedRequest) body() []byte {
	var text string
	if json.Unmarshal(r.Body, &text) == nil {
		return []byte(text)
	}
	return r.Body
}

type verdictView struct {
	Line        int    `json:"line"`
	Allowed     bool   `json:"allowed"`
	Rule        string `json:"rule,omitzero"`
	Field       string `json:"field,omitzero"`
	Reason      string `json:"reason,omitzero"`
	Explanation string `json:"explanation,omitzero"`
	Unexpected  bool   `json:"unexpected,omitzero"`
}

func judgeAll(stage *vault.Rehearsal, list []rehearsedRequest) []verdictView {
	views := make([]verdictView, 0, len(list))
	now := time.Now()
	for _, r := range list {
		at := now
		if r.At != nil {
			at = *r.At
		}
		v := stage.Judge(r.Bot, vault.SignRequest{Label: r.Key, Path: r.Path, Body: r.body()}, at)
		views = append(views, verdictView{
			Line: r.line, Allowed: v.Allowed, Rule: v.Rule, Field: v.Field, Reason: v.Reason, Explanation: v.Explanation,
			Unexpected: r.Allowed != nil && *r.Allowed != v.Allowed,
		})
	}
	return views
}

// String is the verdict in words.
func (v verdictView) String() string {
	text := "allowed"
	if !v.Allowed {
		text = "denied: " + v.Explanation
		if v.Rule != "" {
			text = fmt.Sprintf("denied by %s: %s", v.Rule, v.Explanation)
		}
	}
	if v.Unexpected {
		text += " (this was not expected)"
	}
	return text
}

func (a *app) reportVerdicts(name string, views []verdictView) error {
	unexpected := 0
	for _, v := range views {
		if v.Unexpected {
			unexpected++
		}
		if !a.json {
			a.printf("%s:%d: %s\n", name, v.Line, v)
		}
	}
	if unexpected > 0 {
		wrong := failed("UNEXPECTED", "judged otherwise than expected: %d of %d", unexpected, len(views))
		wrong.more = map[string]any{"verdicts": views}
		return wrong
	}
	return a.report(map[string]any{"ok": true, "verdicts": views}, func() {})
}
