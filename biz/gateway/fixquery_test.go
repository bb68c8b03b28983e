package gateway_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// queryClient is a FIX client for tests of queries. It shows messages without header and trailer, with
// | after each field, and * for times and for ids that the server makes.
type queryClient struct {
	t      testing.TB
	conn   net.Conn
	buf    []byte
	sent   int
	heard  int
	tests  int
	sender string
}

var queryDictionary = codecfix.NewDictionary()

// queryServer starts a server with a FIX listener.
func queryServer(t *testing.T, with setup) *server {
	with.listeners = []engine.Listener{{Address: "127.0.0.1:0", Dialect: codecfix.Dialect{}}}
	return start(t, with)
}

// queries connects a client and logs it on.
func (s *server) queries(c client.Customer) *queryClient {
	s.t.Helper()
	q := s.connect(c)
	q.send("A|98=0|108=0|141=Y|554=" + hex.EncodeToString(demoToken(c)))
	q.want(q.next(), "A|98=0|108=0|141=Y|")
	return q
}

func (s *server) connect(c client.Customer) *queryClient {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.running.Addrs[1])
	must(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	return &queryClient{t: s.t, conn: conn, sender: fmt.Sprint(c)}
}

// send sends a message: its type and body, such as "x|320=a|559=4".
func (q *queryClient) send(text string) {
	q.t.Helper()
	fields := strings.Split(strings.TrimSuffix(text, "|"), "|")
	q.sent++
	w := codecfix.Begin(nil, fields[0])
	w.Int(codecfix.MsgSeqNum, int64(q.sent))
	w.Text(codecfix.SenderCompID, q.sender)
	w.Time(codecfix.SendingTime, time.Now().UnixNano())
	w.Text(codecfix.TargetCompID, "HOLDFAST")
	for _, f := range fields[1:] {
		tag, value, _ := strings.Cut(f, "=")
		n, err := strconv.Atoi(tag)
		must(q.t, err)
		w.Text(n, value)
	}
	_, err := q.conn.Write(w.End())
	must(q.t, err)
}

// next returns the next message. The dictionary must accept it, and its number must be the next one.
func (q *queryClient) next() string {
	q.t.Helper()
	frame := q.read()
	if frame == nil {
		return "closed"
	}
	return q.shown(frame)
}

// frameNumber returns the number of the next message.
func (q *queryClient) frameNumber() uint64 {
	q.t.Helper()
	var m codecfix.Message
	must(q.t, m.Parse(q.read()))
	v, _ := m.Get(codecfix.MsgSeqNum)
	n, err := strconv.ParseUint(string(v), 10, 64)
	must(q.t, err)
	return n
}

// read returns the next message as it came, or nil if the connection has ended.
func (q *queryClient) read() []byte {
	q.t.Helper()
	for {
		if frame := q.frame(); frame != nil {
			return frame
		}
		chunk := make([]byte, 64<<10)
		must(q.t, q.conn.SetReadDeadline(time.Now().Add(patience)))
		n, err := q.conn.Read(chunk)
		q.buf = append(q.buf, chunk[:n]...)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				return nil
			}
			must(q.t, err)
		}
	}
}

// frame removes the next message from what was read, or returns nil.
func (q *queryClient) frame() []byte {
	at := bytes.Index(q.buf, []byte("\x0110="))
	if at < 0 || len(q.buf) < at+8 {
		return nil
	}
	frame := q.buf[:at+8]
	q.buf = q.buf[at+8:]
	return frame
}

func (q *queryClient) shown(frame []byte) string {
	q.t.Helper()
	var m codecfix.Message
	must(q.t, m.Parse(frame))
	if r := queryDictionary.Check(&m); r != nil {
		q.t.Errorf("%s: tag %d: %s", bytes.ReplaceAll(frame, []byte{1}, []byte{'|'}), r.RefTag, r.Text())
	}
	text := string(m.Type) + "|"
	for _, f := range m.Fields[3 : len(m.Fields)-1] {
		switch f.Tag {
		case codecfix.SenderCompID, codecfix.TargetCompID, codecfix.SendingTime:
		case codecfix.MsgSeqNum:
			if q.heard++; string(f.Value) != strconv.Itoa(q.heard) {
				q.t.Errorf("number %s, want %d", f.Value, q.heard)
			}
		case codecfix.TransactTime, codecfix.OrigSendingTime, codecfix.TradeDate, codecfix.MDEntryDate, codecfix.MDEntryTime, codecfix.PosMaintRptID,
			codecfix.SecurityResponseID, codecfix.ClearingBusinessDate:
			text += fmt.Sprintf("%d=*|", f.Tag)
		case codecfix.ExecID:
			text += fmt.Sprintf("17=%s|", regexp.MustCompile("^r.*").ReplaceAll(f.Value, []byte("*")))
		default:
			text += fmt.Sprintf("%d=%s|", f.Tag, f.Value)
		}
	}
	return text
}

