package main_test

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/codec/fix"
)

// fixPeer is a client of the echo acceptor.
type fixPeer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	from string
	next int
}

func dialFIX(t *testing.T, addr, from string) *fixPeer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &fixPeer{t: t, conn: conn, in: bufio.NewReader(conn), from: from}
}

// send sends a message to a CompID; fields are "tag=value", separated by blanks.
func (p *fixPeer) send(to, msgType, fields string) {
	p.t.Helper()
	p.next++
	w := fix.Begin(nil, msgType)
	w.Int(fix.MsgSeqNum, int64(p.next))
	w.Text(fix.SenderCompID, p.from)
	w.Time(fix.SendingTime, time.Now().UnixNano())
	w.Text(fix.TargetCompID, to)
	for field := range strings.FieldsSeq(fields) {
		tag, value, _ := strings.Cut(field, "=")
		n, _ := strconv.Atoi(tag)
		w.Text(n, value)
	}
	if _, err := p.conn.Write(w.End()); err != nil {
		p.t.Fatal(err)
	}
}

// receive returns the next message without what differs in each run, "" after the last.
func (p *fixPeer) receive() string {
	p.t.Helper()
	var fields []string
	for {
		field, err := p.in.ReadString(fix.SOH)
		if err == io.EOF && field == "" && fields == nil {
			return ""
		}
		if err != nil {
			p.t.Fatalf("%q after %q: %v", field, fields, err)
		}
		tag, _, _ := strings.Cut(field, "=")
		switch tag {
		case "8", "9", "52", "122":
		case "10":
			return strings.Join(fields, " ")
		default:
			fields = append(fields, strings.TrimSuffix(field, "\x01"))
		}
	}
}

func (p *fixPeer) wants(messages ...string) {
	p.t.Helper()
	for _, want := range messages {
		if got := p.receive(); got != want {
			p.t.Errorf("received %q, want %q", got, want)
		}
	}
}

// TestFIXEcho: the echo acceptor returns orders, also again, to each of its clients; each Logon starts
// at 1. A second connection of a client and clients that it does not know are dropped.
func TestFIXEcho(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--throwaway", "--fix-echo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "error", "--listener", "fix=127.0.0.1:0")
	addr := s.listener(t, "fix")
	const order = "11=a 21=1 38=100 40=1 54=1 55=TIN 60=20260105-09:30:00"
	for _, from := range []string{"TW44", "TW", "TW44"} {
		p := dialFIX(t, addr, from)
		p.send("ISLD", "A", "98=0 108=30")
		p.wants("35=A 34=1 49=ISLD 56=" + from + " 98=0 108=30")
		second := dialFIX(t, addr, from)
		second.send("ISLD", "A", "98=0 108=30")
		second.wants("")
		p.send("ISLD", "D", order)
		p.send("ISLD", "D", "97=Y "+order)
		p.send("ISLD", "8", "37=1 17=1 150=0 39=0 55=TIN 54=1 151=0 14=0 6=0")
		p.send("ISLD", "2", "7=1 16=0")
		p.wants("35=D 34=2 49=ISLD 56="+from+" "+order,
			"35=j 34=3 49=ISLD 56="+from+" 45=4 58=Unsupported Message Type 372=8 380=3",
			"35=4 34=1 43=Y 49=ISLD 56="+from+" 36=2 123=Y",
			"35=D 34=2 43=Y 49=ISLD 56="+from+" "+order,
			"35=j 34=3 43=Y 49=ISLD 56="+from+" 45=4 58=Unsupported Message Type 372=8 380=3")
		p.send("ISLD", "D", "212=1 213=x "+order+" 453=2 448=a 802=2 523=x 803=1 523=y 448=b 18=1")
		p.wants("35=D 34=4 49=ISLD 56=" + from + " 11=a 18=1 21=1 38=100 40=1 54=1 55=TIN 60=20260105-09:30:00 453=2 448=a 802=2 523=x 803=1 523=y 448=b")
		p.send("ISLD", "5", "")
		p.wants("35=5 34=5 49=ISLD 56="+from, "")
	}
	for from, to := range map[string]string{"WT": "ISLD", "TW44": "DLSI"} {
		p := dialFIX(t, addr, from)
		p.send(to, "A", "98=0 108=30")
		p.wants("")
	}
}

// TestFIXEchoIsForTests: the flag is refused where it would do harm, or nothing.
func TestFIXEchoIsForTests(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"serve --fix-echo --listener fix=127.0.0.1:0", "--fix-echo is for tests: add --throwaway"},
		{"serve --fix-echo --throwaway", "--fix-echo needs a listener such as --listener fix=127.0.0.1:8893"},
	} {
		if code, _, stderr := run(t, strings.Fields(tc.args)...); code != 2 || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: code %d, %q", tc.args, code, stderr)
		}
	}
}
