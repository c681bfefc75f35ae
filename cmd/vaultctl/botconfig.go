package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
)

// proxyURL is where vaultproxy serves where nobody says otherwise.
const proxyURL = "http://127.0.0.1:8431"

// stockClient is a client that signs by itself, and what it has to be told. KEY, SECRET and
// URL stand for the stand-in credential and vaultproxy's address. docs/bots.md says what
// was run, and with which version.
type stockClient struct {
	name string
	// variables it reads by itself; none for those that are told in a program.
	variables [][2]string
	snippet   string
}

func stockClients() []stockClient {
	general := [][2]string{{"BFX_API_KEY", "KEY"}, {"BFX_API_SECRET", "SECRET"}, {"BFX_API_URL", "URL"}}
	return []stockClient{
		{"ccxt", general, "new ccxt.bitfinex({\n  apiKey: 'KEY',\n  secret: 'SECRET',\n  urls: { api: { private: 'URL' } },\n})\n"},
		{"freqtrade", [][2]string{{"FREQTRADE__EXCHANGE__KEY", "KEY"}, {"FREQTRADE__EXCHANGE__SECRET", "SECRET"}}, "\"exchange\": {\n  \"name\": \"bitfinex\",\n  \"key\": \"KEY\",\n  \"secret\": \"SECRET\",\n" +
			"  \"ccxt_config\": { \"urls\": { \"api\": { \"private\": \"URL\" } } },\n" +
			"  \"ccxt_async_config\": { \"urls\": { \"api\": { \"private\": \"URL\" } } }\n}\n"},
		{"bfx-api-node-rest", general, "new RESTv2({\n  apiKey: 'KEY',\n  apiSecret: 'SECRET',\n  url: 'URL',\n})\n"},
		{"bitfinex-api-py", general, "Client(\n    api_key=\"KEY\",\n    api_secret=\"SECRET\",\n    rest_host=\"URL/v2\",\n)\n"},
		{"go", general, "rest.NewClientWithURL(\"URL/v2/\").Credentials(\"KEY\", \"SECRET\")\n"},
	}
}

func clientNames() (names []string) {
	for _, c := range stockClients() {
		names = append(names, c.name)
	}
	return names
}

// clientOf is a client by its name.
func clientOf(name string) (stockClient, error) {
	all := stockClients()
	i := slices.IndexFunc(all, func(c stockClient) bool { return c.name == name })
	if i < 0 {
		return stockClient{}, usagef("--for takes %s", strings.Join(clientNames(), ", "))
	}
	return all[i], nil
}

func addFor(c *cobra.Command, to *string, usage string) {
	c.Flags().StringVar(to, "for", "", usage+": "+strings.Join(clientNames(), ", "))
	_ = c.RegisterFlagCompletionFunc("for", cobra.FixedCompletions(clientNames(), cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

func (a *app) botConfig() *cobra.Command {
	var with, url string
	c := &cobra.Command{
		Use:   "config NAME --for CLIENT",
		Short: "Print what a stock client has to be told to use the vault through vaultproxy",
		Long: "Print the lines to paste into the configuration or source of a bot's stock client, with\n" +
			"the id of the bot's stand-in credential. Its secret was shown once, by bot issue.",
		Example: "  vaultctl bot config mm-1 --for ccxt", Args: exactly(1), ValidArgsFunction: a.completeBots,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := clientOf(with)
			if err != nil {
				return err
			}
			return a.with(func(s *session) error {
				list, err := s.admin.ListStandIns(c.Context(), &pb.ListStandInsRequest{Bot: args[0]})
				if err != nil {
					return err
				}
				id := "the API key that bot issue prints"
				for _, si := range list.GetStandIns() {
					if si.GetRecalled() == 0 && !si.GetSuspended() {
						id = si.GetId()
					}
				}
				snippet := filled(client.snippet, id, "the secret that bot issue printed", url)
				return a.report(map[string]any{"bot": args[0], "for": client.name, "snippet": snippet}, func() { a.printf("%s", snippet) })
			})
		},
	}
	addFor(c, &with, "the client")
	c.Flags().StringVar(&url, "proxy", proxyURL, "where vaultproxy serves")
	_ = c.MarkFlagRequired("for") // the flag exists
	return c
}

// filled puts a credential and an address into what a client is told.
func filled(text, key, secret, url string) string {
	return strings.NewReplacer("KEY", key, "SECRET", secret, "URL", url).Replace(text)
}
