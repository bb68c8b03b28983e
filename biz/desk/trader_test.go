package desk_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/transcript"
)

// TestTranscripts plays commands of traders at a desk. The commands are those of
// transcriber.commands.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, func(t *testing.T) func(string) string {
		x := &transcriber{t: t}
		x.open(setup{})
		return x.do
	})
}

// diskMark is the watermark of the desk in a transcript.
const diskMark = 1000

// transcriber executes the commands of a transcript. Its clock advances by a second with each.
type transcriber struct {
	t    *testing.T
	desk *opened
	free uint64
	now  int64
	seen []string         // the events of a command
	days map[string]int64 // when the trading day of each market ends
}

func (x *transcriber) open(with setup) {
	x.free, x.now, x.days = 2*diskMark, timeOf(0), make(map[string]int64)
	with.watermark, with.free = diskMark, func() (uint64, error) { return x.free, nil }
	with.watcher = func(*desk.Account) desk.Watcher { return x }
	x.start(open(x.t, with))
}

// start continues with d. It values all accounts, as a login does, since prices are not part of
// an account's state.
func (x *transcriber) start(d *opened) {
	x.desk = d
	for _, r := range d.Market().Rules() {
		x.days[r.Name] = r.Phase(x.now).Close
	}
	for _, a := range d.Accounts() {
		x.visit(a, func(t *desk.Turn) { t.Ledger().Revalue(d.Market()) })
	}
}

// Changed implements desk.Watcher. It values the account, as a session does.
func (x *transcriber) Changed(t *desk.Turn) {
	t.Ledger().Revalue(x.desk.Market())
	for i := range t.Events() {
		x.seen = append(x.seen, x.event(&t.Events()[i]))
	}
}

func (x *transcriber) visit(a *desk.Account, do func(*desk.Turn)) {
	x.t.Helper()
	must(x.t, a.Do(x.desk.turn, do))
}

func (x *transcriber) do(command string) string {
	x.now += int64(time.Second)
	x.seen = nil
	words := strings.Fields(command)
	commands := map[string]func([]string) string{
		"buy":        func(w []string) string { return x.place(ledger.Buy, w) },
		"sell":       func(w []string) string { return x.place(ledger.Sell, w) },
		"cancel":     x.cancel,
		"cancel-all": x.cancelAll,
		"replace":    x.replace,
		"fill":       x.fill,
		"fill-late":  x.fill,
		"bust":       x.bust,
		"correct":    x.correct,
		"deposit":    x.deposit,
		"withdraw":   x.deposit,
		"reset":      x.deposit,
		"price":      x.price,
		"jump":       x.price,
		"halt":       x.halt,
		"resume":     x.halt,
		"time":       x.time,
		"account":    x.account,
		"orders":     x.orders,
		"order":      x.order,
		"recent":     x.recent,
		"history":    x.history,
		"disk":       x.disk,
		"restart":    x.again,
		"crash":      x.again,
		"rules":      x.rules,
	}
	run, found := commands[words[0]]
	if !found {
		x.t.Fatalf("%q is no command", command)
	}
	switch words[0] {
	case "fill-late", "withdraw", "reset", "halt", "jump", "crash": // those that share a function
		return run(words)
	}
	return run(words[1:])
}

// rules opens a new desk with testdata/NAME.json.
func (x *transcriber) rules(words []string) string {
	x.desk.close()
	text, err := os.ReadFile(filepath.Join("testdata", words[0]+".json"))
	must(x.t, err)
	x.open(setup{seed: string(text)})
	said := ""
	for _, r := range x.desk.Market().Rules() {
		said += fmt.Sprintf("%s %s\n", r.Name, openOrClosed(r.Phase(x.now).Open))
	}
	return said
}

func openOrClosed(open bool) string {
	if open {
		return "is open"
	}
	return "is closed"
}

