package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
)

// maxPassed is how large an answer may be that is passed on, in bytes: the longest history
// that Bitfinex gives in one has some million.
const maxPassed = 16 << 20

// Passing is a request that is passed on for somebody else.
type Passing struct {
	Method string // GET or POST
	Path   string // without its leading slash, as it was escaped: "v2/…" or "v1/…"
	Query  string // of public endpoints; nothing signs it
	Header http.Header
	Body   []byte
}

// Answer is what a server said to that, whole.
type Answer struct {
	Status int
	Header http.Header // of what the body is, and nothing else
	Body   []byte
}

// Pass sends a request and returns the answer, whatever it says, up to 16 MiB. All errors
// are *Error: but for Unsent and NothingLeft the request may have been carried out. It sends
// nothing twice.
func (c *Client) Pass(ctx context.Context, p Passing) (*Answer, error) {
	out, err := c.passed(ctx, p)
	if err != nil {
		return nil, &Error{Kind: Unsent, Err: err}
	}
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	response, err := c.transport.RoundTrip(out.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		e := unreachable(ctx, err)
		e.NothingLeft = !connected.Load()
		return nil, e
	}
	defer response.Body.Close()
	if response.ProtoMajor == 1 && response.ContentLength < 0 && len(response.TransferEncoding) == 0 {
		return nil, unclear(response, "an answer without its length, which could be cut short unnoticed")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPassed+1))
	switch {
	case err != nil: // half an answer is none
		return nil, unreachable(ctx, err)
	case len(body) > maxPassed:
		return nil, unclear(response, "an answer of more than 16 MiB")
	}
	a := &Answer{Status: response.StatusCode, Header: http.Header{}, Body: body}
	for _, name := range []string{"Content-Type", "Retry-After"} {
		if value := response.Header.Get(name); value != "" {
			a.Header.Set(name, value)
		}
	}
	return a, nil
}

func unclear(r *http.Response, why string) *Error {
	return &Error{Kind: Unclear, Status: r.StatusCode, Err: errors.New(why)}
}

func (c *Client) passed(ctx context.Context, p Passing) (*http.Request, error) {
	path, err := url.PathUnescape(p.Path)
	target := url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Path: "/" + path, RawPath: "/" + p.Path, RawQuery: p.Query}
	if err != nil || !strings.HasPrefix(p.Path, "v2/") && !strings.HasPrefix(p.Path, "v1/") || target.EscapedPath() != target.RawPath {
		return nil, errors.New("not a path of Bitfinex's API v2 or v1")
	}
	out, err := http.NewRequestWithContext(ctx, p.Method, target.String(), bytes.NewReader(p.Body))
	if err != nil {
		return nil, errors.New("the request cannot be put into HTTP")
	}
	if len(p.Body) == 0 {
		out.Body, out.GetBody, out.ContentLength = http.NoBody, nil, 0
	}
	out.Header = p.Header.Clone()
	out.Header.Set("User-Agent", "bfxvault")
	return out, nil
}

// IsNonceRefusal says whether an answer is Bitfinex's to a request nonce that is too
// small: of API v2, or of v1.
func (a *Answer) IsNonceRefusal() bool {
	if code, _, refused := refusal(a.Body); refused {
		return code == CodeNonce
	}
	return a.Status == http.StatusBadRequest && bytes.Contains(a.Body, []byte(`"Nonce is too small."`))
}
