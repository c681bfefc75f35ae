package proxy

import (
	"net/netip"
	"testing"
)

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 2 1 0 20 4 0 10 -1
   2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 20 4 0 10 -1
   3: 0100007F:D433 0100007F:1F90 06 00000000:00000000 03:00000F9F 00000000     0        0 0 3 0
`

const table6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:D431 00000000000000000000000001000000:1F90 01 00000000:00000000 00:00000000 00000000  1002        0 2 1 0 20 4 0 10 -1
   1: 0000000000000000FFFF00000100007F:D435 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000  1003        0 2 1 0 20 4 0 10 -1
`

// A connection belongs to the user of its other end, and a closed one to nobody.
func TestTheKernelsTableTellsWhoseAConnectionIs(t *testing.T) {
	for _, c := range []struct {
		table, local, remote string
		want                 uint32 // 0 for nobody
	}{
		{table, "127.0.0.1:54321", "127.0.0.1:8080", 1001}, {table, "127.0.0.1:8080", "127.0.0.1:54321", 1000},
		{table, "127.0.0.1:54323", "127.0.0.1:8080", 0}, {table, "127.0.0.1:8080", "0.0.0.0:0", 0}, {table, "127.0.0.2:54321", "127.0.0.1:8080", 0},
		{table6, "[::1]:54321", "[::1]:8080", 1002}, {table6, "127.0.0.1:54325", "127.0.0.1:8080", 1003}, {"", "127.0.0.1:1", "127.0.0.1:2", 0},
	} {
		got := ownerOf(c.table, netip.MustParseAddrPort(c.local), netip.MustParseAddrPort(c.remote))
		if (got == nil) != (c.want == 0) || got != nil && *got != c.want {
			t.Errorf("%s to %s: %v, want %d", c.local, c.remote, got, c.want)
		}
	}
}

func FuzzOwnerOf(f *testing.F) {
	f.Add(table)
	f.Add(table6)
	local, remote := netip.MustParseAddrPort("127.0.0.1:54321"), netip.MustParseAddrPort("127.0.0.1:8080")
	f.Fuzz(func(t *testing.T, text string) {
		if ownerOf(text, netip.AddrPort{}, remote) != nil || ownerOf(text, local, netip.AddrPort{}) != nil {
			t.Fatal("nobody's connection has an owner")
		}
		ownerOf(text, local, remote)
	})
}
