package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"bfxvault/api/client"
	"bfxvault/api/upstream"
)

// Options of [New].
type Options struct {
	Signer   *client.Client
	Upstream *upstream.Client
	Log      *slog.Logger
	// Hosts are the values of the Host header that are ours, such as "127.0.0.1:8431": a
	// page in a browser that was led here by a name names another (A21). None stands for
	// any, on a unix socket.
	Hosts []string
}

// Proxy is an http.Handler for stock clients.
type Proxy struct {
	options    Options
	lanes      *lanes
	unreported sync.Once // has been said
}

// New returns a proxy.
func New(o Options) *Proxy { return &Proxy{options: o, lanes: newLanes()} }

const (
	maxBody    = 64 << 10 // what vaultd signs
	maxHeader  = 96 << 10 // of REST v1 all is in one
	maxStreams = 64       // of one connection by HTTP/2
	headerTime = 10 * time.Second
	bodyTime   = 20 * time.Second
	// answerTime is how long Bitfinex gets. After it nobody knows what became of a request.
	answerTime = 60 * time.Second
	// signTime is how long vaultd gets.
	signTime = 10 * time.Second
	// retryTime is for how long after the first signature a second is asked for.
	retryTime = 10 * time.Second
)

// Server is an http.Server for a proxy, which nobody holds up by sending slowly.
func Server(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ConnContext: PeerContext, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: headerTime, ReadTimeout: headerTime + bodyTime, WriteTimeout: 2*answerTime + queueTime + bodyTime,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeader,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
	}
}

// ServeHTTP answers one request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refused := p.guard(r)
	var a *ask
	if refused == nil {
		a, refused = read(w, r)
	}
	if refused != nil {
		w.Header().Set("Connection", "close") // whatever else it sends is not waited for
		refused.write(w)
		return
	}
	if !a.signed {
		p.pass(w, r, a)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*answerTime+queueTime)
	defer cancel()
	answer, refused := p.carry(ctx, a)
	if refused != nil {
		p.options.Log.Debug("refused", "path", a.path, "why", refused.text)
		refused.write(w)
		return
	}
	writeAnswer(w, answer)
}

// guard refuses what no stock client sends: a browser's requests, and those that mean to go
// elsewhere (A21, A23).
func (p *Proxy) guard(r *http.Request) *refusal {
	switch {
	case r.URL.IsAbs() || r.URL.Host != "" || r.Method == http.MethodConnect:
		return &refusal{status: http.StatusForbidden, text: "this is no proxy to anywhere: give the client its address as base URL"}
	case len(r.TransferEncoding) > 0:
		return &refusal{status: http.StatusLengthRequired, text: "a body is sent with its length, not in chunks"} // A25
	case r.Header.Get("Upgrade") != "":
		return &refusal{status: http.StatusNotImplemented, text: "WebSocket is not supported yet: use REST"}
	case len(r.Header.Values("Origin")) > 0 || r.Header.Get("Sec-Fetch-Site") != "":
		return &refusal{status: http.StatusForbidden, text: "requests of browsers are refused"}
	}
	if len(p.options.Hosts) == 0 {
		return nil
	}
	for _, host := range p.options.Hosts {
		if r.Host == host {
			return nil
		}
	}
	return &refusal{status: http.StatusForbidden, text: "the Host header names another host"}
}

// pass passes a request to a public endpoint on.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, a *ask) {
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	answer, err := p.options.Upstream.Pass(ctx, upstream.Passing{Method: r.Method, Path: a.path, Query: r.URL.RawQuery, Header: plainHeader(), Body: a.body})
	if err != nil {
		a.unreached(err).write(w)
		return
	}
	writeAnswer(w, answer)
}

func plainHeader() http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
}

func writeAnswer(w http.ResponseWriter, a *upstream.Answer) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // who asked may have left
}

// Hosts are the values of the Host header that name a listener on loopback; none for a
// unix socket.
func Hosts(listener net.Addr) []string {
	tcp, ok := listener.(*net.TCPAddr)
	if !ok {
		return nil
	}
	_, port, _ := net.SplitHostPort(tcp.String()) // of an address, so it can be split
	return []string{net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port), net.JoinHostPort("localhost", port), tcp.String()}
}
