package peers_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestQuickFIX: the executor answers each order with one report, with either store, and ends on SIGTERM.
func TestQuickFIX(t *testing.T) {
	dependOnSources(t)
	needs(t, "g++", "g++ libquickfix-dev")
	const header = "/usr/include/quickfix/Application.h"
	if _, err := os.Stat(header); err != nil {
		needs(t, header, "libquickfix-dev")
	}
	program := filepath.Join(t.TempDir(), "epoll") // without --stats, as the server in C
	build(t, "g++", "-O1", "-std=c++14", "-Wall", "-Wno-deprecated", "-o", program, "quickfix/executor.cpp", "-lquickfix", "-lpthread")
	for name, store := range map[string]string{"memory": "memory", "files": filepath.Join(t.TempDir(), "store")} {
		t.Run(name, func(t *testing.T) {
			p := start(t, program, "--first", "100001", "--sessions", "2", "--store", store)
			for _, client := range []string{"100001", "100002"} {
				c := dialFIX(t, p.addr, client)
				c.send("A", "98=0", "108=30", "141=Y")
				c.wants("35=A", "34=1", "141=Y")
				for n := range 3 {
					c.send("D", fmt.Sprintf("11=order%d", n), "55=600100", "54=1", "38=7", "40=1", "60="+fixTime())
					c.wants("35=8", fmt.Sprintf("34=%d", n+2), fmt.Sprintf("11=order%d", n), "150=F", "39=2", "32=7")
				}
			}
			stop(t, p)
		})
	}
}

// fixClient is a FIX session for a test.
type fixClient struct {
	t    *testing.T
	comp string
	seq  int
	conn net.Conn
	in   *bufio.Reader
}

func dialFIX(t *testing.T, addr, comp string) *fixClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &fixClient{t: t, comp: comp, conn: conn, in: bufio.NewReader(conn)}
}

func fixTime() string { return time.Now().UTC().Format("20060102-15:04:05.000") }

func (c *fixClient) send(msgType string, fields ...string) {
	c.t.Helper()
	c.seq++
	head := []string{"35=" + msgType, fmt.Sprintf("34=%d", c.seq), "49=" + c.comp, "52=" + fixTime(), "56=HOLDFAST"}
	body := strings.Join(append(head, fields...), "\x01") + "\x01"
	text := fmt.Sprintf("8=FIX.4.4\x019=%d\x01%s", len(body), body)
	sum := 0
	for _, b := range []byte(text) {
		sum += int(b)
	}
	if _, err := fmt.Fprintf(c.conn, "%s10=%03d\x01", text, sum%256); err != nil {
		c.t.Fatal(err)
	}
}

// wants reads a message, which must have the fields.
func (c *fixClient) wants(fields ...string) {
	c.t.Helper()
	var got []string
	for len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "10=") {
		field, err := c.in.ReadString(1)
		if err != nil {
			c.t.Fatalf("%v after %q", err, got)
		}
		got = append(got, strings.TrimSuffix(field, "\x01"))
	}
	for _, want := range fields {
		if !strings.Contains("|"+strings.Join(got, "|")+"|", "|"+want+"|") {
			c.t.Errorf("%q lacks %s", got, want)
		}
	}
}
