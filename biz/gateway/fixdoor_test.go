package gateway_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/biz/transcript"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// TestFIXTranscripts plays testdata/fix/*.txt. "fix alice: D 11=a ..." sends a message of the FIX
// session of alice; all other commands are those of TestTranscripts, and "kill" ends the server
// without a word. Header, SendingTime and TransactTime are added; a tilde is a blank, ^ is SOH, and %ff a byte.
// The output has what each FIX session received, without BeginString, BodyLength, CheckSum, CompIDs
// and SendingTime.
func TestFIXTranscripts(t *testing.T) {
	transcript.RunFolder(t, "testdata/fix", newFIXStage)
}

// TestFIXPageExamples plays the examples of docs/fix.md.
func TestFIXPageExamples(t *testing.T) {
	transcript.RunPage(t, "../../docs/fix.md", "fix", newFIXStage)
}

func newFIXStage(t *testing.T) func(string) string { return newFIXStageOf(t).do }

func newFIXStageOf(t *testing.T) *fixStage {
	r := &fixStage{
		stage: &stage{t: t, screens: make(map[string]*screen), listeners: []engine.Listener{fixListener}},
		desks: make(map[string]*fixClient),
	}
	r.open(worldOf(t, nil))
	return r
}

var (
	fixListener   = engine.Listener{Address: "127.0.0.1:0", Dialect: codecfix.Dialect{}}
	fixDictionary = codecfix.NewDictionary()
)

// fixStage is a stage with FIX sessions.
type fixStage struct {
	*stage
	desks map[string]*fixClient
	names []string // in the order of their first commands
}

func (r *fixStage) do(command string) string {
	said := ""
	command, held := strings.CutSuffix(command, " *")
	name, request, found := strings.Cut(command, ": ")
	who, isFIX := strings.CutPrefix(name, "fix ")
	switch {
	case found && isFIX:
		r.send(who, request)
	case command == "kill":
		with := r.server.setup
		with.dir = r.server.copyData()
		r.ended()
		r.server.stop()
		for _, s := range r.screens {
			s.wire, s.loggedIn = nil, false
		}
		r.open(with)
		said = "the server is gone, and a new one starts\n"
	case strings.HasPrefix(command, "price "): // at the time of the stepped clock
		words := strings.Fields(command)
		id, _ := r.server.service.Market().Find(shortKeys[words[1]].Market, shortKeys[words[1]].Code)
		p, err := ledger.ParsePrice(words[2])
		must(r.t, err)
		must(r.t, r.server.service.SetPrice(r.t.Context(), id, p, r.server.setup.clock.Now()))
		r.published()
		said = strings.TrimSpace(r.said()) + "\n"
	default:
		if strings.HasPrefix(command, "restart") || strings.HasPrefix(command, "world") {
			r.ended()
		}
		said = strings.TrimSpace(r.stage.do(command)) + "\n"
	}
	heard := ""
	if r.handled(!held); !held {
		heard = r.heard()
	}
	if said = strings.TrimPrefix(said, "nobody is told\n"); said+heard == "" {
		return "silence"
	}
	return said + heard
}

// ended closes the connections of all clients.
func (r *fixStage) ended() {
	for _, d := range r.desks {
		if d.wire != nil {
			d.close()
			r.server.gone(d)
		}
	}
}

// send sends a message of a client: "alice D 11=a". "logon", with fields if wanted, connects first.
func (r *fixStage) send(who, request string) {
	words := strings.Fields(request)
	d := r.desks[who]
	if d == nil {
		d = &fixClient{t: r.t, name: who, customer: customers[strings.TrimRight(who, "0123456789")], out: 1}
		r.desks[who], r.names = d, append(r.names, who)
	}
	switch words[0] {
	case "logon":
		d.close()
		r.server.gone(d)
		d.connect(r.server)
		d.logon(words[1:]...)
	case "cut":
		d.close()
		r.server.gone(d)
	default:
		d.send(words[0], words[1:]...)
	}
}

// handled is fixClient.handled for all clients: what one sends may cause a message to another.
func (r *fixStage) handled(unread bool) {
	for _, name := range r.names {
		if d := r.desks[name]; d.wire != nil {
			d.handled(unread)
		}
	}
}

// heard returns what all clients have received.
func (r *fixStage) heard() string {
	var text strings.Builder
	for _, name := range r.names {
		d := r.desks[name]
		for d.wire != nil {
			line, more := d.next()
			if line != "" {
				fmt.Fprintf(&text, "fix %s < %s\n", name, line)
			}
			if !more {
				break
			}
		}
	}
	return text.String()
}

// fixClient is a simple FIX client.
type fixClient struct {
	*wire    // nil: not connected
	t        testing.TB
	server   *server
	name     string // "alice2" is the second session of alice
	customer client.Customer
	out      uint64 // number of its next message
	in       uint64 // the highest number that it has received
	again    uint64 // the number that a ResendRequest reaches to; 0: there is no request
	last     []byte // the last message
	resend   func() // answers a ResendRequest; nil: it sends nothing again
}

// compID is the name of the session: the customer's number, or that of a second one.
func (c *fixClient) compID() string {
	if strings.HasSuffix(c.name, "2") {
		return strings.ToUpper(c.name)
	}
	return fmt.Sprint(c.customer)
}

// connect opens a connection to the last listener.
func (c *fixClient) connect(s *server) {
	c.close()
	c.server, c.wire = s, s.wireAt(len(s.setup.listeners)-1)
}

