package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/transcript"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// TestFIXFaultTranscripts plays testdata/fixfault/*.txt: what a client receives of a session that
// misbehaves. "fix alice: D 11=a ..." sends as in TestFIXTranscripts. "alice receives 2" waits for two
// messages, complete or not, and shows them, with what is wrong with them; "alice held" shows how many are
// held back. All other commands are those of TestTranscripts.
func TestFIXFaultTranscripts(t *testing.T) {
	transcript.RunFolder(t, "testdata/fixfault", func(t *testing.T) func(string) string {
		r := &faultStage{fixStage: &fixStage{
			stage: &stage{t: t, screens: make(map[string]*screen), listeners: []engine.Listener{fixListener}},
			desks: make(map[string]*fixClient),
		}, unread: make(map[string][]byte)}
		r.open(worldOf(t, []string{"directives"}))
		return r.do
	})
}

// faultStage is a stage whose FIX clients take any bytes.
type faultStage struct {
	*fixStage
	unread map[string][]byte // by name
}

func (r *faultStage) do(command string) string {
	name, request, _ := strings.Cut(command, ": ")
	if who, isFIX := strings.CutPrefix(name, "fix "); isFIX {
		if strings.HasPrefix(request, "logon") {
			r.unread[who] = nil
		}
		r.send(who, request)
		return r.handled(who)
	}
	words := strings.Fields(command)
	switch {
	case len(words) == 3 && words[1] == "receives":
		n, err := strconv.Atoi(words[2])
		must(r.t, err)
		var text strings.Builder
		for range n {
			fmt.Fprintf(&text, "%s < %s\n", words[0], r.receive(words[0]))
		}
		return text.String()
	case len(words) == 2 && words[1] == "held":
		return fmt.Sprintf("%d held", r.desks[words[0]].state().Held)
	}
	return r.stage.do(command)
}

// handled waits until the server has handled what a client has sent.
func (r *faultStage) handled(who string) string {
	c := r.desks[who]
	eventually(r.t, "the server to handle what was sent", func() bool {
		s := c.state()
		return s.In >= c.out || !s.Connected
	})
	return "sent"
}

// receive returns the next message of a client as text.
func (r *faultStage) receive(who string) string {
	r.t.Helper()
	w, b := r.desks[who].wire, r.unread[who]
	chunk := make([]byte, 4096)
	must(r.t, w.conn.SetReadDeadline(time.Now().Add(patience)))
	for {
		if at := bytes.Index(b, []byte("\x0110=")); at >= 0 && len(b) >= at+8 {
			r.unread[who] = b[at+8:]
			return showFrame(b[:at+8])
		}
		n, err := w.conn.Read(chunk)
		b = append(b, chunk[:n]...)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.t.Fatalf("%s has received only %q", who, b)
		case len(b) > 0:
			r.unread[who] = nil
			return "a part: " + fieldsOf(b)
		case errors.Is(err, io.EOF):
			return "closed"
		default:
			return "cut"
		}
	}
}

// showFrame shows a message, and what is wrong with it.
func showFrame(frame []byte) string {
	text := fieldsOf(frame)
	from := bytes.Index(frame, []byte("35="))
	trailer := len(frame) - len("10=nnn\x01")
	if length, _ := strconv.Atoi(field(frame, "9")); length != trailer-from {
		text += " BodyLength wrong"
	}
	sum := 0
	for _, c := range frame[:trailer] {
		sum += int(c)
	}
	if want, _ := strconv.Atoi(field(frame, "10")); want != sum%256 {
		text += " CheckSum wrong"
	}
	return text
}

// fieldsOf shows the fields but those that are in each message.
func fieldsOf(frame []byte) string {
	var fields []string
	for f := range bytes.SplitSeq(bytes.TrimSuffix(frame, []byte{1}), []byte{1}) {
		tag, _, _ := strings.Cut(string(f), "=")
		switch tag {
		case "8", "9", "10", "49", "52", "56", "60", "122":
		default:
			fields = append(fields, string(f))
		}
	}
	return strings.Join(fields, "|")
}

func field(frame []byte, tag string) string {
	for f := range bytes.SplitSeq(frame, []byte{1}) {
		if value, found := strings.CutPrefix(string(f), tag+"="); found {
			return value
		}
	}
	return ""
}

// TestFIXFaultsRefused: a fault that is not possible is refused, and changes nothing.
func TestFIXFaultsRefused(t *testing.T) {
	s := start(t, setup{})
	op := s.login(operator)
	for name, tc := range map[string]struct {
		fault client.SpoilFIX
		want  string
	}{
		"unknown customer": {client.SpoilFIX{Customer: 4242, Fault: 1, Count: 1}, "unknown customer"},
		"no session":       {client.SpoilFIX{Customer: alice, Fault: 1, Count: 1}, "has no FIX session so far"},
		"no such session":  {client.SpoilFIX{Customer: alice, Session: "x", Fault: 1, Count: 1}, "no FIX session \"x\""},
		"unknown fault":    {client.SpoilFIX{Customer: alice, Fault: 99, Count: 1}, "unknown fault 99"},
		"too many":         {client.SpoilFIX{Customer: alice, Fault: 1, Count: 1_000_001}, "at most 1000000"},
		"too long":         {client.SpoilFIX{Customer: alice, Fault: client.FIXDelay, Count: 1, Delay: 25 * time.Hour}, "at most 24h"},
		"negative":         {client.SpoilFIX{Customer: alice, Fault: client.FIXDelay, Count: 1, Delay: -1}, "at most 24h"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := op.Operate(t.Context(), tc.fault)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestFIXHeldTooMuch: when too much is held back of a session, its connection is closed, and the next
// one gets what is missing.
func TestFIXHeldTooMuch(t *testing.T) {
	with := worldOf(t, nil)
	with.listeners = []engine.Listener{fixListener}
	s := start(t, with)
	op := s.login(operator)
	c := &fixClient{t: t, name: "alice", customer: alice, out: 1}
	c.connect(s)
	c.logon()
	c.next()
	op.operate(client.SpoilFIX{Customer: alice, Fault: client.FIXDelay, Count: 1, Delay: time.Hour})
	long := strings.Repeat("x", 4000)
	for n := 0; c.state().Connected; n++ {
		if n == 1000 {
			t.Fatal("the connection is still open")
		}
		c.send("1", "112="+long)
		eventually(t, "the message to be handled", func() bool { st := c.state(); return st.In >= c.out || !st.Connected })
	}
	if held := c.state().Held; held != 0 {
		t.Errorf("%d messages are held of a closed connection", held)
	}
	c.connect(s)
	c.logon()
	if line, _ := c.next(); !strings.HasPrefix(line, "35=A|") {
		t.Errorf("after it: %s", line)
	}
}

// spoils is the operator's command "spoil alice drop 2" or "spoil alice delay 1 5s".
func (s *screen) spoils(arguments []string) *pb.OperateRequest {
	f := &pb.FixFaultCommand{
		Customer: uint32(customers[arguments[0]]), Count: 1,
		Fault: pb.FixFault(pb.FixFault_value["FIX_FAULT_"+strings.ToUpper(arguments[1])]),
	}
	if len(arguments) > 2 {
		f.Count = uint32(s.number(arguments[2]))
	}
	if len(arguments) > 3 {
		f.Delay = int64(s.duration(arguments[3]))
	}
	return &pb.OperateRequest{Command: &pb.OperateRequest_FixFault{FixFault: f}}
}
