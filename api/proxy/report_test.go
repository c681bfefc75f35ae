package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

// A35, DESIGN section 12: of what Bitfinex says of new orders vaultd learns the ids, before
// the next request of that API key is signed; what is not understood stays unknown, and the
// bot has its answer all the same.
func TestNewOrdersAreReported(t *testing.T) {
	const placed = `[150000000001,null,7,"tBTCUSD",1,2,0.1,0.1,"EXCHANGE LIMIT"]`
	const other = `[150000000002,null,null,"tETHUSD",1,2,0.1,0.1,"EXCHANGE LIMIT"]`
	notify := func(kind, data, status string) string {
		return fmt.Sprintf(`[1,%q,null,null,%s,null,%q,"text"]`, kind, data, status)
	}
	one := notify("on-req", "["+placed+"]", "SUCCESS")
	for name, tc := range map[string]struct {
		path, answer string
		status       int
		want         []string
	}{
		"one order":           {"order/submit", one, 200, []string{"150000000001 7 tBTCUSD"}},
		"with its stop":       {"order/submit", notify("on-req", "["+placed+","+other+"]", "SUCCESS"), 200, []string{"150000000001 7 tBTCUSD", "150000000002 0 tETHUSD"}},
		"several":             {"order/multi", notify("ox_multi-req", "["+one+","+notify("on-req", other, "SUCCESS")+","+notify("oc-req", placed, "SUCCESS")+"]", "SUCCESS"), 200, []string{"150000000001 7 tBTCUSD", "150000000002 0 tETHUSD"}},
		"one that failed":     {"order/multi", notify("ox_multi-req", "["+one+","+notify("on-req", other, "ERROR")+"]", "SUCCESS"), 200, []string{"150000000001 7 tBTCUSD"}},
		"an update":           {"order/update", notify("ou-req", placed, "SUCCESS"), 200, nil},
		"an update that lies": {"order/update", one, 200, nil},
		"a failure":           {"order/submit", notify("on-req", "["+placed+"]", "ERROR"), 200, nil},
		"an error":            {"order/submit", one, 500, nil},
		"something else":      {"order/submit", `[1,"on-req",null,null,[[{},1],["a",1,2,"t"],[0,1,2,"t"],[1.5,1,2,"t"],[-1,1,2,"t"],[1,1,2,3],7,null],null,"SUCCESS",""]`, 200, nil},
		"no array":            {"order/submit", `{"a":1}`, 200, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.answer)
			})
			code, body := r.do(r.request("v2/auth/w/"+tc.path, `{"a":1}`))
			r.do(r.request("v2/auth/r/wallets", "{}"))
			r.signer.mu.Lock()
			defer r.signer.mu.Unlock()
			if code != tc.status || body != tc.answer {
				t.Errorf("%d %s", code, body)
			}
			if len(tc.want) == 0 {
				if len(r.signer.reported) != 0 {
					t.Errorf("reported: %v", r.signer.reported)
				}
				return
			}
			if len(r.signer.reported) != 1 {
				t.Fatalf("%d reports", len(r.signer.reported))
			}
			said := r.signer.reported[0]
			var got []string
			for _, o := range said.GetOrders() {
				got = append(got, fmt.Sprintf("%d %d %s", o.GetId(), o.GetCid(), o.GetSymbol()))
			}
			if !slices.Equal(got, tc.want) || said.GetStandIn() != standIn || said.GetAuditSeq() != 1 {
				t.Errorf("%v", said)
			}
		})
	}
}

// What vaultd says to a report is no matter of the bot's; of a request that was sent twice
// the answer to the second is reported.
func TestAReportThatIsNotTakenChangesNothing(t *testing.T) {
	const answer = `[1,"on-req",null,null,[[9,null,7,"tBTCUSD"]],null,"SUCCESS",""]`
	small := true
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		if small {
			small = false
			w.WriteHeader(500)
			_, _ = io.WriteString(w, `["error",10114,"nonce: small"]`)
			return
		}
		_, _ = io.WriteString(w, answer)
	})
	r.signer.ignores = refusalOf(codes.PermissionDenied, "NO_GRANT", "")
	if code, body := r.do(r.request("v2/auth/w/order/submit", "{}")); code != 200 || strings.TrimSpace(body) != answer {
		t.Errorf("%d %s", code, body)
	}
	r.do(r.request("v2/auth/r/wallets", "{}"))
	if n := len(r.signer.reported); n != 1 || r.signer.reported[0].GetAuditSeq() != 2 {
		t.Errorf("%v", r.signer.reported)
	}
}
