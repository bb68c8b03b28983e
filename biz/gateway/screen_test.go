package gateway_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/biz/transcript"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// TestTranscripts plays commands of several clients of a server. "alice2: buy 100 TIN" is a
// command of the session alice2 of the customer alice. The output has all messages that each
// session received, in order.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, func(t *testing.T) func(string) string {
		r := &stage{t: t, screens: make(map[string]*screen)}
		r.open(setup{})
		return r.do
	})
}

var (
	customers = map[string]client.Customer{"alice": alice, "bob": bob, "carol": carol, "dave": dave, "op": operator}
	shortKeys = map[string]client.Key{"TIN": tin, "RAIL": rail, "MILLS": mills}
)

// stage is the server and the sessions of a transcript.
type stage struct {
	t       *testing.T
	server  *server
	screens map[string]*screen
	order   []string // of the names
	ticker  *trader  // dave, who has a quote of gold to know how far the publisher is
	stepped *wire    // an operator who steps the clock

	listeners []engine.Listener // besides those for packet and TLV
}

// screen is one session and what it was sent since the last command.
type screen struct {
	*wire
	name     string
	customer client.Customer
	overTLV  bool
	loggedIn bool
	last     uint64 // number of the last push
	lines    []string

	lastHistory []byte // that last belongs to
	soon        bool   // ask does not wait for the reply
}

func (r *stage) open(with setup) {
	never := engine.Limits{Heartbeat: time.Hour, IdleTime: time.Hour}
	with.limits, with.listeners = never, append(tlvListener(engine.Listener{Greets: true}), r.listeners...)
	r.server = start(r.t, with)
	r.stepped = r.server.wire()
	r.stepped.login(operator)
	r.ticker = r.server.login(dave)
	_, err := r.ticker.Quotes(r.t.Context(), []client.Key{gold}, true)
	must(r.t, err)
}

// do executes a command and returns what all sessions were sent.
func (r *stage) do(command string) string {
	name, request, found := strings.Cut(command, ": ")
	if !found {
		return r.serverDo(strings.Fields(command))
	}
	s := r.screens[name]
	if s == nil {
		s = &screen{name: name, customer: customers[strings.TrimRight(name, "0123456789")]}
		r.screens[name], r.order = s, append(r.order, name)
	}
	if words := strings.Fields(request); words[0] == "soon" { // the reply may come later
		s.soon = true
		r.screenDo(s, words[1:])
		s.soon = false
	} else {
		r.screenDo(s, words)
		if slices.Contains([]string{"halt", "resume", "jump"}, words[0]) {
			r.published()
		}
	}
	return r.said()
}

// serverDo executes what is no session's: "price TIN 11.00", "step 5s", "restart", with "recent
// n" and "sessions n" if wanted, and "world" with the names of what another seed has.
func (r *stage) serverDo(words []string) string {
	switch words[0] {
	case "step":
		d, err := time.ParseDuration(words[1])
		must(r.t, err)
		step := &pb.OperateRequest{Command: &pb.OperateRequest_Step{Step: &pb.StepCommand{Duration: int64(d)}}}
		if result, _ := r.stepped.ask(codec.CommandOperate, requestID, step); result != codec.ResultOK {
			r.t.Fatalf("step: %s", result)
		}
		r.published() // a closing and an opening are price steps
		return r.said()
	case "world":
		r.server.stop()
		r.screens, r.order = make(map[string]*screen), nil
		r.open(worldOf(r.t, words[1:]))
		return "a new server"
	case "price":
		id, _ := r.server.service.Market().Find(shortKeys[words[1]].Market, shortKeys[words[1]].Code)
		p, err := ledger.ParsePrice(words[2])
		must(r.t, err)
		r.server.service.MovePrice(id, p)
		r.published()
		return r.said()
	case "restart":
		with := r.server.setup
		for ; len(words) > 2; words = words[2:] {
			switch words[1] {
			case "recent":
				with.recent = r.number(words[2])
			case "sessions":
				with.sessions = r.number(words[2])
			}
		}
		r.server.stop()
		for _, s := range r.screens {
			s.wire, s.loggedIn = nil, false // but the last push is known
		}
		r.open(with)
		return "all sessions have ended"
	}
	r.t.Fatalf("%q is no command", words)
	return ""
}

