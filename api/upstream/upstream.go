// Package upstream is the one way to Bitfinex: it sends requests that are signed
// already, and reads what comes back as the word of a stranger.
//
// Make a [Client] with [New], send with [Client.Do], and read the answer of
// auth/r/permissions with [Permissions]. Who passes answers on as they are, such as
// vaultproxy, sends with [Client.Pass].
//
// Traps: how long a request may take is the context's to say, and one without an end
// may wait for ever. Requests of one API key must leave in the order of their nonces,
// each after the answer to the one before: Bitfinex takes no nonce below its last.
// Where nothing came back the request may have been carried out all the same.
//
// Promise: what goes out goes to Bitfinex and nowhere else. The host is fixed, TLS is
// verified, no redirect is followed, no proxy of the environment is asked. Another host
// is taken only where it is this machine: for the simulated exchange.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bitfinex is where authenticated requests go (docs.bitfinex.com/docs/rest-auth).
const Bitfinex = "https://api.bitfinex.com"

const (
	maxAnswer  = 1 << 20 // bytes; permissions are some hundreds, a cancel of all orders some hundred thousand
	maxHeaders = 64 << 10
	maxIdle    = 64 // connections: one for each API key that is in use at a time
	idle       = 30 * time.Second
)

// Options of [New]. The zero value is for Bitfinex.
type Options struct {
	// URL is scheme and host of another server than Bitfinex. It must be on this
	// machine: an address of 127.0.0.0/8, ::1, or localhost; there http will do.
	URL string
}

// Client sends to one server. Its methods may be called from any goroutine.
type Client struct {
	base      url.URL // scheme and host only
	transport *http.Transport
}

// New returns a client for Bitfinex, or for a server on this machine. The error says
// what is wrong with the URL, and does not repeat it.
func New(o Options) (*Client, error) {
	dialer := &net.Dialer{}
	if o.URL == "" {
		o.URL = Bitfinex
	}
	base, err := parseBase(o.URL)
	if err != nil {
		return nil, err
	}
	if base.String() != Bitfinex {
		dialer.ControlContext = onlyLoopback
	}
	return &Client{base, &http.Transport{
		// No proxy: one that the environment names would learn who asks Bitfinex and when,
		// and could hold requests back until their nonces are small.
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		DisableCompression:     true, // an answer is as large as it arrives
		MaxResponseHeaderBytes: maxHeaders,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idle,
	}}, nil
}

// Close closes the connections that no request is using.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Request is a request that was signed for Bitfinex's API v2.
type Request struct {
	Path      string // such as "v2/auth/r/permissions"
	Body      string // the bytes that were signed
	APIKey    string // Bitfinex's public id
	Nonce     uint64
	Signature string // lower-case hex
}

// Do sends a request and returns the body of the answer, up to 1 MiB. All errors are
// *[Error].
func (c *Client) Do(ctx context.Context, r Request) ([]byte, error) {
	out, err := c.outgoing(ctx, r)
	if err != nil {
		return nil, &Error{Kind: Unsent, Err: err}
	}
	// RoundTrip itself, since an http.Client would follow redirects.
	response, err := c.transport.RoundTrip(out)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unreachable(ctx, err)
	case len(body) > maxAnswer:
		return nil, &Error{Kind: Unclear, Status: response.StatusCode, Err: fmt.Errorf("an answer of more than %d bytes", maxAnswer)}
	}
	if err := judge(response.StatusCode, body); err != nil {
		return nil, err
	}
	return body, nil
}

// unreachable is the error of a request to which no answer came: that of the context
// where it has ended.
func unreachable(ctx context.Context, err error) *Error {
	return &Error{Kind: Unreachable, Err: errors.Join(ctx.Err(), err)}
}

// outgoing is the request as it is sent: nothing in it but what was signed.
func (c *Client) outgoing(ctx context.Context, r Request) (*http.Request, error) {
	target := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: "/" + r.Path}
	if !strings.HasPrefix(r.Path, "v2/auth/") || target.EscapedPath() != target.Path {
		return nil, errors.New("not a path of Bitfinex's API v2 for authenticated requests")
	}
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(r.Body))
	if err != nil {
		return nil, errors.New("the request cannot be put into HTTP")
	}
	out.Header = http.Header{
		"Content-Type":  {"application/json"},
		"User-Agent":    {"bfxvault"},
		"Bfx-Apikey":    {r.APIKey},
		"Bfx-Nonce":     {strconv.FormatUint(r.Nonce, 10)},
		"Bfx-Signature": {r.Signature},
	}
	return out, nil
}
