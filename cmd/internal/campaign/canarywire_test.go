package campaign_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	pb "bfxvault/proto/bfxvault/v1"
)

// P1, A49: what is no RPC at all: broken messages, frames cut short, other methods,
// types of content and headers, messages over the limit, and noise, on both sockets.
//
// One more thing may be seen here: gRPC itself tells the sender which method, codec,
// encoding or header it does not know, before any code of ours runs. Nobody else is told,
// and nothing of it stays.
func TestNoFrameRepeatsASecret(t *testing.T) {
	t.Parallel()
	h := newHunt(t, mixed)
	copy(h.kek[:], h.canary("the KEK"))
	verbose := []string{"GRPC_GO_LOG_SEVERITY_LEVEL=info", "GRPC_GO_LOG_VERBOSITY_LEVEL=99"} // gRPC's own log
	h.process = startProcess(t, program(t, "vaultd"), h.rig.dir, verbose, h.on)
	h.setUp()
	for _, sign := range []bool{true, false} {
		socket, method := h.paths.AdminSocket(), pb.AdminService_AddKey_FullMethodName
		if sign {
			socket, method = h.paths.SignSocket(), pb.SignerService_SignRest_FullMethodName
		}
		h.brokenMessages(h.dialTo(sign), method, sign)
		h.brokenRequests(socket, method)
		h.noise(socket)
	}
	must(t, h.admin().lock()) // it still answers
	h.crashed(t)
	h.asked = 2 // all others reach no vault
	h.search()
}

// asIs sends a message byte by byte as it is given.
type asIs struct{}

func (asIs) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (asIs) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
func (asIs) Name() string { return "proto" }

var _ encoding.CodecV2 = asIs{}

// echoed are the secrets that gRPC may tell their sender of.
func echoed(what string) []string {
	switch what {
	case "a method", "a service", "an encoding":
		return []string{what + ", " + mixed}
	case "a codec":
		return []string{what + ", " + named}
	case "a binary header":
		return []string{"no base64, " + mixed}
	}
	return nil
}

// raw calls a method with the bytes of a message, and hears what comes back.
func (h *hunt) raw(where string, conn *grpc.ClientConn, method string, message []byte, options ...grpc.CallOption) error {
	h.t.Helper()
	var answer []byte
	var header, trailer metadata.MD
	options = append(options, grpc.ForceCodecV2(asIs{}), grpc.Header(&header), grpc.Trailer(&trailer))
	ctx := metadata.AppendToOutgoingContext(h.t.Context(), "authorization", "Bearer "+h.canary("a header"), "x-bin", h.canary("a binary header"))
	err := conn.Invoke(ctx, method, message, &answer, options...)
	h.hear(where, answer)
	for _, md := range []metadata.MD{header, trailer} {
		for name, values := range md {
			h.hear(where, []byte(name+": "+strings.Join(values, "\n")), echoed(where)...)
		}
	}
	if err != nil {
		h.hear(where, []byte(err.Error()+status.Convert(err).Proto().String()), echoed(where)...)
	}
	return err
}

// brokenMessages are messages that are no protobuf, or more than there is room for.
func (h *hunt) brokenMessages(conn *grpc.ClientConn, method string, sign bool) {
	h.t.Helper()
	field := func(n protowire.Number, what string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, n, protowire.BytesType), h.canary(what))
	}
	for where, message := range map[string][]byte{
		"a field cut short":     field(1, "a field cut short")[:30],
		"a length beyond":       append([]byte{0x0a, 0xff, 0x7f}, h.canary("a length beyond")...),
		"no UTF-8":              append([]byte{0x0a, 44, 0xff}, h.canary("no UTF-8")...),
		"a group without end":   append([]byte{0x0b}, field(2, "a group without end")...),
		"another type of wire":  append([]byte{0x09}, h.canary("another type of wire")...),
		"text":                  []byte(h.canary("text")),
		"JSON":                  []byte(`{"label":"` + h.canary("JSON") + `"}`),
		"an unknown field":      field(1000, "an unknown field"),
		"the same field thrice": bytes.Repeat(field(1, "the same field thrice"), 3),
		"too much":              bytes.Repeat(field(1, "too much"), 200_000),
	} {
		if sign {
			h.pace() // some of them are messages all the same
		}
		if err := h.raw(where, conn, method, message); err == nil {
			h.t.Errorf("%s: was accepted", where)
		}
	}
	service := method[:strings.LastIndexByte(method, '/')+1]
	for where, other := range map[string]string{
		"a method": service + h.canary("a method"), "a service": "/" + h.canary("a service") + "/SignRest",
	} {
		if err := h.raw(where, conn, other, nil); err == nil {
			h.t.Errorf("%s: was accepted", where)
		}
	}
}

