package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// ErrRefused says that a [Transport] neither signs nor sends a request; the message
// says what is wrong with it.
var ErrRefused = errors.New("client: not signed and not sent")

// maxBody is the largest body that vaultd signs.
const maxBody = 64 << 10

// Options of [NewTransport].
type Options struct {
	// Client asks for the signatures. Required.
	Client *Client
	// Label names the API key in the vault. Required.
	Label string
	// Bot is needed only where several bots match this process.
	Bot string
	// BaseURL is scheme and host of the only server that requests go to, such as
	// "https://api.bitfinex.com". Plain http is taken for loopback addresses only.
	// Required.
	BaseURL string
	// Base sends the signed requests; nil means http.DefaultTransport.
	Base http.RoundTripper
}

// Transport is an http.RoundTripper that has each request signed and sends
// exactly the bytes that were signed. It takes POST requests to
// BaseURL/v2/auth/… without a query, and refuses every other with [ErrRefused]:
// public endpoints need no signature, so use another http.Client for them.
//
// It follows no redirect itself. An http.Client that does comes back with a new
// request, which is judged and signed like any other: one to another host is
// refused. The bfx- headers are set on a copy, so none is carried along.
type Transport struct {
	options Options
	base    url.URL // scheme and host only
}

// NewTransport checks the options and returns a Transport.
func NewTransport(o Options) (*Transport, error) {
	switch {
	case o.Client == nil:
		return nil, errors.New("client: Options.Client is required")
	case o.Label == "":
		return nil, errors.New("client: Options.Label is required")
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("client: Options.BaseURL: %w", err)
	}
	bare := url.URL{Scheme: base.Scheme, Host: base.Host}
	switch {
	case base.Host == "" || strings.TrimSuffix(o.BaseURL, "/") != bare.String():
		return nil, fmt.Errorf("client: Options.BaseURL is scheme and host, such as https://api.bitfinex.com, not %q", o.BaseURL)
	case base.Scheme != "https" && (base.Scheme != "http" || !loopback(base.Hostname())):
		return nil, fmt.Errorf("client: Options.BaseURL %q would send signed requests in the clear", o.BaseURL)
	}
	if o.Base == nil {
		o.Base = http.DefaultTransport
	}
	return &Transport{options: o, base: bare}, nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// RoundTrip implements http.RoundTripper. The body is read to its end, once, and
// closed; above 64 KiB it is refused. Errors are [ErrRefused], those of
// [Client.SignRest] unchanged, and those of reading the body and of Options.Base.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	target, err := t.target(r)
	if err != nil {
		return nil, err
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	signed, err := t.options.Client.SignRest(r.Context(), Request{
		Label: t.options.Label, Bot: t.options.Bot, Path: target.Path[1:], Body: body,
	})
	if err != nil {
		return nil, err
	}
	return t.options.Base.RoundTrip(outgoing(r, target, body, signed))
}

// target is where a request goes, made of what will be signed and of nothing
// else in the request's URL.
func (t *Transport) target(r *http.Request) (*url.URL, error) {
	refuse := func(why string) (*url.URL, error) { return nil, fmt.Errorf("%w: %s", ErrRefused, why) }
	if r.URL == nil {
		return refuse("no URL")
	}
	u := &url.URL{Scheme: t.base.Scheme, Host: t.base.Host, Path: r.URL.Path}
	switch {
	case r.Method != http.MethodPost:
		return refuse("authenticated requests are POST")
	case !strings.EqualFold(r.URL.Scheme, u.Scheme) || !strings.EqualFold(r.URL.Host, u.Host):
		return refuse("it does not go to " + t.base.String())
	case r.Host != "" && !strings.EqualFold(r.Host, u.Host):
		return refuse("its Host header names another host")
	case r.URL.RawQuery != "" || r.URL.ForceQuery:
		return refuse("a query is no part of what Bitfinex signs; parameters belong into the body")
	case !strings.HasPrefix(u.Path, "/v2/auth/"):
		return refuse("only paths below /v2/auth/ are signed")
	case r.URL.User != nil || r.URL.Opaque != "" || r.URL.EscapedPath() != u.Path || u.EscapedPath() != u.Path:
		return refuse("its path would not be sent as it is signed")
	}
	return u, nil
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("client: reading the body: %w", err)
	case len(body) > maxBody:
		return nil, fmt.Errorf("%w: a body is at most %d bytes", ErrRefused, maxBody)
	}
	return body, nil
}

// outgoing is the request as it is sent. The caller's is left as it is.
func outgoing(r *http.Request, target *url.URL, body []byte, signed Signed) *http.Request {
	out := r.Clone(r.Context())
	out.URL, out.Host = target, ""
	out.GetBody = func() (io.ReadCloser, error) {
		if len(body) == 0 {
			return http.NoBody, nil // anything else of length 0 would be sent in chunks
		}
		return io.NopCloser(bytes.NewReader(body)), nil
	}
	out.Body, _ = out.GetBody() // never fails: see above
	out.ContentLength, out.TransferEncoding, out.Trailer = int64(len(body)), nil, nil
	if out.Header == nil {
		out.Header = http.Header{}
	}
	if out.Header.Get("content-type") == "" {
		out.Header.Set("content-type", "application/json")
	}
	signed.SetHeaders(out.Header)
	return out
}