// visited returns what a command in a turn of an account has done.
func (x *transcriber) visited(a *desk.Account, do func(*desk.Turn) error) string {
	var said string
	x.visit(a, func(t *desk.Turn) {
		if err := do(t); err != nil {
			said = refusal(err)
		}
	})
	if said != "" || len(x.seen) == 0 {
		return said
	}
	a.View(func(l *ledger.Account) { said = strings.Join(x.seen, "\n") + x.totals(l) })
	return said
}

// terms are the words about an order after customer, instrument and quantity.
type terms struct {
	ledger.NewOrder
	parts int
}

// read reads "limit P", "stop P", "quantity Q", "gtd TIME", "as ID", "parts K", and single words.
func (x *transcriber) read(o *terms, words []string) {
	for len(words) > 0 {
		word, value := words[0], ""
		switch word {
		case "limit", "stop", "gtd", "as", "parts", "quantity":
			value, words = words[1], words[1:]
		}
		words = words[1:]
		switch word {
		case "limit":
			o.Price = x.money(value)
		case "stop":
			o.Stop = x.money(value)
		case "quantity":
			o.Quantity = ledger.Quantity(x.number(value))
		case "gtd":
			o.TimeInForce, o.Expires = ledger.GoodTillDate, x.instant(value)
		case "as":
			o.ClientOrderID = named(x.t, value)
		case "parts":
			o.parts = x.number(value)
		case "hold":
			o.Held = true
		default:
			o.TimeInForce = map[string]ledger.TimeInForce{
				"day": ledger.Day, "gtc": ledger.GoodTillCancelled, "ioc": ledger.ImmediateOrCancel, "fok": ledger.FillOrKill,
			}[word]
			if o.TimeInForce == 0 {
				x.t.Fatalf("%q means nothing", word)
			}
		}
	}
}

// place executes "customer instrument quantity" and what read reads.
func (x *transcriber) place(side ledger.Side, words []string) string {
	o := terms{NewOrder: marketOrder(side, x.instrument(words[1]), ledger.Quantity(x.number(words[2])), 0)}
	o.Terms.Time = x.now
	x.read(&o, words[3:])
	switch {
	case o.Price != 0 && o.Stop != 0:
		o.Type = ledger.StopLimit
	case o.Price != 0:
		o.Type = ledger.Limit
	case o.Stop != 0:
		o.Type = ledger.Stop
	}
	old := false
	a := x.customer(words[0])
	said := x.visited(a, func(t *desk.Turn) error {
		t.Parts = o.parts
		events, err := t.Place(&o.NewOrder)
		t.Parts = 0
		old = errors.Is(err, ledger.ErrDuplicate) && len(events) == 0
		return x.repeated(events, err)
	})
	if old {
		return x.doneLongAgo(a, o.ClientOrderID)
	}
	return said
}

// doneLongAgo answers a repeated order from the history.
func (x *transcriber) doneLongAgo(a *desk.Account, id ledger.ClientOrderID) string {
	var first ledger.Named
	a.View(func(l *ledger.Account) { first, _ = l.FindNamed(&id) })
	o, found, err := x.desk.FindNamed(x.t.Context(), a, id, first)
	must(x.t, err)
	if !found {
		return "done before, by a replacement"
	}
	said := "done long ago: " + x.terms(&o.Order) + ", " + x.status(&o.Order, o.Cause)
	for i := range o.Executions {
		said += "; " + x.executed(&o.Executions[i])
	}
	return said
}

// repeated returns the error, with the events of the first command if it was a repeated one.
func (x *transcriber) repeated(events []ledger.Event, err error) error {
	if !errors.Is(err, ledger.ErrDuplicate) || len(events) == 0 {
		return err
	}
	said := "done before:"
	for i := range events {
		said += " " + x.event(&events[i])
	}
	return errors.New(said)
}

func (x *transcriber) cancel(words []string) string {
	id := x.orderID(words[0])
	return x.visited(x.desk.Account(id.Customer()), func(t *desk.Turn) error {
		_, err := t.Cancel(id, ledger.ByClient, x.now)
		return err
	})
}

