package memscan_test

import (
	"bytes"
	"testing"

	"bfxvault/cmd/internal/memscan"
)

// FuzzBytes compares the index with a search by hand, for a needle that counts
// whole and for one whose pieces count.
func FuzzBytes(f *testing.F) {
	seeds := [][2]string{
		{"0123456789abcdef0123456789abcdef", "xx0123456789abcdef0123456789abcdefxx"},
		{"aaaaaaaabbbbbbbb", "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb"},
		{"abcdefgh", "abcdefgabcdefgh"},
		{"abababababababab", "ababababababababababab"},
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add([]byte(s[0]), []byte(s[1]))
	}
	f.Fuzz(func(t *testing.T, needle, data []byte) {
		if len(needle) < 8 || len(needle) > 200 || len(data) > 1<<16 {
			return
		}
		sc := scanner(t, []memscan.Needle{{Name: "n", Form: "whole", Value: needle}, {Name: "n", Form: "pieces", Value: needle, Piece: 8}})
		found := map[int]bool{}
		for _, h := range sc.Bytes(data) {
			if !bytes.Equal(data[h.Addr:int(h.Addr)+h.To-h.From], needle[h.From:h.To]) {
				t.Fatalf("%v is none", h)
			}
			if h.Form == "whole" {
				found[int(h.Addr)] = true
			}
		}
		for i := range data {
			if bytes.HasPrefix(data[i:], needle) != found[i] {
				t.Fatalf("at %d: found %t", i, found[i])
			}
		}
	})
}