// brokenRequests are requests of HTTP/2 that grpc's client would not send.
func (h *hunt) brokenRequests(socket, method string) {
	h.t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{Protocols: &protocols,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	defer client.CloseIdleConnections()
	framed := func(flag byte, length int, what string) string {
		return string(binary.BigEndian.AppendUint32([]byte{flag}, uint32(length))) + h.canary(what)
	}
	for _, r := range []struct{ where, verb, kind, header, value, body string }{
		{"a frame cut short", "POST", "application/grpc", "", "", framed(0, 1000, "a frame cut short")},
		{"a frame of another flag", "POST", "application/grpc", "", "", framed(7, 43, "a frame of another flag")},
		{"a compressed frame", "POST", "application/grpc", "grpc-encoding", "gzip", framed(1, 43, "a compressed frame")},
		{"an encoding", "POST", "application/grpc", "grpc-encoding", h.canary("an encoding"), framed(1, 43, "a frame of some encoding")},
		{"a codec", "POST", "application/grpc+" + strings.ToLower(h.canaryOf("a codec", named)), "", "", framed(0, 43, "a frame of some codec")},
		{"a length of 4 GiB", "POST", "application/grpc", "", "", framed(0, 1<<32-1, "a length of 4 GiB")},
		{"a verb", "PUT", "application/grpc", "", "", h.canary("a body of a verb")},
		{"a header's name", "POST", "application/grpc", "x-" + h.canaryOf("a header's name", named), "1", h.canary("no frame")},
		{"a binary header", "POST", "application/grpc", "x-bin", h.canary("no base64") + "!", h.canary("a body with a binary header")},
		{"another type of content", "POST", "application/json", "", "", `{"secret":"` + h.canary("a body of JSON") + `"}`},
		{"a path", "GET", "text/plain", "", "", ""},
	} {
		path := method
		if r.verb == "GET" {
			path = "/" + h.canary("a path of HTTP") + "?token=" + h.canary("a query of HTTP")
		}
		request, err := http.NewRequestWithContext(h.t.Context(), r.verb, "http://vault"+path, strings.NewReader(r.body))
		if err != nil {
			h.t.Fatal(err)
		}
		request.Header.Set("Content-Type", r.kind)
		request.Header.Set("TE", "trailers")
		request.Header.Set("User-Agent", h.canary("a user agent"))
		if r.header != "" {
			request.Header.Set(r.header, r.value)
		}
		h.hearHTTP(r.where, &client, request)
	}
}

func (h *hunt) hearHTTP(where string, client *http.Client, request *http.Request) {
	h.t.Helper()
	answer, err := client.Do(request)
	if err != nil { // it was cut off: nothing to read
		h.hear(where, []byte(strings.ReplaceAll(err.Error(), request.URL.String(), "")))
		return
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body) // as far as it goes
	h.hear(where, body)
	var head bytes.Buffer
	must(h.t, answer.Header.Write(&head), answer.Trailer.Write(&head))
	h.hear(where, head.Bytes(), echoed(where)...)
	if status := answer.Trailer.Get("Grpc-Status") + answer.Header.Get("Grpc-Status"); answer.StatusCode == http.StatusOK && (status == "" || status == "0") {
		h.t.Errorf("%s: was accepted", where)
	}
}

// noise is what does not even begin as HTTP/2 does.
func (h *hunt) noise(socket string) {
	h.t.Helper()
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	for where, text := range map[string]string{
		"noise":         h.canary("noise"),
		"HTTP/1.1":      "POST /" + h.canary("a path of HTTP/1.1") + " HTTP/1.1\r\nHost: " + h.canary("a host") + "\r\nAuthorization: " + h.canary("a token") + "\r\n\r\n",
		"no settings":   preface + h.canary("no settings"),
		"a long frame":  preface + "\xff\xff\xff\x04\x00\x00\x00\x00\x00" + h.canary("a long frame"),
		"an odd header": preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x2b\x01\x05\x00\x00\x00\x01" + h.canary("an odd header"),
		"a good-bye":    preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x33\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + h.canary("a good-bye"),
	} {
		conn, err := net.Dial("unix", socket)
		must(h.t, err)
		_, err = io.WriteString(conn, text)
		must(h.t, err)
		_ = conn.(*net.UnixConn).CloseWrite() // refused already is as good
		must(h.t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		answer, _ := io.ReadAll(conn)
		h.hear(where, answer)
		conn.Close()
	}
}
