package gateway_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// worldStart is the time of a stepped clock at its start: a Friday morning.
var worldStart = time.Date(2026, 1, 2, 10, 0, 0, 0, time.UTC)

// worldOf returns a server with a stepped clock and what the words name:
//
//	thin        tin has a depth of 50
//	hours       the market ALFA is open from 09:30 to 11:30 and 13:00 to 15:00
//	band        it has a band of 10 %
//	fees        it has fees and a tax
//	settlement  its shares settle T+1, its cash T+2
//	directives  alice has opted in to directives
//	two         alice has a FIX session ALICE2, too
//	slow        orders take 100 ms to 200 ms
//	few         an account may have 3 working orders, and 4 events are in memory
func worldOf(t testing.TB, words []string) setup {
	t.Helper()
	rules, pairs := "", []string(nil)
	clock, err := market.NewClock(market.SteppedClock, worldStart.UnixNano(), 1)
	must(t, err)
	w := setup{clock: clock}
	for _, word := range words {
		switch word {
		case "thin":
			pairs = append(pairs, `"name": "Tin"`, `"name": "Tin", "depth": 50`)
		case "hours":
			rules += `, "hours": ["09:30-11:30", "13:00-15:00"], "weekdays": "Mon-Fri"`
		case "band":
			rules += `, "band": "10%"`
		case "fees":
			rules += `, "commission": "0.1%", "commission_minimum": "5.00", "sell_tax": "0.05%"`
		case "settlement":
			rules += `, "shares_settle": "T+1", "cash_settle": "T+2"`
		case "directives":
			pairs = append(pairs, `"name": "Alice"`, `"name": "Alice", "directives": true`)
		case "two":
			pairs = append(pairs, `"name": "Alice"`, `"name": "Alice", "fix": [{"comp_id": "ALICE2"}]`)
		case "slow":
			w.preset = market.Preset{Name: "slow", LatencyMin: 100 * int64(time.Millisecond), LatencyMax: 200 * int64(time.Millisecond)}
		case "few":
			w.orders, w.recent = 3, 4
		default:
			t.Fatalf("the world has no %q", word)
		}
	}
	if rules != "" {
		pairs = append(pairs, `"instruments"`, `"markets": [{"market": "ALFA"`+rules+`}, {"market": "BETA"}], "instruments"`)
	}
	w.seed = edited(t, pairs...)
	return w
}

// orderTerms are the terms of an order or a replacement.
type orderTerms struct {
	name                  string // "as id"
	quantity, price, stop int64  // "for n", "at price", "stop price"
	force                 pb.TimeInForce
	expires               int64 // "until 5s": after the start of the world
}

var forces = map[string]pb.TimeInForce{
	"day": pb.TimeInForce_TIME_IN_FORCE_DAY, "gtc": pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_CANCELLED,
	"ioc": pb.TimeInForce_TIME_IN_FORCE_IMMEDIATE_OR_CANCEL, "fok": pb.TimeInForce_TIME_IN_FORCE_FILL_OR_KILL,
}

// terms parses "as id", "for quantity", "at price", "stop price", "until duration" and times in
// force in any number.
func (s *screen) terms(words []string) (o orderTerms) {
	s.t.Helper()
	for len(words) > 0 {
		if force, ok := forces[words[0]]; ok {
			o.force, words = force, words[1:]
			continue
		}
		value := words[1]
		switch words[0] {
		case "as":
			o.name = value
		case "for":
			o.quantity = s.number(value)
		case "at":
			o.price = s.price(value)
		case "stop":
			o.stop = s.price(value)
		case "until":
			o.force, o.expires = pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_DATE, worldStart.Add(s.duration(value)).UnixNano()
		default:
			s.t.Fatalf("%q is no term of an order", words)
		}
		words = words[2:]
	}
	return o
}

func (s *screen) number(text string) int64 {
	s.t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	must(s.t, err)
	return n
}

func (s *screen) price(text string) int64 {
	s.t.Helper()
	p, err := ledger.ParsePrice(text)
	must(s.t, err)
	return int64(p)
}

func (s *screen) money(text string) int64 {
	s.t.Helper()
	m, err := ledger.ParseMoney(text)
	must(s.t, err)
	return int64(m)
}

func (s *screen) duration(text string) time.Duration {
	s.t.Helper()
	d, err := time.ParseDuration(text)
	must(s.t, err)
	return d
}

func (s *screen) id(text string) uint64 {
	s.t.Helper()
	id, err := client.ParseExecutionID(text)
	must(s.t, err)
	return uint64(id)
}

// take removes "word value" from words.
func take(words []string, word string) (value string, rest []string) {
	for i := 0; i+1 < len(words); i++ {
		if words[i] == word {
			return words[i+1], append(append([]string(nil), words[:i]...), words[i+2:]...)
		}
	}
	return "", words
}

// cancel sends "100001-1", "as id", or "all", with "in TIN" and "of bob" or "of everyone".
func (s *screen) cancel(words []string) {
	request := new(pb.CancelOrderRequest)
	of, words := take(words, "of")
	request.Customer, request.Everyone = uint32(customers[of]), of == "everyone"
	in, words := take(words, "in")
	request.Market, request.Code = shortKeys[in].Market, shortKeys[in].Code
	switch words[0] {
	case "all":
		request.All = true
	case "as":
		request.ClientOrderId = words[1]
	default:
		request.OrderId = s.id(words[0])
	}
	s.ask(codec.CommandCancelOrder, request)
}

