package scenario_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"holdfast/codec"
)

// tamper changes what the server sends: it returns the messages that go to the client
// instead of m. It may change m's body.
type tamper func(m codec.Message) []codec.Message

// startProxy puts a tamper in front of a server and returns its address.
func startProxy(t *testing.T, server string, change tamper) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				near.Close()
				continue
			}
			work.Go(func() {
				io.Copy(far, near)
				far.Close()
			})
			work.Go(func() {
				forward(near, far, change)
				near.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return l.Addr().String()
}

// forward passes frames on, changed, until the server ends the connection.
func forward(to io.Writer, from io.Reader, change tamper) {
	var in, out []byte
	chunk := make([]byte, 16<<10)
	for {
		n, err := from.Read(chunk)
		if err != nil {
			return
		}
		in, out = append(in, chunk[:n]...), out[:0]
		for {
			m, used, err := codec.Decode(codec.Packet{}, in, codec.DefaultMaxFrame)
			if err != nil || used == 0 {
				break
			}
			m.Body = append([]byte(nil), m.Body...)
			for _, changed := range change(m) {
				out = codec.AppendMessage(out, changed)
			}
			in = in[used:]
		}
		to.Write(out)
	}
}