// published waits until the publisher has pushed all prices set so far. The publisher goes from
// session to session, and reads new prices after a complete round.
func (r *stage) published() {
	for n := range 2 {
		r.server.service.MovePrice(goldID, ledger.Price(1+n))
		for {
			if q, ok := r.ticker.push().Event.(client.Quote); ok && q.Key == gold && q.LastPrice == client.Price(1+n) {
				break
			}
		}
	}
}

// said waits until every session has received all its messages, and returns them.
func (r *stage) said() string {
	text := ""
	for _, name := range r.order {
		s := r.screens[name]
		if s.wire != nil {
			fence := codec.CommandSubmit
			if s.loggedIn {
				fence = codec.CommandPositions // leaves after all that the account has done
			}
			s.send(fence, fenceID, nil)
			s.until(fence, fenceID, false)
		}
		for _, line := range s.lines {
			text += name + " < " + line + "\n"
		}
		s.lines = nil
	}
	if text == "" {
		return "nobody is told"
	}
	return text
}

// The ids of requests.
const requestID, fenceID = 1, 2

// screenDo executes a command of a session and waits for the reply. If the session is not
// connected, it connects first; with "tlv" to the tlv listener.
func (r *stage) screenDo(s *screen, words []string) {
	if s.wire == nil && words[0] != "reconnect" {
		s.connect(r.server, slices.Contains(words, "tlv"))
	}
	switch words[0] {
	case "connect":
	case "leave":
		r.leave(s)
	case "login":
		s.login(words[1:])
	case "reconnect": // goes on after the last push, or "from n"
		if s.wire != nil {
			r.leave(s)
		}
		s.connect(r.server, s.overTLV)
		if len(words) == 1 {
			words = append(words, "from", fmt.Sprint(s.last))
		}
		s.login(words[1:])
	case "logout":
		s.ask(codec.CommandLogout, nil)
		s.loggedIn = false
	case "buy", "sell":
		s.place(words)
	case "positions":
		s.ask(codec.CommandPositions, nil)
	case "history":
		s.history(words[1:])
	case "watch", "unwatch":
		key := shortKeys[words[1]]
		s.ask(codec.CommandQuotes, &pb.QuotesRequest{
			Instruments: []*pb.InstrumentKey{{Market: key.Market, Code: key.Code}}, Subscribe: words[0] == "watch",
		})
	case "bust":
		s.bust(words[1:])
	case "correct":
		s.correct(words[1:])
	case "cancel":
		s.cancel(words[1:])
	case "replace":
		s.replace(words[1:])
	case "orders":
		s.orders(words[1:])
	case "instrument":
		key := shortKeys[words[1]]
		s.ask(codec.CommandQuotes, &pb.QuotesRequest{Instruments: []*pb.InstrumentKey{{Market: key.Market, Code: key.Code}}})
	case "command":
		s.ask(codec.Command(r.number(words[1])), nil)
	default:
		body, ok := s.operation(words)
		if !ok {
			r.t.Fatalf("%q is no command of a session", words)
		}
		s.ask(codec.CommandOperate, body)
	}
}

func (s *screen) connect(server *server, overTLV bool) {
	if s.overTLV = overTLV; !overTLV {
		s.wire = server.wire()
		return
	}
	s.wire = server.wireAt(0)
	s.show(s.next())
}

// leave closes the connection and returns when the server knows.
func (r *stage) leave(s *screen) {
	before := r.server.core.Len() + r.loggedIn()
	s.close()
	if s.loggedIn {
		before--
	}
	eventually(r.t, "the session to be gone", func() bool { return r.server.core.Len()+r.loggedIn() < before })
	s.wire, s.loggedIn = nil, false
}

// loggedIn returns how many sessions of all accounts are logged in.
func (r *stage) loggedIn() (n int) {
	for _, c := range customers {
		n += r.server.service.LoggedIn(ledger.Customer(c))
	}
	return n
}

// login sends "from n", "as bob", "with bob's token", "with password ..." in any number.
func (s *screen) login(words []string) {
	request := tokenLogin(s.customer)
	for i, word := range words {
		switch word {
		case "from":
			request.ResumeFrom, _ = strconv.ParseUint(words[i+1], 10, 64)
			request.HistoryId = s.lastHistory
		case "as":
			request.Customer = uint32(customers[words[i+1]])
		case "bob's":
			request.Credential = &pb.LoginRequest_Token{Token: demoToken(bob)}
		case "password":
			request.Credential = &pb.LoginRequest_Password{Password: strings.Join(words[i+1:], " ")}
		case "nothing":
			request.Credential = nil
		}
	}
	if s.ask(codec.CommandLogin, request) == codec.ResultOK {
		s.loggedIn = true
	}
}