// cancelAll executes "customer", with an instrument if wanted.
func (x *transcriber) cancelAll(words []string) string {
	match := func(*ledger.Order) bool { return true }
	if len(words) > 1 {
		id := x.instrument(words[1])
		match = func(o *ledger.Order) bool { return o.Instrument == id }
	}
	return orNothing(x.visited(x.customer(words[0]), func(t *desk.Turn) error {
		_, err := t.CancelAll(match, ledger.ByClient, x.now)
		return err
	}))
}

// replace executes "order" and what read reads.
func (x *transcriber) replace(words []string) string {
	id := x.orderID(words[0])
	return x.visited(x.desk.Account(id.Customer()), func(t *desk.Turn) error {
		r := ledger.Replacement{Order: id}
		if o := t.Ledger().Order(id); o != nil {
			next := terms{NewOrder: ledger.NewOrder{Quantity: o.Quantity, Price: o.Price, Stop: o.Stop, TimeInForce: o.TimeInForce, Expires: o.Expires}}
			x.read(&next, words[1:])
			r.Quantity, r.Price, r.Stop, r.TimeInForce, r.Expires = next.Quantity, next.Price, next.Stop, next.TimeInForce, next.Expires
			r.ClientOrderID = next.ClientOrderID
		}
		r.Terms.Time = x.now
		events, err := t.Replace(&r)
		return x.repeated(events, err)
	})
}

// fill executes "order quantity price", after the order has ended if it starts with
// "fill-late".
func (x *transcriber) fill(words []string) string {
	late := words[0] == "fill-late"
	if late {
		words = words[1:]
	}
	id := x.orderID(words[0])
	a := x.desk.Account(id.Customer())
	o, _, err := x.desk.FindOrder(x.t.Context(), a, id)
	if err != nil {
		return refusal(err)
	}
	offer := ledger.Offer{Quantity: ledger.Quantity(x.number(words[1])), Price: x.money(words[2])}
	return x.visited(a, func(t *desk.Turn) (err error) {
		if late {
			_, err = t.FillLate(&o, offer, x.now)
		} else {
			_, err = t.Fill(id, offer, x.now)
		}
		return err
	})
}

// withPast is visited for a command on an execution.
func (x *transcriber) withPast(id ledger.ExecutionID, do func(*desk.Turn, ledger.Past) error) string {
	a := x.desk.Account(id.Customer())
	if a == nil {
		return "there is no such customer"
	}
	var refused error
	err := x.desk.WithPast(x.t.Context(), a, x.desk.turn, []ledger.ExecutionID{id}, func(t *desk.Turn, past ledger.Past) {
		refused = do(t, past)
	})
	if err = errors.Join(err, refused); err != nil {
		return refusal(err)
	}
	return x.visited(a, func(*desk.Turn) error { return nil })
}

// bust executes "execution [+cascade] [+reopen] [+dry] reason".
func (x *transcriber) bust(words []string) string {
	b := ledger.Bust{Executions: []ledger.ExecutionID{x.execution(words[0])}, Terms: ledger.Terms{Time: x.now}}
	dry := false
	for words = words[1:]; len(words) > 0 && words[0][0] == '+'; words = words[1:] {
		b.Cascade = b.Cascade || words[0] == "+cascade"
		b.Reopen = b.Reopen || words[0] == "+reopen"
		dry = dry || words[0] == "+dry"
	}
	b.Reason = strings.Join(words, " ")
	var extra string
	said := x.withPast(b.Executions[0], func(t *desk.Turn, past ledger.Past) error {
		b.Past = past
		if dry {
			list, p, err := t.Ledger().PlanBust(&b)
			for i := range list {
				extra += "it would take back " + x.executed(&list[i]) + "\n"
			}
			extra += "that would leave " + x.position(&p, nil)
			return err
		}
		events, err := t.Bust(&b)
		if first, done := t.Ledger().FindBust(b.Executions[0]); err == nil && len(events) == 0 && done {
			extra = fmt.Sprintf("busted before, with event %d: %s", first.Number, first.Reason)
		}
		return err
	})
	return said + extra
}