func (c *fixClient) close() {
	if c.wire != nil {
		c.wire.close()
		c.wire, c.again = nil, 0
	}
}

// gone waits until the server knows that the connection has ended.
func (s *server) gone(c *fixClient) {
	eventually(s.t, "the FIX session to be gone", func() bool { return !s.service.FIX(ledger.Customer(c.customer), c.compID()).Connected })
}

func (c *fixClient) logon(fields ...string) {
	if slices.Contains(fields, "141=Y") {
		c.out, c.in = 1, 0
	}
	c.send("A", append([]string{"98=0", "108=0", "554=" + hex.EncodeToString(demoToken(c.customer))}, fields...)...)
}

// send sends a message with the next number.
func (c *fixClient) send(msgType string, fields ...string) {
	c.t.Helper()
	if c.wire == nil {
		c.t.Fatalf("%s: no connection for %s", c.name, msgType)
	}
	number := c.out
	if !slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, "34=") }) {
		fields = append([]string{fmt.Sprintf("34=%d", number)}, fields...)
		c.out++
	}
	header := []string{"49=" + c.compID(), "56=HOLDFAST", "52=" + c.time()}
	if slices.Contains([]string{"D", "F", "G", "q"}, msgType) && !slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, "60=") }) {
		fields = append(fields, "60="+c.time())
	}
	w := codecfix.Begin(nil, msgType)
	for _, f := range append(header, fields...) {
		if headerField(f) {
			appendField(&w, f)
		}
	}
	for _, f := range fields {
		if !headerField(f) {
			appendField(&w, f)
		}
	}
	if msgType == "2" {
		c.again = c.state().Out - 1
		for _, f := range fields {
			if to, ok := strings.CutPrefix(f, "16="); ok && to != "0" {
				c.again, _ = strconv.ParseUint(to, 10, 64)
			}
		}
	}
	c.write(w.End())
}

func (c *fixClient) time() string {
	return string(codecfix.AppendTime(nil, c.server.setup.clock.Now()))
}

func headerField(f string) bool {
	tag, _, _ := strings.Cut(f, "=")
	return slices.Contains([]string{"34", "43", "49", "50", "52", "56", "97", "122"}, tag)
}

func appendField(w *codecfix.Writer, f string) {
	tag, value, _ := strings.Cut(f, "=")
	n, _ := strconv.Atoi(tag)
	w.Text(n, strings.NewReplacer("~", " ", "^", "\x01", "%00", "\x00", "%ff", "\xff", "%e9", "\xe9").Replace(value))
}

func (c *fixClient) state() gateway.FIXState {
	return c.server.service.FIX(ledger.Customer(c.customer), c.compID())
}

// handled waits until the server has handled what the client has sent, or with unread until it has sent
// something that the client has not read: it may ask for what it misses.
func (c *fixClient) handled(unread bool) (s gateway.FIXState) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("%s: the server at %+v to handle what was sent before %d", c.name, c.state(), c.out), func() bool {
		s = c.state()
		return s.Looks == 0 && (s.In >= c.out || !s.Connected || unread && c.in+1 < s.Out)
	})
	return s
}

// next returns the next message. more is false if the server has sent everything that it is about to
// send; then the line may be empty.
func (c *fixClient) next() (line string, more bool) {
	c.t.Helper()
	s := c.handled(true)
	if s.Connected && c.in+1 >= s.Out && c.again == 0 {
		return "", false
	}
	m, err := c.read()
	if err != nil {
		if !errors.Is(err, io.EOF) && s.Connected {
			c.t.Fatal(err)
		}
		c.close()
		return "closed", false
	}
	return c.receive(m.Body), true
}

// receive takes a message and returns it as text.
func (c *fixClient) receive(frame []byte) string {
	c.t.Helper()
	c.last = bytes.Clone(frame)
	var m codecfix.Message
	must(c.t, m.Parse(c.last))
	if r := fixDictionary.Check(&m); r != nil {
		c.t.Errorf("%s: tag %d: %s", bytes.ReplaceAll(frame, []byte{1}, []byte("|")), r.RefTag, r.Text())
	}
	number := c.number(&m, codecfix.MsgSeqNum)
	to := number
	if string(m.Type) == "4" {
		to = c.number(&m, 36) - 1
	}
	if dup, _ := m.Get(codecfix.PossDupFlag); string(dup) == "Y" {
		if to >= c.again {
			c.again = 0
		}
	}
	if string(m.Type) == "A" && c.number(&m, codecfix.MsgSeqNum) == 1 {
		c.in = 0
	}
	c.in = max(c.in, to)
	switch {
	case string(m.Type) != "2":
	case c.resend != nil:
		c.resend()
	default:
		c.send("4", fmt.Sprintf("34=%d", c.number(&m, 7)), "43=Y", "122="+c.time(), "123=Y", fmt.Sprintf("36=%d", c.out))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "35=%s", m.Type)
	for _, f := range m.Fields[3 : len(m.Fields)-1] {
		value := strings.ReplaceAll(strings.Trim(strconv.QuoteToGraphic(string(f.Value)), `"`), `\"`, `"`)
		if f.Tag != codecfix.SenderCompID && f.Tag != codecfix.TargetCompID && f.Tag != codecfix.SendingTime {
			fmt.Fprintf(&text, "|%d=%s", f.Tag, value)
		}
	}
	return text.String()
}

func (c *fixClient) number(m *codecfix.Message, tag int) uint64 {
	v, _ := m.Get(tag)
	n, _ := strconv.ParseUint(string(v), 10, 64)
	return n
}
