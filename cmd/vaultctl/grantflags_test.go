package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"bfxvault/cmd/internal/policyfile"
	"bfxvault/vault"
	"bfxvault/vault/policy"
)

// specOf is the grant that a command line spells.
func specOf(args ...string) (policy.GrantSpec, error) {
	var flags grantFlags
	var spec policy.GrantSpec
	c := &cobra.Command{SilenceErrors: true, SilenceUsage: true, RunE: func(c *cobra.Command, _ []string) (err error) {
		spec, err = flags.spec(c, "main")
		return err
	}}
	flags.add(c)
	c.SetArgs(args)
	return spec, c.Execute()
}

// The flags and the file say the same.
func TestGrantFlagsSayWhatThePolicyFileSays(t *testing.T) {
	tests := map[string]struct {
		args []string
		text string
	}{
		"permissions": {[]string{"--allow", "read,trade", "--market-orders", "--endpoints", "v2/auth/w/deposit/address"},
			"allow = [\"read\", \"trade\"]\nmarket_orders = true\nendpoints = [\"v2/auth/w/deposit/address\"]\n"},
		"lists": {[]string{"--allow", "read", "--symbols", "tBTCUSD,fUSD", "--order-types", "EXCHANGE LIMIT,LIMIT", "--flags", "post_only"},
			"allow = [\"read\"]\nsymbols = [\"tBTCUSD\", \"fUSD\"]\norder_types = [\"EXCHANGE LIMIT\", \"LIMIT\"]\nflags = [\"post_only\"]\n"},
		"empty rules, which allow nothing": {[]string{"--allow", "read", "--symbols", "", "--order-types=", "--max-order", "", "--max-leverage", "1"},
			"allow = [\"read\"]\nsymbols = []\norder_types = []\nmax_order = {}\nmax_leverage = 1\n"},
		"amounts": {[]string{"--allow", "trade", "--max-order", "BTC=0.5,ETH=10", "--max-notional", "USD=25000", "--daily-notional", "USD=500000.10"},
			"allow = [\"trade\"]\nmax_order = { BTC = 0.5, ETH = 10 }\nmax_notional = { USD = 25000 }\ndaily_notional = { USD = 500000.1 }\n"},
		"bands": {[]string{"--allow", "trade", "--price-band", "tBTCUSD=60000:5,tBTCF0:USTF0=60000.5:0.25"},
			"allow = [\"trade\"]\nprice_band = { tBTCUSD = { reference = 60000, percent = 5 }, \"tBTCF0:USTF0\" = { reference = 60000.5, percent = 0.25 } }\n"},
		"no band": {[]string{"--allow", "trade", "--price-band", ""}, "allow = [\"trade\"]\nprice_band = {}\n"},
		"limits": {[]string{"--allow", "trade", "--rate", "10/s", "--burst", "20", "--cancel-rate", "0.5/s", "--daily-requests", "0"},
			"allow = [\"trade\"]\nrate = { per_second = 10, burst = 20 }\ncancel_rate = { per_second = 0.5 }\ndaily_requests = 0\n"},
		"times": {[]string{"--allow", "read", "--hours", "Mon-Fri 08:00-18:00 Europe/London", "--expires", "2027-03-31"},
			"allow = [\"read\"]\nhours = \"Mon-Fri 08:00-18:00 Europe/London\"\nexpires = 2027-03-31\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := specOf(test.args...)
			if err != nil {
				t.Fatal(err)
			}
			f, err := policyfile.Parse("p.toml", []byte("[[bots.b.grants]]\nkey = \"main\"\n"+test.text), vault.NamedEndpoints())
			if err != nil {
				t.Fatal(err)
			}
			if want := f.Bots["b"].Grants[0]; !reflect.DeepEqual(got, want) {
				t.Fatalf("-file +flags\n%s", cmp.Diff(string(vault.GrantText(want)), string(vault.GrantText(got))))
			}
		})
	}
}

func TestGrantFlagsThatCannotBeMeantAreUsage(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"no permission":         {[]string{"--allow", ""}, "a grant without any permission allows nothing"},
		"an unknown one":        {[]string{"--allow", "fly"}, `--allow: unknown permission "fly"`},
		"an unknown order type": {[]string{"--allow", "trade", "--order-types", "EXCHANGE LMIT"}, `did you mean "EXCHANGE LIMIT"?`},
		"an unknown endpoint":   {[]string{"--allow", "settings", "--endpoints", "deposit"}, `--endpoints: unknown endpoint "deposit"`},
		"no amount":             {[]string{"--allow", "trade", "--max-order", "BTC"}, `--max-order: "BTC" is not a currency with an amount`},
		"a float":               {[]string{"--allow", "trade", "--max-order", "BTC=1e3"}, `--max-order: "BTC=1e3"`},
		"a currency twice":      {[]string{"--allow", "trade", "--max-order", "BTC=1,BTC=2"}, `--max-order: "BTC=2"`},
		"a negative amount":     {[]string{"--allow", "trade", "--max-order", "BTC=-1"}, "--max-order: BTC must not be negative"},
		"another currency":      {[]string{"--allow", "trade", "--max-notional", "usd=1"}, `--max-notional: "usd" is not a currency`},
		"a rate of minutes":     {[]string{"--allow", "trade", "--rate", "10/m"}, `--rate: "10/m" is not a rate such as 10/s`},
		"a rate of nothing":     {[]string{"--allow", "trade", "--rate", "0/s"}, "--rate: per_second must be"},
		"a burst alone":         {[]string{"--allow", "trade", "--burst", "5"}, "--burst goes with --rate"},
		"no leverage":           {[]string{"--allow", "trade", "--max-leverage", "0"}, "--max-leverage: must be 1 to 100"},
		"no day":                {[]string{"--allow", "trade", "--expires", "31.3.2027"}, "--expires: must be a day"},
		"no hours":              {[]string{"--allow", "trade", "--hours", "always"}, "--hours: must look like"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := specOf(test.args...)
			if err == nil || !is(err, reasonUsage) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%v, want usage: %s", err, test.want)
			}
		})
	}
}