// replace sends "100001-1" or "named id", with terms.
func (s *screen) replace(words []string) {
	request := new(pb.ReplaceOrderRequest)
	if words[0] == "named" {
		request.ClientOrderId, words = words[1], words[1:]
	} else {
		request.OrderId = s.id(words[0])
	}
	o := s.terms(words[1:])
	request.NewClientOrderId, request.Quantity, request.Price, request.StopPrice = o.name, o.quantity, o.price, o.stop
	request.TimeInForce, request.Expires = o.force, o.expires
	s.ask(codec.CommandReplaceOrder, request)
}

// orders sends "", "100001-1" or "as id", with "limit n", "after 100001-3" and "of bob".
func (s *screen) orders(words []string) {
	request := new(pb.OrdersRequest)
	of, words := take(words, "of")
	request.Customer = uint32(customers[of])
	limit, words := take(words, "limit")
	if limit != "" {
		request.Limit = uint32(s.number(limit))
	}
	after, words := take(words, "after")
	if after != "" {
		request.AfterOrderId = s.id(after)
	}
	name, words := take(words, "as")
	if request.ClientOrderId = name; len(words) > 0 {
		request.OrderId = s.id(words[0])
	}
	s.ask(codec.CommandOrders, request)
}

// bust sends "100001-1 reason" or "all TIN reason"; first come "reopen", "cascade", "dry" and "of
// bob".
func (s *screen) bust(words []string) {
	request := new(pb.BustRequest)
	for {
		switch words[0] {
		case "reopen":
			request.Reopen = true
		case "cascade":
			request.Cascade = true
		case "dry":
			request.DryRun = true
		case "of":
			request.Customer, words = uint32(customers[words[1]]), words[1:]
		case "all":
			request.Market, request.Code, request.To = shortKeys[words[1]].Market, shortKeys[words[1]].Code, math.MaxInt64
			request.Reason = strings.Join(words[2:], " ")
			s.ask(codec.CommandBust, request)
			return
		default:
			request.ExecutionId, request.Reason = s.id(words[0]), strings.Join(words[1:], " ")
			s.ask(codec.CommandBust, request)
			return
		}
		words = words[1:]
	}
}

// correct sends "100001-1 50 9.00 reason"; first may come "dry".
func (s *screen) correct(words []string) {
	dry := words[0] == "dry"
	if dry {
		words = words[1:]
	}
	s.ask(codec.CommandCorrect, &pb.CorrectRequest{
		ExecutionId: s.id(words[0]), Quantity: s.number(words[1]), Price: s.price(words[2]), Reason: strings.Join(words[3:], " "), DryRun: dry,
	})
}

// operation returns a command of operators; ok is false if it is not one.
func (s *screen) operation(words []string) (body *pb.OperateRequest, ok bool) {
	body = new(pb.OperateRequest)
	arguments := words[1:]
	halt := func() *pb.HaltCommand {
		if key, found := shortKeys[arguments[0]]; found {
			return &pb.HaltCommand{Market: key.Market, Code: key.Code}
		}
		return &pb.HaltCommand{Market: arguments[0]}
	}
	cash := func() *pb.CashCommand {
		return &pb.CashCommand{Customer: uint32(customers[arguments[0]]), Amount: s.money(arguments[1]), Text: strings.Join(arguments[2:], " ")}
	}
	switch words[0] {
	case "halt":
		body.Command = &pb.OperateRequest_Halt{Halt: halt()}
	case "resume":
		body.Command = &pb.OperateRequest_Resume{Resume: halt()}
	case "jump":
		key := shortKeys[arguments[0]]
		body.Command = &pb.OperateRequest_Jump{Jump: &pb.JumpCommand{Market: key.Market, Code: key.Code, Price: s.price(arguments[1])}}
	case "wait":
		body.Command = &pb.OperateRequest_Step{Step: &pb.StepCommand{Duration: int64(s.duration(arguments[0]))}}
	case "deposit":
		body.Command = &pb.OperateRequest_Deposit{Deposit: cash()}
	case "withdraw":
		body.Command = &pb.OperateRequest_Withdraw{Withdraw: cash()}
	case "reset":
		body.Command = &pb.OperateRequest_Reset_{Reset_: &pb.CashCommand{Customer: uint32(customers[arguments[0]]), Text: strings.Join(arguments[1:], " ")}}
	case "fill":
		late := len(arguments) > 1 && arguments[1] == "late"
		if late {
			arguments = append(arguments[:1:1], arguments[2:]...)
		}
		o := s.terms(arguments[1:])
		body.Command = &pb.OperateRequest_Fill{Fill: &pb.FillCommand{OrderId: s.id(arguments[0]), Quantity: o.quantity, Price: o.price, Late: late}}
	case "reject":
		r := &pb.RejectCommand{Customer: uint32(customers[arguments[0]]), Count: uint32(s.number(arguments[1]))}
		if len(arguments) > 2 {
			r.Reason = pb.Reason(pb.Reason_value["REASON_"+arguments[2]])
		}
		body.Command = &pb.OperateRequest_Reject{Reject: r}
	case "disconnect":
		r := &pb.DisconnectCommand{Customer: uint32(customers[arguments[0]])}
		if len(arguments) > 1 {
			r.AfterPush = uint64(s.number(arguments[1]))
		}
		body.Command = &pb.OperateRequest_Disconnect{Disconnect: r}
	case "hold":
		body.Command = &pb.OperateRequest_HoldPushes{HoldPushes: &pb.HoldCommand{Customer: uint32(customers[arguments[0]]), Duration: int64(s.duration(arguments[1]))}}
	case "spoil":
		body = s.spoils(arguments)
	case "clock":
		body.Command = &pb.OperateRequest_Clock{Clock: &pb.ClockCommand{}}
	case "operate":
	default:
		return nil, false
	}
	return body, true
}
