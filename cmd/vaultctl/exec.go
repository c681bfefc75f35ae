package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

type execFlags struct {
	issueFlags
	label, standIn, with, url string
}

func (a *app) exec() *cobra.Command {
	var f execFlags
	c := &cobra.Command{
		Use:   "exec BOT -- COMMAND [ARG...]",
		Short: "Run a bot with a stand-in credential in its environment, which ends with it",
		Long: "Run a bot's command with a stand-in credential and vaultproxy's address in the variables\n" +
			"that its client reads: BFX_API_KEY, BFX_API_SECRET and BFX_API_URL, or with --for those\n" +
			"of one client. The credential is issued for it, with the passphrase, and recalled once\n" +
			"the command has ended; or it comes from a file, as bot issue --json printed it.",
		Example: "  vaultctl exec mm-1 -- node bot.js\n  vaultctl exec mm-1 --for freqtrade -- freqtrade trade",
		Args: func(c *cobra.Command, args []string) error {
			if c.ArgsLenAtDash() != 1 || len(args) < 2 {
				return usagef("a bot, then -- and its command: %s", c.UseLine())
			}
			return nil
		},
		ValidArgsFunction: a.completeBots,
		RunE: func(c *cobra.Command, args []string) error {
			return a.runExec(c.Context(), args[0], args[1:], f)
		},
	}
	f.from.add(c)
	c.Flags().StringVar(&f.label, "label", "", "the API key, where the bot has several grants")
	c.Flags().StringVar(&f.uid, "uid", "", "the user id that the credential is bound to, or any (default: that of the bot's match)")
	c.Flags().StringVar(&f.standIn, "stand-in", "", "take the credential from a file that only you can read; - is standard input")
	c.Flags().StringVar(&f.url, "proxy", proxyURL, "where vaultproxy serves")
	addFor(c, &f.with, "set the variables of one client")
	return c
}

func (a *app) runExec(ctx context.Context, bot string, command []string, f execFlags) error {
	client := stockClients()[0] // whose variables are the general ones
	if f.with != "" {
		var err error
		if client, err = clientOf(f.with); err != nil {
			return err
		}
	}
	if f.standIn != "" {
		id, secret, err := a.standInFile(f.standIn)
		if err != nil {
			return err
		}
		return a.runBot(command, environment(client, id, secret, f.url))
	}
	request := vault.IssueStandIn{Bot: bot, Label: f.label}
	var secret string
	request.ID, secret = newStandIn()
	return a.showAndWiden(ctx, f.from, func(s *session) error { return s.settle(ctx, &request, f.uid) }, func(s *session, by *credential) (err error) {
		issued, err := s.issueStandIn(ctx, by, request, secret)
		if err != nil {
			return err
		}
		a.remember(ctx, s, issued.GetRevision())
		by.kek.Wipe() // the bot may run for weeks
		defer func() { err = errors.Join(err, a.recallAfter(bot, request.ID)) }()
		return a.runBot(command, environment(client, request.ID, secret, f.url))
	})
}

// recallAfter ends the credential of a command that has ended.
func (a *app) recallAfter(bot, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // a signal has ended the command's
	defer cancel()
	return a.with(func(s *session) error {
		_, err := s.admin.RecallStandIn(ctx, &pb.RecallStandInRequest{Bot: bot, Id: id})
		if err != nil {
			a.warnf("the stand-in credential is still good: %s", toFailure(err).message)
			a.hintf("vaultctl bot recall %s %s", bot, id)
		}
		return nil
	})
}

// standInFile reads a credential as `bot issue --json` prints it.
func (a *app) standInFile(path string) (id, secret string, err error) {
	text, err := a.privateFile(path)
	if err != nil {
		return "", "", err
	}
	defer clear(text)
	var f struct {
		APIKey    string `json:"api_key"`
		APISecret string `json:"api_secret"`
	}
	if json.Unmarshal(text, &f) != nil || f.APIKey == "" || f.APISecret == "" {
		return "", "", failed("UNREADABLE", "the file holds no stand-in credential").withHint("vaultctl bot issue NAME --json prints one")
	}
	return f.APIKey, f.APISecret, nil
}

// environment is ours, with what the client reads.
func environment(c stockClient, id, secret, url string) []string {
	env := os.Environ()
	for _, v := range c.variables {
		env = append(env, v[0]+"="+filled(v[1], id, secret, url))
	}
	return env
}

// runBot runs a command until it ends, hands it the signals that are ours, and ends as it
// does.
func (a *app) runBot(command, env []string) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, a.stdout, a.stderr
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return failed("FAILED", "the command cannot be run: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // ended by itself is as good
		case err := <-ended:
			return endOf(err)
		}
	}
}

// endOf is how a command has ended: with its exit code.
func endOf(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		f := failed("COMMAND_FAILED", "the command ended with %d", exit.ExitCode())
		f.code = exit.ExitCode()
		return f
	}
	return failed("COMMAND_FAILED", "the command ended: %v", err)
}
