package proxy_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
)

// fragile is an exchange that breaks off at any point of a request, and remembers what it
// has carried out.
type fragile struct {
	mu     sync.Mutex
	random *rand.Rand
	done   map[string]int // by body
	small  map[string]int
}

func (x *fragile) draw(n int) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.random.IntN(n)
}

func (x *fragile) note(in map[string]int, body string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	in[body]++
}

func (x *fragile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	body := string(text)
	switch x.draw(8) {
	case 0: // before
		panic(http.ErrAbortHandler)
	case 1: // after
		x.note(x.done, body)
		panic(http.ErrAbortHandler)
	case 2: // half an answer
		x.note(x.done, body)
		w.Header().Set("Content-Length", fmt.Sprint(len(body)+2))
		io.WriteString(w, "["+body)
		panic(http.ErrAbortHandler)
	case 3: // and in chunks
		x.note(x.done, body)
		io.WriteString(w, "["+body)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case 4:
		x.note(x.small, body)
		w.WriteHeader(500)
		io.WriteString(w, `["error",10114,"nonce: small"]`)
	default:
		x.note(x.done, body)
		io.WriteString(w, "["+body+"]")
	}
}

// Wherever it breaks, at the exchange or at vaultd: nobody is told that something went well
// which did not, nothing is carried out twice, and what is said not to have been sent was
// not.
func TestWhereverItBreaksNobodyIsToldWrong(t *testing.T) {
	seed := rand.Uint64()
	x := &fragile{random: rand.New(rand.NewPCG(seed, 1)), done: map[string]int{}, small: map[string]int{}}
	r := newRig(t, x.ServeHTTP)
	r.signer.fails = func() error {
		if x.draw(10) == 0 {
			return refusalOf(codes.Unavailable, "CANNOT_WRITE", "")
		}
		return nil
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 60 {
				body := fmt.Sprintf(`{"id":%d}`, i*1000+n)
				code, answer := r.do(r.request("v2/auth/w/order/submit", body))
				x.mu.Lock()
				done, small := x.done[body], x.small[body]
				x.mu.Unlock()
				unsent := strings.Contains(answer, "maintenance") || strings.Contains(answer, "nonce: small")
				if done > 1 || small > 2 || code == 200 && (done != 1 || answer != "["+body+"]") || unsent && done != 0 {
					t.Errorf("seed %d: %s was carried out %d times, and refused %d times for its nonce: %d %s", seed, body, done, small, code, answer)
				}
			}
		})
	}
	all.Wait()
}
