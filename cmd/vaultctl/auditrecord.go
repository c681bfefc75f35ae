package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"bfxvault/vault/audit"
)

// auditOp is one operation of a signing record, as policy saw it.
type auditOp struct {
	Do        string `json:"do"`
	Symbol    string `json:"symbol"`
	Type      string `json:"type"`
	Amount    string `json:"amount"`
	Delta     string `json:"delta"`
	Price     string `json:"price"`
	AuxPrice  string `json:"aux_price"`
	StopPrice string `json:"stop_price"`
	Trailing  string `json:"trailing"`
	Leverage  string `json:"leverage"`
	Flags     uint32 `json:"flags"`
	ID        uint64 `json:"id"`
	CID       uint64 `json:"cid"`
	CIDDate   string `json:"cid_date"`
	AffCode   string `json:"aff_code"`
	Currency  string `json:"currency"`
	Address   string `json:"address"`
	External  bool   `json:"external"`
}

func opsOf(e *audit.Entry) (ops []auditOp, err error) {
	if len(e.Ops) > 0 {
		err = json.Unmarshal(e.Ops, &ops)
	}
	return ops, err
}

// printRecord prints a record: as it stands in the log with --json, or as one line to
// read.
func (a *app) printRecord(w io.Writer, text []byte) error {
	if a.json {
		_, err := w.Write(text)
		return err
	}
	e, err := audit.ParseEntry(text)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, recordLine(&e))
	return err
}

// recordLine is a record in words. What came from outside is quoted where it is not
// plain.
func recordLine(e *audit.Entry) string {
	words := []string{e.Time.UTC().Format("2006-01-02 15:04:05.000"), "#" + strconv.FormatUint(e.Seq, 10), plain(e.Op)}
	add := func(form, text string) {
		if text != "" {
			words = append(words, fmt.Sprintf(form, plain(text)))
		}
	}
	add("%s", e.Phase)
	if e.Of > 0 {
		words = append(words, fmt.Sprintf("of #%d", e.Of))
	}
	add("%s", e.Decision)
	if e.Count > 0 {
		words = append(words, strconv.FormatUint(e.Count, 10))
	}
	add("%s", e.Alert)
	add("bot %s", e.Bot)
	add("key %s", e.Key)
	if e.Bot == "" && e.UID != nil {
		words = append(words, "uid "+strconv.FormatUint(uint64(*e.UID), 10))
	}
	add("%s", e.Endpoint)
	add("%s", e.Symbol)
	words = append(words, opWords(e)...)
	add("target %s", e.Target)
	add("rule %s", e.Rule)
	add("field %s", e.Field)
	add("by %s", e.Process)
	line := strings.Join(words, " ")
	if e.Detail != "" {
		line += ": " + plain(e.Detail)
	}
	return line
}

// maxOpWords is how many operations of a request a line has room for.
const maxOpWords = 3

func opWords(e *audit.Entry) (words []string) {
	ops, err := opsOf(e)
	if err != nil {
		return []string{"(operations that cannot be read)"}
	}
	for _, op := range ops[:min(len(ops), maxOpWords)] {
		words = append(words, "["+op.String()+"]")
	}
	if more := len(ops) - maxOpWords; more > 0 {
		words = append(words, fmt.Sprintf("[and %d more]", more))
	}
	return words
}

// String is the operation in words.
func (o auditOp) String() string {
	words := []string{plain(o.Do)}
	for _, part := range [][2]string{
		{"", o.Type}, {"", o.Symbol}, {"", o.Amount}, {"by ", o.Delta}, {"at ", o.Price}, {"aux ", o.AuxPrice},
		{"stop ", o.StopPrice}, {"trailing ", o.Trailing}, {"leverage ", o.Leverage}, {"", o.Currency}, {"to ", o.Address},
	} {
		if part[1] != "" {
			words = append(words, part[0]+plain(part[1]))
		}
	}
	if o.ID > 0 {
		words = append(words, "id "+strconv.FormatUint(o.ID, 10))
	}
	if o.CID > 0 {
		words = append(words, "cid "+strconv.FormatUint(o.CID, 10))
	}
	if o.External {
		words = append(words, "to another account")
	}
	return strings.Join(words, " ")
}

// plain quotes a text that is not printable ASCII.
func plain(text string) string {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return strconv.QuoteToASCII(text)
		}
	}
	return text
}

// buffered runs what prints much.
func (a *app) buffered(f func(w io.Writer) error) error {
	w := bufio.NewWriterSize(a.stdout, 64<<10)
	if err := f(w); err != nil {
		_ = w.Flush() // what was found before
		return err
	}
	return w.Flush()
}
