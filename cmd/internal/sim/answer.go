package sim

import (
	"encoding/json"
	"net/http"
)

// Error codes of the exchange (docs.bitfinex.com/docs/abbreviations-glossary).
const (
	codeGeneric = 10001
	codeParams  = 10020
	codeAuth    = 10100
	codeNonce   = 10114
)

// answer is a status and a JSON body.
type answer struct {
	status int
	body   string
}

// reply answers v as JSON.
func reply(v any) answer {
	b, err := json.Marshal(v)
	if err != nil {
		return answer{http.StatusInternalServerError, `["error",10000,"unknown"]`}
	}
	return answer{http.StatusOK, string(b)}
}

// refuse answers in the shape of API v2: an array under HTTP 500, whatever the
// reason (bitfinex-api-node issue 116, bitfinex-api-py issue 120).
func refuse(code int, text string) answer {
	a := reply([]any{"error", code, text})
	a.status = http.StatusInternalServerError
	return a
}

// no is why a request is not carried out.
type no struct {
	code int
	text string
}

// either answers v, or the refusal if there is one.
func either(v any, n *no) answer {
	if n != nil {
		return refuse(n.code, n.text)
	}
	return reply(v)
}

// refuseV1 answers in the shape of API v1: an object with a message.
func refuseV1(status int, text string) answer {
	a := reply(map[string]string{"message": text})
	a.status = status
	return a
}

// notFound is for everything outside the authenticated trees and what is public.
func notFound() answer {
	return answer{http.StatusNotFound, `["error",10000,"unknown"]`}
}
