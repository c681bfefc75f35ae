package peer_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"bfxvault/api/peer"
)

func TestLookingAtACallerCostsNoAllocation(t *testing.T) {
	l, path := openListener(t)
	c := dial(t, path)
	server, info := mustAttest(t, l)
	buf := make([]byte, 64)
	message := []byte("hello")
	n := testing.AllocsPerRun(100, func() {
		c.Write(message)
		server.Read(buf)
		info.Alive()
	})
	if n != 0 {
		t.Errorf("%v allocations for a message", n)
	}
}

func BenchmarkAlive(b *testing.B) {
	l, path := openListener(b)
	dial(b, path)
	_, info := mustAttest(b, l)
	b.ReportAllocs()
	for b.Loop() {
		if !info.Alive() {
			b.Fatal("not alive")
		}
	}
}

func BenchmarkExe(b *testing.B) {
	l, path := openListener(b)
	dial(b, path)
	_, info := mustAttest(b, l)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := info.Exe(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead is one message written and read in one goroutine: attested, and by
// the plain connection beneath.
func BenchmarkRead(b *testing.B) {
	l, path := openListener(b)
	read := func(b *testing.B, c, server net.Conn) {
		message, buf := make([]byte, 200), make([]byte, 32<<10)
		b.ReportAllocs()
		for b.Loop() {
			c.Write(message)
			if _, err := io.ReadFull(server, buf[:len(message)]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("attested", func(b *testing.B) {
		c := dial(b, path)
		server, _ := mustAttest(b, l)
		read(b, c, server)
	})
	b.Run("plain", func(b *testing.B) {
		plain, err := net.Listen("unix", filepath.Join(folder(b), "s"))
		try(b, err)
		defer plain.Close()
		c := dial(b, plain.Addr().String())
		server, err := plain.Accept()
		try(b, err)
		defer server.Close()
		read(b, c, server)
	})
}

// BenchmarkHandshake is what a new connection costs the daemon.
func BenchmarkHandshake(b *testing.B) {
	l, path := openListener(b)
	creds := peer.Credentials(peer.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c := dial(b, path)
		raw, err := l.Accept()
		try(b, err)
		b.StartTimer()
		server, _, err := creds.ServerHandshake(raw)
		try(b, err)
		server.Close()
		c.Close()
	}
}

// BenchmarkSHA256 is what each call after the first costs, however large the file.
func BenchmarkSHA256(b *testing.B) {
	l, path := openListener(b)
	dial(b, path)
	_, info := mustAttest(b, l)
	_, err := info.SHA256()
	try(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := info.SHA256(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFirstSHA256 is what a file costs that has not been read before: this
// test's own binary, which is about as large as a bot in Go.
func BenchmarkFirstSHA256(b *testing.B) {
	l, path := openListener(b)
	file, err := os.Stat("/proc/self/exe")
	try(b, err)
	b.SetBytes(file.Size())
	for b.Loop() {
		b.StopTimer()
		dial(b, path)
		server, info := mustAttest(b, l)
		b.StartTimer()
		if _, err := info.SHA256(); err != nil {
			b.Fatal(err)
		}
		server.Close()
	}
}

// BenchmarkUnit reads whatever cgroup the benchmark is in: the system calls are the
// same, and what the text says costs little beside them (BenchmarkUnitOf).
func BenchmarkUnit(b *testing.B) {
	l, path := openListener(b)
	dial(b, path)
	_, info := mustAttest(b, l)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := info.Unit(); err != nil && !errors.Is(err, peer.ErrNoUnit) {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnitOf(b *testing.B) {
	for _, name := range []string{"v2-service.txt", "hybrid-service-ubuntu-20.04.txt"} {
		text := []byte(recorded(b)[name][1])
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := peer.UnitOf(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkProbes is what storing a bot costs; the first looks at every process.
func BenchmarkProbes(b *testing.B) {
	for b.Loop() {
		peer.CanReadPrograms(4000000000)
		peer.CanReadUnits()
	}
}