// all returns everything that was sent before the answer to a TestRequest.
func (q *queryClient) all() (messages []string) {
	q.t.Helper()
	q.tests++
	q.send(fmt.Sprintf("1|112=%d", q.tests))
	for end := fmt.Sprintf("0|112=%d|", q.tests); ; {
		m := q.next()
		if m == end {
			return messages
		}
		messages = append(messages, m)
		if m == "closed" {
			return messages
		}
	}
}

// plays sends the lines that start with "> " and compares what comes with the other lines.
func (q *queryClient) plays(transcript string) {
	q.t.Helper()
	var want []string
	check := func() {
		q.t.Helper()
		if want != nil {
			q.want(strings.Join(q.all(), "\n"), strings.Join(want, "\n"))
		}
		want = []string{}
	}
	for line := range strings.Lines(transcript) {
		line = strings.TrimSpace(line)
		if request, ok := strings.CutPrefix(line, "> "); ok {
			check()
			q.send(request)
		} else if line != "" {
			want = append(want, line)
		}
	}
	check()
}

func (q *queryClient) want(got, want string) {
	q.t.Helper()
	if got != want {
		q.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// reads compares the next messages with lines.
func (q *queryClient) reads(transcript string) {
	q.t.Helper()
	for line := range strings.Lines(strings.TrimSpace(transcript)) {
		q.want(q.next(), strings.TrimSpace(line))
	}
}

// rests places a limit order that waits.
func (tr *trader) rests(name string, side client.Side, key client.Key, q client.Quantity, p client.Price) {
	tr.t.Helper()
	tr.place(client.Order{ClientOrderID: name, Side: side, Key: key, Quantity: q, Price: p, TimeInForce: client.GoodTillCancelled})
}

func TestFIXMassStatus(t *testing.T) {
	s := queryServer(t, setup{})
	tr := s.login(bob)
	q := s.queries(bob)
	q.plays(`
		> AF|584=s0|585=7
		8|6=0|14=0|17=*|37=NONE|39=8|54=7|55=[N/A]|58=no working order matches|60=*|103=5|150=I|151=0|584=s0|911=0|912=Y|
	`)
	tr.rests("a", client.Buy, tin, 100, 9_0000)
	tr.rests("b", client.Sell, tin, 40, 11_0000)
	tr.rests("c", client.Buy, mills, 200, 2_0000)
	for range 3 {
		q.next() // the reports of the orders
	}
	q.plays(`
		> AF|584=s1|585=7
		8|6=0|11=a|14=0|17=0|37=100002-1|38=100|39=0|40=2|44=9|54=1|55=600100|59=1|60=*|150=I|151=100|207=ALFA|584=s1|911=3|912=N|
		8|6=0|11=b|14=0|17=0|37=100002-2|38=40|39=0|40=2|44=11|54=2|55=600100|59=1|60=*|150=I|151=40|207=ALFA|584=s1|911=3|912=N|
		8|6=0|11=c|14=0|17=0|37=100002-3|38=200|39=0|40=2|44=2|54=1|55=600101|59=1|60=*|150=I|151=200|207=ALFA|584=s1|911=3|912=Y|
		> AF|584=s2|585=1|55=600100|207=ALFA|54=2
		8|6=0|11=b|14=0|17=0|37=100002-2|38=40|39=0|40=2|44=11|54=2|55=600100|59=1|60=*|150=I|151=40|207=ALFA|584=s2|911=1|912=Y|
		> AF|584=s3|585=1|55=300100|207=BETA
		8|6=0|14=0|17=*|37=NONE|39=8|54=7|55=300100|58=no working order matches|60=*|103=5|150=I|151=0|207=BETA|584=s3|911=0|912=Y|
		> AF|584=s4|585=1|55=nothing
		8|6=0|14=0|17=*|37=NONE|39=8|54=7|55=nothing|58=unknown instrument|60=*|103=1|150=I|151=0|584=s4|911=0|912=Y|
		> AF|584=s5|585=1
		8|6=0|14=0|17=*|37=NONE|39=8|54=7|55=[N/A]|58=unknown instrument|60=*|103=1|150=I|151=0|584=s5|911=0|912=Y|
		> AF|584=s6|585=3
		8|6=0|14=0|17=*|37=NONE|39=8|54=7|55=[N/A]|58=MassStatusReqType (585) is 1 or 7 here|60=*|103=11|150=I|151=0|584=s6|911=0|912=Y|
		> AF|584=s7|585=7|1=100001
		8|6=0|14=0|17=*|37=NONE|39=8|54=7|55=[N/A]|58=this session is that of another account|60=*|103=15|150=I|151=0|584=s7|911=0|912=Y|
		> AF|584=s8|585=9
		3|45=18|58=Value is incorrect (out of range) for this tag|371=585|372=AF|373=5|
	`)
}

func TestFIXPositions(t *testing.T) {
	s := queryServer(t, setup{})
	tr, op := s.login(bob), s.login(operator)
	q := s.queries(bob)
	const ack, position = "AO|1=100002|", "AP|1=100002|"
	const party, values = "453=1|448=100002|447=D|452=24|581=1|", "730=10|731=2|734=10|753=3|"
	request := func(id, more string) string {
		return "AN|1=100002|60=20260102-03:04:05|581=1|710=" + id + "|715=20260102|" + more
	}
	q.plays(`
		> ` + request("p1", "724=0") + `
		` + ack + party + `710=p1|721=*|727=1|728=0|729=0|
		` + position + `55=600100|207=ALFA|` + party + `702=1|703=TQ|704=100|705=0|710=p1|715=*|721=*|727=1|728=0|` + values + `707=FMTM|708=1000|707=TVAR|708=100|707=CASH|708=0|
		> ` + request("p2", "724=0|55=300100|207=BETA") + `
		` + ack + party + `710=p2|721=*|727=0|728=2|729=0|
		> ` + request("p3", "724=0|55=nothing") + `
		` + ack + `58=unknown instrument|` + party + `710=p3|721=*|727=0|728=1|729=2|
		> ` + request("p4", "724=1") + `
		` + ack + `58=PosReqType (724) is 0 here|` + party + `710=p4|721=*|727=0|728=4|729=2|
		> AN|1=100001|60=20260102-03:04:05|581=1|710=p5|715=20260102|724=0
		` + ack + `58=this session is that of another account|` + party + `710=p5|721=*|727=0|728=3|729=2|
		> ` + request("p6", "724=0|263=2") + `
		` + ack + `58=no subscription has this PosReqID|` + party + `710=p6|721=*|727=0|728=99|729=2|
		> ` + request("live", "724=0|263=1|55=300100|207=BETA") + `
		` + ack + party + `710=live|721=*|727=0|728=2|729=0|
		> ` + request("more", "724=0|263=1") + `
		` + ack + `58=this session has a subscription to positions; end it first|` + party + `710=more|721=*|727=0|728=99|729=2|
		> ` + request("live", "724=0|263=2") + `
		` + ack + party + `710=live|721=*|727=0|728=0|729=0|
		> ` + request("live", "724=0|263=1") + `
		` + ack + party + `710=live|721=*|727=1|728=0|729=0|
		` + position + `55=600100|207=ALFA|` + party + `702=1|703=TQ|704=100|705=0|710=live|715=*|721=*|727=1|728=0|` + values + `707=FMTM|708=1000|707=TVAR|708=100|707=CASH|708=0|
	`)
	change := func(quantity, value, profit, realised string) string {
		return position + "55=600100|207=ALFA|325=Y|" + party + "702=1|703=TQ|704=" + quantity + "|705=0|710=live|715=*|721=*|728=0|" + values +
			"707=FMTM|708=" + value + "|707=TVAR|708=" + profit + "|707=CASH|708=" + realised + "|"
	}
	tr.buy(tin, 20)
	q.next() // the report
	q.want(q.next(), change("120", "1200", "100", "0"))
	tr.sell(tin, 120)
	q.next()
	q.want(q.next(), change("0", "0", "0", "0"))
	y := tr.buy(tin, 7)
	q.next()
	q.want(q.next(), change("7", "70", "0", "0"))
	op.bust(y.ID, "wrong")
	q.next()
	q.want(q.next(), change("0", "0", "0", "0"))
	_, err := op.Operate(t.Context(), client.Reset{Customer: bob, Text: "again"})
	must(t, err)
	q.want(q.next(), change("100", "1000", "100", "0"))
	q.plays(`
		> ` + request("live", "724=0|263=2") + `
		` + ack + party + `710=live|721=*|727=0|728=0|729=0|
	`)
	tr.buy(tin, 1)
	q.next() // the report
	if more := q.all(); len(more) > 0 {
		t.Errorf("after the end of the subscription: %q", more)
	}
}

func TestFIXMarketData(t *testing.T) {
	s := queryServer(t, setup{})
	q := s.queries(alice)
	const types = "267=3|269=0|269=1|269=2|"
	q.plays(`
		> V|262=m1|263=0|264=1|` + types + `146=2|55=600100|207=ALFA|55=300100|207=BETA
		W|55=600100|207=ALFA|262=m1|268=3|269=0|270=10|272=*|273=*|269=1|270=10|272=*|273=*|269=2|270=10|272=*|273=*|
		W|55=300100|207=BETA|262=m1|268=3|269=0|270=74|272=*|273=*|269=1|270=74|272=*|273=*|269=2|270=74|272=*|273=*|
		> V|262=m1|263=0|264=1|267=1|269=2|146=2|55=300100|55=ALFA/600100
		W|55=300100|207=BETA|262=m1|268=1|269=2|270=74|272=*|273=*|
		W|55=600100|207=ALFA|262=m1|268=1|269=2|270=10|272=*|273=*|
		> V|262=m2|263=0|264=0|267=1|269=2|146=1|55=nothing|207=ALFA
		Y|58=unknown instrument nothing|262=m2|281=0|
		> V|262=m3|263=0|264=5|267=1|269=2|146=1|55=600100|207=ALFA
		Y|58=MarketDepth (264) is 0 or 1 here: the book has one level|262=m3|281=5|
		> V|262=m4|263=0|264=1|267=1|269=7|146=1|55=600100|207=ALFA
		Y|58=MDEntryType (269) is 0, 1 or 2 here|262=m4|281=8|
		> V|262=m4|263=0|264=1|267=0|146=1|55=600100|207=ALFA
		Y|58=there is no MDEntryType (269)|262=m4|281=8|
		> V|262=m4|263=1|264=1|267=1|269=2|146=0
		Y|58=there is no Symbol (55)|262=m4|281=0|
		> V|262=m5|263=2|264=1|267=1|269=2|146=1|55=600100|207=ALFA
		Y|58=no subscription has this MDReqID|262=m5|
		> V|262=live|263=1|264=1|265=1|267=2|269=0|269=2|146=1|55=600100|207=ALFA
		W|55=600100|207=ALFA|262=live|268=2|269=0|270=10|272=*|273=*|269=2|270=10|272=*|273=*|
		> V|262=live|263=1|264=1|265=1|267=1|269=0|146=1|55=300100|207=BETA
		Y|58=a subscription has this MDReqID|262=live|281=1|
	`)
	s.service.MovePrice(railID, 75_0000)
	s.service.MovePrice(tinID, 10_5000)
	q.want(q.next(), "X|262=live|268=2|279=1|269=0|55=600100|207=ALFA|270=10.5|272=*|273=*|279=0|269=2|55=600100|207=ALFA|270=10.5|272=*|273=*|")
	q.plays(`
		> V|262=live|263=2|264=1|267=1|269=0|146=1|55=600100|207=ALFA
		> V|262=full|263=1|264=1|265=0|267=1|269=2|146=1|55=600100|207=ALFA
		W|55=600100|207=ALFA|262=full|268=1|269=2|270=10.5|272=*|273=*|
	`)
	s.service.MovePrice(tinID, 11_0000)
	q.want(q.next(), "W|55=600100|207=ALFA|262=full|268=1|269=2|270=11|272=*|273=*|")
	for n := 2; n <= 16; n++ {
		q.plays(fmt.Sprintf(`
			> V|262=more%[1]d|263=1|264=1|267=1|269=2|146=1|55=600100|207=ALFA
			W|55=600100|207=ALFA|262=more%[1]d|268=1|269=2|270=11|272=*|273=*|
		`, n))
	}
	q.plays(`
		> V|262=many|263=1|264=1|267=1|269=2|146=1|55=600100|207=ALFA
		Y|58=this session has 16 subscriptions; end one first|262=many|281=2|
	`)
	must(t, q.conn.Close())
	eventually(t, "the subscriptions to end", func() bool { return s.service.MarketSubscribers() == 0 })
}

// TestFIXMarketDataHalted: there is nothing to execute while trading is halted.
func TestFIXMarketDataHalted(t *testing.T) {
	s := queryServer(t, setup{})
	s.service.Market().SetHalted(tinID, true)
	q := s.queries(alice)
	q.plays(`
		> V|262=m1|263=0|264=1|267=2|269=1|269=2|146=1|55=600100|207=ALFA
		W|55=600100|207=ALFA|262=m1|268=2|269=1|270=10|272=*|273=*|276=B|269=2|270=10|272=*|273=*|
	`)
}

func TestFIXSecurityList(t *testing.T) {
	s := queryServer(t, setup{})
	q := s.queries(alice)
	const unlisted = "870=1|871=99|872=TICK=0.0100|561=1|562=1|"
	q.plays(`
		> x|320=l1|559=4
		y|146=4|55=600100|207=ALFA|107=Tin|` + unlisted + `55=300100|207=BETA|107=Rail|` + unlisted + `55=600101|207=ALFA|107=Mills|870=1|871=99|872=TICK=0.0100|561=100|562=100|55=300101|207=BETA|107=Gold|` + unlisted + `320=l1|322=*|393=4|560=0|893=Y|
		> x|320=l2|559=0|55=300100|207=BETA
		y|146=1|55=300100|207=BETA|107=Rail|` + unlisted + `320=l2|322=*|393=1|560=0|893=Y|
		> x|320=l3|559=0|55=nothing
		y|320=l3|322=*|393=0|560=2|893=Y|
		> x|320=l4|559=0
		y|320=l4|322=*|393=0|560=2|893=Y|
		> x|320=l5|559=2
		y|320=l5|322=*|393=0|560=5|893=Y|
		> x|320=l6|559=4|263=1
		y|320=l6|322=*|393=0|560=5|893=Y|
	`)
}

// TestFIXLongSecurityList: all instruments come, each once, with the last fragment marked.
func TestFIXLongSecurityList(t *testing.T) {
	const instruments = 2345
	s := queryServer(t, setup{seed: listedInstruments(t, instruments)})
	q := s.queries(alice)
	q.send("x|320=long|559=4")
	listed := 0
	for last := false; !last; {
		m := q.next()
		for n := range strings.Count(m, "|207=MANY|") {
			if want := fmt.Sprintf("|55=%06d|", listed+n); !strings.Contains(m, want) {
				t.Fatalf("no %s in %s", want, m)
			}
		}
		listed += strings.Count(m, "|207=MANY|")
		last = strings.HasSuffix(m, "|393=2345|560=0|893=Y|")
	}
	if listed != instruments {
		t.Errorf("%d instruments, want %d", listed, instruments)
	}
	symbols := strings.Builder{}
	for n := range instruments {
		fmt.Fprintf(&symbols, "55=%06d|207=MANY|", n)
	}
	q.send(fmt.Sprintf("V|262=all|263=1|264=1|267=1|269=2|146=%d|%s", instruments, symbols.String()))
	for n := range instruments {
		q.want(q.next(), fmt.Sprintf("W|55=%06d|207=MANY|262=all|268=1|269=2|270=10|272=*|273=*|", n))
	}
	for n := range instruments {
		s.service.MovePrice(ledger.InstrumentID(n), 11_0000)
	}
	for moved := 0; moved < instruments; {
		moved += strings.Count(q.next(), "270=11|")
	}
}

// listedInstruments returns a seed with alice and that many instruments.
func listedInstruments(t *testing.T, count int) *seed.Seed {
	list := make([]string, count)
	for n := range list {
		list[n] = fmt.Sprintf(`{"market": "MANY", "code": "%06d", "last": "10.00"}`, n)
	}
	return parseSeed(t, `{"format": 1, "instruments": [`+strings.Join(list, ",")+`],
		"customers": [{"customer": 100001, "name": "Alice", "cash": "1000000.00", "token_sha256": "ALICE"}]}`)
}

func TestFIXTrades(t *testing.T) {
	s := queryServer(t, setup{})
	tr, op := s.login(alice), s.login(operator)
	q := s.queries(alice)
	const none = "AQ|55=[N/A]|"
	q.plays(`
		> AD|568=t0|569=2
		` + none + `58=TradeRequestType (569) is 0 or 1 here|568=t0|569=2|749=8|750=2|
		> AD|568=t0|569=0|263=1
		` + none + `58=there is no subscription to trades: executions are reported by ExecutionReport|568=t0|569=0|749=99|750=2|
		> AD|568=t0|569=1|55=nothing|207=ALFA
		AQ|55=nothing|58=unknown instrument|207=ALFA|568=t0|569=1|749=1|750=2|
		> AD|568=t0|569=1|1=5
		3|45=8|58=Tag not defined for this message type|371=1|372=AD|373=2|
		> AD|568=t0|569=1|37=100002-1
		` + none + `58=this id is that of another account|568=t0|569=1|749=9|750=2|
		> AD|568=t0|569=1|17=mine
		` + none + `58=an id that no order or execution has|568=t0|569=1|749=99|750=2|
	`)
	q.send("AD|568=t1|569=0")
	q.reads(none + "568=t1|569=0|749=0|750=0|\n" + none + "568=t1|569=0|748=0|749=0|750=1|")
	tr.place(client.Order{ClientOrderID: "one", Side: client.Buy, Key: tin, Quantity: 10})
	second := tr.buy(rail, 2)
	third := tr.sell(tin, 4)
	op.bust(second.ID, "wrong")
	_, err := op.Correct(t.Context(), client.Correction{ID: third.ID, Quantity: 3, Price: 10_0000, Reason: "three"})
	must(t, err)
	for range 5 {
		q.next() // the reports
	}
	trade := func(number int, price, quantity, symbol, kind, market, change, side string) string {
		return fmt.Sprintf("AE|17=100001-%d|31=%s|32=%s|55=%s|60=*|75=*|150=%s|207=%s|487=%s|552=1|54=%s|37=100001-%d|", number, price, quantity, symbol, kind, market, change, side, min(number, 3))
	}
	first := trade(1, "10", "10", "600100", "F", "ALFA", "0", "1") + "11=one|1=100001|12=0|13=3|"
	all := []string{
		trade(4, "10", "3", "600100", "G", "ALFA", "2", "2") + "1=100001|12=0|13=3|568=t2|570=N|571=100001-4|572=100001-3|912=N|",
		trade(3, "10", "4", "600100", "H", "ALFA", "1", "2") + "1=100001|12=0|13=3|58=three|568=t2|570=N|571=100001-3h|572=100001-3|912=N|",
		trade(2, "74", "2", "300100", "H", "BETA", "1", "1") + "1=100001|12=0|13=3|58=wrong|568=t2|570=N|571=100001-2h|572=100001-2|912=N|",
		first + "568=t2|570=N|571=100001-1|912=Y|",
	}
	q.send("AD|568=t2|569=0")
	q.reads(none + "568=t2|569=0|749=0|750=0|\n" + strings.Join(all, "\n") + "\n" + none + "568=t2|569=0|748=4|749=0|750=1|")
	one := first + "568=t3|570=N|571=100001-1|912=Y|"
	for _, filter := range []string{"11=one", "37=100001-1", "17=100001-1", "55=600100|207=ALFA|54=1", "580=2|75=20200101|75=20990101|54=1|55=600100|207=ALFA"} {
		symbol := "55=[N/A]|"
		if strings.Contains(filter, "207=ALFA") {
			symbol = "55=600100|207=ALFA|"
		}
		q.send("AD|568=t3|569=1|" + filter)
		q.reads("AQ|" + symbol + "568=t3|569=1|749=0|750=0|\n" + one + "\nAQ|" + symbol + "568=t3|569=1|748=1|749=0|750=1|")
	}
	for _, filter := range []string{"11=two", "37=100001-9", "17=100001-9", "580=1|75=20200101", "580=2|75=20200101|75=20200103|60=20200103-00:00:00"} {
		q.send("AD|568=t4|569=1|" + filter)
		q.reads(none + "568=t4|569=1|749=0|750=0|\n" + none + "568=t4|569=1|748=0|749=0|750=1|")
	}
}

// TestFIXOldTrades: executions that are no longer in memory come from the history, each once.
func TestFIXOldTrades(t *testing.T) {
	const trades = 1000
	s := queryServer(t, setup{recent: 16})
	tr := s.login(alice)
	for range trades {
		tr.buy(tin, 1)
	}
	s.catchUp()
	q := s.queries(alice)
	q.send("AD|568=old|569=0")
	q.want(q.next(), "AQ|55=[N/A]|568=old|569=0|749=0|750=0|")
	for n := trades; n > 0; n-- {
		m := q.next()
		if !strings.HasPrefix(m, fmt.Sprintf("AE|17=100001-%d|", n)) || strings.HasSuffix(m, "912=Y|") != (n == 1) {
			t.Fatalf("trade %d: %s", n, m)
		}
	}
	q.want(q.next(), "AQ|55=[N/A]|568=old|569=0|748=1000|749=0|750=1|")
}

// TestFIXQueriesAreNotResent: a ResendRequest for the answers to queries is answered by a GapFill.
func TestFIXQueriesAreNotResent(t *testing.T) {
	s := queryServer(t, setup{})
	q := s.queries(alice)
	q.send("x|320=l|559=4")
	q.next()
	q.send("2|7=2|16=0")
	q.heard-- // the number of the list
	q.want(q.next(), "4|43=Y|122=*|36=3|123=Y|")
}

// TestFIXQueryNumbers: after a crash no number of an answer is used again.
func TestFIXQueryNumbers(t *testing.T) {
	s := queryServer(t, setup{})
	q := s.queries(alice)
	for range 600 {
		q.send("x|320=l|559=4")
		q.next()
	}
	crashed := s.setup
	crashed.dir = s.copyData()
	next := start(t, crashed).connect(alice)
	next.sent = q.sent
	next.send("A|98=0|108=0|554=" + hex.EncodeToString(demoToken(alice)))
	number, last := next.frameNumber(), uint64(q.heard)
	if number <= last || number > last+512 {
		t.Errorf("number %d after the crash, %d before", number, last)
	}
}

// gatedLog is a desk.CommitLog without a disk, whose output waits while it is closed.
type gatedLog struct {
	desk.CommitLog
	newOutbound func() desk.Outbound

	mu      sync.Mutex
	closed  bool
	waiting []desk.Outbound
}

func (l *gatedLog) Append(t *desk.Turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.newOutbound()
	t.Out.MoveTo(out)
	if l.closed {
		l.waiting = append(l.waiting, out)
		return
	}
	out.Post()
}

func (l *gatedLog) close(closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = closed
	for _, out := range l.waiting {
		if !closed {
			out.Post()
		}
	}
	if !closed {
		l.waiting = nil
	}
}

func (l *gatedLog) Durable(context.Context) error { return nil }
func (l *gatedLog) Accepts() bool                 { return true }
func (l *gatedLog) Failed() error                 { return nil }
func (l *gatedLog) Stats() journal.Stats          { return journal.Stats{} }
func (l *gatedLog) Close(context.Context) error   { return nil }

// TestFIXAnswersWaitForTheClient: an answer that the client does not take stops, a fifth one is refused,
// and market data shows only the newest price.
func TestFIXAnswersWaitForTheClient(t *testing.T) {
	const orders, answers = 1500, 4
	log := new(gatedLog)
	s := queryServer(t, setup{turnLog: func(_ *history.Store, o desk.CommitLogOptions) desk.CommitLog {
		log.newOutbound = o.NewOutbound
		return log
	}})
	t.Cleanup(func() { log.close(false) }) // before the stop
	tr := s.login(alice)
	for range orders {
		tr.rests("", client.Buy, tin, 1, 5_0000)
	}
	q := s.queries(alice)
	q.plays(`
		> V|262=live|263=1|264=1|267=1|269=2|146=1|55=300100|207=BETA
		W|55=300100|207=BETA|262=live|268=1|269=2|270=74|272=*|273=*|
	`)
	log.close(true)
	for n := range answers + 1 {
		q.send(fmt.Sprintf("AF|584=s%d|585=7", n))
	}
	due := func() int64 { return s.service.FIXDue(ledger.Customer(alice)) }
	eventually(t, "the answers to be stopped", func() bool { return s.service.FIXAnswers() == answers && due() > 64<<10 })
	for price := ledger.Price(75_0000); price <= 90_0000; price += 1_0000 {
		s.service.MovePrice(railID, price)
		if n := s.service.MarkPrice(railID); n != 0 {
			t.Errorf("prices are sent to %d clients that do not take them", n)
		}
	}
	log.close(false)
	const newest = "X|262=live|268=1|279=0|269=2|55=300100|207=BETA|270=90|272=*|273=*|"
	reports, refusals, prices := 0, 0, 0
	for reports < answers*orders {
		switch m := q.next(); {
		case strings.HasPrefix(m, "8|"):
			reports++
		case strings.HasPrefix(m, "X|"):
			prices++
			q.want(m, newest)
		case strings.HasPrefix(m, "j|"):
			refusals++
			q.want(m, "j|45=8|58=earlier answers are on their way; ask again after them|372=AF|380=4|")
		default:
			t.Fatal(m)
		}
		if due() > 512<<10 {
			t.Fatalf("%d bytes are due", due())
		}
	}
	if refusals != 1 || prices > 1 {
		t.Errorf("%d refusals, %d pushes of prices", refusals, prices)
	}
	if prices == 0 {
		q.want(q.next(), newest)
	}
	eventually(t, "the answers to end", func() bool { return s.service.FIXAnswers() == 0 })
}

// TestFIXAnswersEndWithTheConnection: a client that goes away in the middle of answers leaves nothing.
func TestFIXAnswersEndWithTheConnection(t *testing.T) {
	log := new(gatedLog)
	s := queryServer(t, setup{turnLog: func(_ *history.Store, o desk.CommitLogOptions) desk.CommitLog {
		log.newOutbound = o.NewOutbound
		return log
	}})
	t.Cleanup(func() { log.close(false) })
	tr := s.login(alice)
	for range 1500 {
		tr.rests("", client.Buy, tin, 1, 5_0000)
	}
	q := s.queries(alice)
	log.close(true)
	q.send("AF|584=s|585=7")
	eventually(t, "the answer to be stopped", func() bool { return s.service.FIXDue(ledger.Customer(alice)) > 64<<10 })
	must(t, q.conn.Close())
	eventually(t, "the answer to end", func() bool { return s.service.FIXAnswers() == 0 })
}

// TestFIXManyPositions: all positions come, in pieces, and all again when a reset has changed them.
func TestFIXManyPositions(t *testing.T) {
	const held = 450
	s := queryServer(t, setup{seed: manyInstruments(t, 500, 8, held)})
	op := s.login(operator)
	q := s.queries(alice)
	reported := func(with string) {
		t.Helper()
		seen := make(map[string]bool)
		for range held {
			m := q.next()
			_, symbol, _ := strings.Cut(m, "|55=")
			symbol, _, _ = strings.Cut(symbol, "|")
			if !strings.HasPrefix(m, "AP|") || !strings.Contains(m, with) || seen[symbol] {
				t.Fatal(m)
			}
			seen[symbol] = true
		}
		if more := q.all(); len(more) > 0 {
			t.Errorf("more: %q", more)
		}
	}
	q.send("AN|1=100001|60=20260102-03:04:05|581=1|710=p|715=20260102|724=0|263=1")
	q.want(q.next(), "AO|1=100001|453=1|448=100001|447=D|452=24|581=1|710=p|721=*|727=450|728=0|729=0|")
	reported("|727=450|")
	_, err := op.Operate(t.Context(), client.Reset{Customer: alice, Text: "again"})
	must(t, err)
	reported("|325=Y|")
}