// place sends "buy 100 TIN", with terms if wanted.
func (s *screen) place(words []string) {
	request := &pb.PlaceOrderRequest{Side: pb.Side_SIDE_BUY, Code: words[2]}
	if words[0] == "sell" {
		request.Side = pb.Side_SIDE_SELL
	}
	if key, ok := shortKeys[words[2]]; ok {
		request.Market, request.Code = key.Market, key.Code
	}
	var err error
	request.Quantity, err = strconv.ParseInt(words[1], 10, 64)
	must(s.t, err)
	o := s.terms(words[3:])
	request.ClientOrderId, request.Price, request.StopPrice = o.name, o.price, o.stop
	request.TimeInForce, request.Expires = o.force, o.expires
	if o.stop != 0 {
		request.Type = pb.OrderType_ORDER_TYPE_STOP
		if o.price != 0 {
			request.Type = pb.OrderType_ORDER_TYPE_STOP_LIMIT
		}
	}
	s.ask(codec.CommandPlaceOrder, request)
}

// history sends "limit n", "before id", "of bob" in any number.
func (s *screen) history(words []string) {
	request := new(pb.HistoryRequest)
	for ; len(words) > 1; words = words[2:] {
		switch words[0] {
		case "limit":
			n, err := strconv.Atoi(words[1])
			must(s.t, err)
			request.Limit = uint32(n)
		case "before":
			id, err := client.ParseExecutionID(words[1])
			must(s.t, err)
			request.BeforeExecutionId = uint64(id)
		case "of":
			request.Customer = uint32(customers[words[1]])
		}
	}
	s.ask(codec.CommandHistory, request)
}

// ask sends a request and reads up to its reply.
func (s *screen) ask(cmd codec.Command, body codec.Body) codec.Result {
	s.t.Helper()
	s.send(cmd, requestID, body)
	if s.soon {
		return codec.ResultOK
	}
	return s.until(cmd, requestID, true)
}

// until reads up to a reply. It stores the messages before it, and the reply if it counts.
func (s *screen) until(cmd codec.Command, id uint64, counts bool) codec.Result {
	s.t.Helper()
	for {
		m := s.next()
		answers := m.Command == cmd.Reply() && (m.ID == id || s.dialect.Ordered())
		if !answers || counts {
			s.show(m)
		}
		if answers {
			return codec.Result(m.Body[0])
		}
	}
}

// show adds a line for a message.
func (s *screen) show(m codec.Message) {
	if !m.Command.IsReply() {
		number := ""
		if m.Command.IsPush() && m.ID > 0 && !s.dialect.Ordered() {
			s.last, number = m.ID, fmt.Sprintf(" %d", m.ID)
		}
		at := len(s.lines)
		for m.Command == codec.PushQuote && at > 0 && strings.HasPrefix(s.lines[at-1], "push: repriced") {
			at-- // a quote and a position have no order
		}
		s.lines = slices.Insert(s.lines, at, fmt.Sprintf("push%s: %s", number, inWords(s.t, m.Command, m.Body)))
		return
	}
	result, body := codec.Result(m.Body[0]), m.Body[1:]
	if result != codec.ResultOK && result != codec.ResultDuplicate {
		var e pb.Error
		must(s.t, e.UnmarshalVT(body))
		line := fmt.Sprintf("%s: %s", result, e.Message)
		if e.Order != nil {
			line += "; " + orderWords(e.Order)
		}
		for i, id := range e.BlockingExecutionIds {
			line += map[bool]string{true: "; in the way: ", false: ", "}[i == 0] + ledger.ExecutionID(id).String()
		}
		s.lines = append(s.lines, line)
		return
	}
	s.lines = append(s.lines, strings.TrimSuffix(fmt.Sprintf("%s: %s", result, inWords(s.t, m.Command, body)), ": "))
	if m.Command == codec.CommandLogin.Reply() {
		var reply pb.LoginReply
		must(s.t, reply.UnmarshalVT(body))
		s.last, s.lastHistory = reply.PushSequence, reply.HistoryId
	}
}

func (r *stage) number(text string) int {
	n, err := strconv.Atoi(text)
	must(r.t, err)
	return n
}
