package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bfxvault/vault/audit"
	"bfxvault/vault/policy"
)

func (a *app) auditSummary() *cobra.Command {
	var day string
	c := &cobra.Command{
		Use:   "summary",
		Short: "Sum up a day of the audit log, bot by bot",
		Long: "Sum up a day, bot by bot. What orders were worth is counted for those signed with an\n" +
			"amount and a price; an update is the same order and not counted again.",
		Example: "  vaultctl audit summary\n  vaultctl audit summary --day 2026-11-25 --json",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			from := time.Now().UTC().Truncate(24 * time.Hour)
			if day != "" {
				var err error
				if from, err = time.Parse(time.DateOnly, day); err != nil {
					return usagef("--day is a day such as 2026-11-25, not %q", day)
				}
			}
			return a.withAudit(c.Context(), func(r *audit.Reader) error {
				filter := audit.Filter{Op: "sign", Since: from, Until: from.AddDate(0, 0, 1)}
				sums := make(summary)
				if err := eachEntry(c.Context(), r, filter, sums.add); err != nil {
					return err
				}
				return a.reportSummary(from, sums)
			})
		},
	}
	c.Flags().StringVar(&day, "day", "", "the day, in UTC; today where none is given")
	_ = c.RegisterFlagCompletionFunc("day", cobra.NoFileCompletions)
	return c
}

// summary is what was counted, by whose it is.
type summary map[who]*botSum

// who is a bot, or the uid of a caller that is none.
type who struct {
	bot string
	uid uint32
}

// String is the bot, or what is known of the caller.
func (w who) String() string {
	if w.bot != "" {
		return plain(w.bot)
	}
	return "no bot, uid " + strconv.FormatUint(uint64(w.uid), 10)
}

// botSum is the JSON of a bot's day.
type botSum struct {
	Bot     string  `json:"bot,omitzero"`
	UID     *uint32 `json:"uid,omitzero"`
	Signed  uint64  `json:"signed"`
	Denied  uint64  `json:"denied"`
	Limited uint64  `json:"limited"`
	Refused uint64  `json:"refused"`
	// Classes and Symbols count what was signed.
	Classes map[string]uint64 `json:"classes"`
	Symbols map[string]uint64 `json:"symbols"`
	// Notional is what the orders were worth, by the currency that they are paid in.
	Notional map[string]policy.Decimal `json:"notional"`
	First    time.Time                 `json:"first"`
	Last     time.Time                 `json:"last"`
}

func (s summary) of(e *audit.Entry) *botSum {
	w := who{bot: e.Bot}
	if e.Bot == "" && e.UID != nil {
		w.uid = *e.UID
	}
	b := s[w]
	if b == nil {
		b = &botSum{Bot: e.Bot, First: e.Time, Classes: map[string]uint64{}, Symbols: map[string]uint64{}, Notional: map[string]policy.Decimal{}}
		if e.Bot == "" {
			b.UID = e.UID
		}
		s[w] = b
	}
	return b
}

// add counts a signing record.
func (s summary) add(e *audit.Entry) error {
	b, n := s.of(e), max(e.Count, 1)
	if e.Time.Before(b.First) { // the clock was set back
		b.First = e.Time
	}
	if e.Time.After(b.Last) {
		b.Last = e.Time
	}
	switch e.Decision {
	case audit.Allowed:
		b.Signed += n
		return b.addSigned(e)
	case audit.Denied:
		b.Denied += n
	case audit.Limited:
		b.Limited += n
	default:
		b.Refused += n
	}
	return nil
}

func (b *botSum) addSigned(e *audit.Entry) error {
	b.Classes[e.Class]++
	ops, err := opsOf(e)
	if err != nil {
		return fmt.Errorf("record %d: %w", e.Seq, err)
	}
	if e.Symbol != "" {
		b.Symbols[e.Symbol]++
	}
	for _, op := range ops {
		if op.Symbol != "" {
			b.Symbols[op.Symbol]++
		}
		b.addNotional(op)
	}
	return nil
}

func (b *botSum) addNotional(op auditOp) {
	_, quote, ok := policy.Currencies([]byte(op.Symbol))
	amount, known := policy.ParseDecimal(op.Amount)
	price, priced := policy.ParseDecimal(op.Price)
	if op.Do == "submit" && ok && quote != nil && known && priced && price.IsPositive() {
		b.Notional[string(quote)] = b.Notional[string(quote)].AddAbs(amount.Abs().MulUp(price))
	}
}

func (a *app) reportSummary(day time.Time, sums summary) error {
	order := slices.SortedFunc(maps.Keys(sums), func(x, y who) int {
		if (x.bot == "") != (y.bot == "") {
			return strings.Compare(y.bot, x.bot) // those that are no bots come last
		}
		return strings.Compare(x.String(), y.String())
	})
	bots := make([]*botSum, 0, len(sums))
	for _, w := range order {
		bots = append(bots, sums[w])
	}
	value := map[string]any{"day": day.Format(time.DateOnly), "bots": bots}
	return a.report(value, func() {
		if len(bots) == 0 {
			a.printf("nothing was asked for on %s\n", day.Format(time.DateOnly))
		}
		for _, w := range order {
			a.printSum(w, sums[w])
		}
	})
}

func (a *app) printSum(w who, b *botSum) {
	clock := func(t time.Time) string { return t.UTC().Format(time.TimeOnly) }
	a.printf("%s: %d signed, %d denied, %d limited, %d refused, %s to %s UTC\n",
		w, b.Signed, b.Denied, b.Limited, b.Refused, clock(b.First), clock(b.Last))
	row := func(title string, parts []string) {
		if len(parts) > 0 {
			a.printf("  %-9s %s\n", title+":", strings.Join(parts, ", "))
		}
	}
	row("classes", counted(b.Classes))
	row("symbols", counted(b.Symbols))
	var worth []string
	for _, currency := range slices.Sorted(maps.Keys(b.Notional)) {
		worth = append(worth, b.Notional[currency].String()+" "+plain(currency))
	}
	row("notional", worth)
}

// counted lists words with how often they came, the most frequent first.
func counted(n map[string]uint64) []string {
	words := slices.SortedFunc(maps.Keys(n), func(x, y string) int {
		return cmp.Or(cmp.Compare(n[y], n[x]), strings.Compare(x, y))
	})
	for i, w := range words {
		words[i] = fmt.Sprintf("%s %d", plain(w), n[w])
	}
	return words
}