// correct executes "execution quantity price reason".
func (x *transcriber) correct(words []string) string {
	c := ledger.Correction{
		Execution: x.execution(words[0]), Quantity: ledger.Quantity(x.number(words[1])), Price: x.money(words[2]),
		Reason: strings.Join(words[3:], " "), Terms: ledger.Terms{Time: x.now},
	}
	return x.withPast(c.Execution, func(t *desk.Turn, past ledger.Past) error {
		c.Past = past
		_, err := t.Correct(&c)
		return err
	})
}

// deposit executes "customer amount", "withdraw customer amount" or "reset customer".
func (x *transcriber) deposit(words []string) string {
	if words[0] == "reset" {
		return x.visited(x.customer(words[1]), func(t *desk.Turn) error {
			_, err := t.Reset("a new start", x.now)
			return err
		})
	}
	sign := ledger.Money(1)
	if words[0] == "withdraw" {
		sign, words = -1, words[1:]
	}
	return x.visited(x.customer(words[0]), func(t *desk.Turn) error {
		_, err := t.Deposit(sign*ledger.Money(x.money(words[1])), "by hand", x.now)
		return err
	})
}

func (x *transcriber) disk(words []string) string {
	switch words[0] {
	case "low":
		x.free = diskMark - 1
	case "better": // not good enough to go on
		x.free = diskMark
	default:
		x.free = 2 * diskMark
	}
	x.desk.CheckDisk()
	if err := x.desk.Accepting(); err != nil {
		return refusal(err)
	}
	return "orders are taken"
}

// again closes the desk, or copies its folder as after a crash, and opens it again. "recent n"
// sets how many events stay in memory.
func (x *transcriber) again(words []string) string {
	crash := len(words) > 0 && words[0] == "crash"
	if crash {
		words = words[1:]
	}
	if len(words) > 1 {
		x.desk.setup.recent = x.number(words[1])
	}
	before := x.desk.StateHash()
	if crash {
		x.start(x.desk.crash())
	} else {
		x.start(x.desk.restart())
	}
	if err := x.desk.CheckBooks(); err != nil {
		return err.Error()
	}
	if x.desk.StateHash() != before {
		return "the accounts are not those from before"
	}
	return "the accounts are those from before"
}

func refusal(err error) string {
	if strings.HasPrefix(err.Error(), "done before:") {
		return err.Error()
	}
	return "refused: " + err.Error()
}

func orNothing(said string) string {
	if said == "" {
		return "nothing"
	}
	return said
}

func (x *transcriber) name(id ledger.InstrumentID) string {
	i := x.desk.Market().At(id)
	return i.Market + "/" + i.Code
}

func (x *transcriber) instrument(name string) ledger.InstrumentID {
	market, code, _ := strings.Cut(name, "/")
	id, found := x.desk.Market().Find(market, code)
	if !found {
		x.t.Fatalf("there is no instrument %s", name)
	}
	return id
}

func (x *transcriber) customer(text string) *desk.Account {
	a := x.desk.Account(ledger.Customer(x.number(text)))
	if a == nil {
		x.t.Fatalf("there is no customer %s", text)
	}
	return a
}

func (x *transcriber) execution(text string) ledger.ExecutionID {
	customer, number, _ := strings.Cut(text, "-")
	return ledger.NewExecutionID(ledger.Customer(x.number(customer)), uint32(x.number(number)))
}

func (x *transcriber) orderID(text string) ledger.OrderID { return ledger.OrderID(x.execution(text)) }

func (x *transcriber) number(text string) int {
	n, err := strconv.Atoi(text)
	must(x.t, err)
	return n
}

func (x *transcriber) money(text string) ledger.Price {
	p, err := ledger.ParsePrice(text)
	must(x.t, err)
	return p
}

// instant reads a time such as 2026-01-05T09:30 in UTC.
func (x *transcriber) instant(text string) int64 {
	t, err := time.Parse("2006-01-02T15:04", text)
	must(x.t, err)
	return t.UnixNano()
}
