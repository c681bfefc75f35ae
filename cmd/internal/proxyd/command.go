// Package proxyd is vaultproxy as a value: its command line, its socket, its end.
//
// Promise: it holds no secret, and reads no file of the vault.
package proxyd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"google.golang.org/grpc/grpclog"

	"bfxvault/api/client"
	"bfxvault/api/proxy"
	"bfxvault/api/upstream"
	"bfxvault/cmd/internal/harden"
	"bfxvault/cmd/internal/paths"
	"bfxvault/vault/release"
)

const usage = `usage: vaultproxy [--dir DIR] [--listen ADDR|unix:PATH] [--upstream URL] [--tls]

vaultproxy lets stock clients of Bitfinex use a vault: give a client its address as
base URL, and a stand-in credential (vaultctl bot issue) as API key and secret. It runs
in the foreground, beside vaultd.

  --dir DIR       the vault's folder (or BFXVAULT_DIR)
  --listen ADDR   where clients connect, on this machine: 127.0.0.1:8431, or unix:PATH
  --upstream URL  a simulated exchange on this machine, in place of Bitfinex
  --tls           HTTPS and HTTP/2, with a certificate of its own that it makes once;
                  its log says where that is, for clients to trust
  --version       print the version

Signals: SIGTERM ends, once what is under way is answered.
`

// defaultListen is where clients connect where nobody says otherwise.
const defaultListen = "127.0.0.1:8431"

// maxConnections is how many clients may be connected; the others wait.
const maxConnections = 512

// drainTime is how long requests under way get at the end.
const drainTime = 30 * time.Second

// settings are what the command line says.
type settings struct {
	dir, listen, upstream string
	tls                   bool
}

// Command runs vaultproxy with its arguments and returns its exit code: 0 ended as it was
// told, 1 failed, 2 usage.
func Command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(stderr, "vaultproxy: error: %v\n", err)
		return code
	}
	if err := harden.Process(); err != nil {
		return fail(1, err)
	}
	// A request waits for vaultd and for Bitfinex, each in turn. Threads that look for more
	// work meanwhile, and find none, were a sixth of what it took.
	runtime.GOMAXPROCS(1)
	// What gRPC logs, where the environment asks for it, repeats what callers send (A49).
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	var s settings
	flags := flag.NewFlagSet("vaultproxy", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.dir, "dir", "", "")
	flags.StringVar(&s.listen, "listen", defaultListen, "")
	flags.StringVar(&s.upstream, "upstream", "", "")
	flags.BoolVar(&s.tls, "tls", false, "")
	version := flags.Bool("version", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		return fail(2, errors.New("a flag that vaultproxy does not have, or without its value: see vaultproxy --help"))
	case flags.NArg() > 0:
		return fail(2, errors.New("vaultproxy takes no arguments: see vaultproxy --help"))
	case *version:
		fmt.Fprintln(stdout, "vaultproxy", release.Version)
		return 0
	}
	to, err := upstream.New(upstream.Options{URL: s.upstream})
	if err != nil {
		return fail(2, fmt.Errorf("--upstream: %w", err))
	}
	defer to.Close()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := s.run(ctx, to, slog.New(slog.NewTextHandler(stderr, nil))); err != nil {
		return fail(1, err)
	}
	return 0
}

// run serves until the context ends.
func (s settings) run(ctx context.Context, to *upstream.Client, log *slog.Logger) error {
	p, err := paths.ForClient(s.dir)
	if err != nil {
		return err
	}
	signer, err := client.Dial(p.SignSocket())
	if err != nil {
		return err
	}
	defer signer.Close()
	listener, err := listen(s.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	server := proxy.Server(proxy.New(proxy.Options{Signer: signer, Upstream: to, Log: log, Hosts: proxy.Hosts(listener.Addr())}), log)
	serve := server.Serve
	if s.tls {
		folder := ownFolder(s.dir, p)
		if server.TLSConfig, err = certified(folder); err != nil {
			return fmt.Errorf("--tls: %w", err)
		}
		log.Info("clients trust", "certificate", filepath.Join(folder, certificateFile))
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(proxy.Limit(listener, maxConnections)) }()
	log.Info("serving", "at", listener.Addr().String())
	_, _ = sd.SdNotify(false, sd.SdNotifyReady) // where nobody started it so, there is nobody to tell
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	_, _ = sd.SdNotify(false, sd.SdNotifyStopping)
	draining, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := server.Shutdown(draining); err != nil {
		return fmt.Errorf("requests are still under way: %w", err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Info("ended")
	return nil
}
