package desk_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/transcript"
)

// TestTranscripts plays commands of traders at a desk. The commands are the cases of
// transcriber.do.
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
	t        *testing.T
	desk     *opened
	free     uint64
	commands int
}

func (x *transcriber) open(with setup) {
	x.free = 2 * diskMark
	with.watermark, with.free = diskMark, func() (uint64, error) { return x.free, nil }
	x.start(open(x.t, with))
}

// start continues with d. It values all accounts, as a login does, since prices are not part of
// an account's state.
func (x *transcriber) start(d *opened) {
	x.desk = d
	for _, a := range d.Accounts() {
		x.visit(a, func(t *desk.Turn) { t.Ledger().Revalue(d.Market()) })
	}
}

func (x *transcriber) visit(a *desk.Account, do func(*desk.Turn)) {
	x.t.Helper()
	must(x.t, a.Do(x.desk.turn, do))
}

func (x *transcriber) do(command string) string {
	x.commands++
	words := strings.Fields(command)
	switch words[0] {
	case "buy":
		return x.place(ledger.Buy, words[1:])
	case "sell":
		return x.place(ledger.Sell, words[1:])
	case "bust":
		return x.bust(x.execution(words[1]), strings.Join(words[2:], " "))
	case "price":
		return x.price(x.instrument(words[1]), words[2])
	case "account":
		return x.account(x.customer(words[1]))
	case "recent":
		return x.recent(x.customer(words[1]))
	case "history":
		return x.history(x.customer(words[1]), words[2:])
	case "disk":
		return x.disk(words[1])
	case "restart", "crash":
		return x.again(words[0] == "crash", words[1:])
	}
	x.t.Fatalf("%q is no command", command)
	return ""
}

// place executes "customer instrument quantity", with "as id" if the order has one.
func (x *transcriber) place(side ledger.Side, words []string) string {
	order := x.desk.order(side, x.instrument(words[1]), ledger.Quantity(x.number(words[2])), x.commands)
	if len(words) > 3 {
		var err error
		order.ClientOrderID, err = ledger.ParseClientOrderID(words[4])
		must(x.t, err)
	}
	var said string
	x.visit(x.customer(words[0]), func(t *desk.Turn) {
		e, err := t.Place(&order)
		switch {
		case errors.Is(err, ledger.ErrDuplicate):
			said = "done before: " + x.event(e)
		case err != nil:
			said = refusal(err)
		default:
			said = x.event(e) + totals(t.Ledger())
		}
	})
	return said
}

func (x *transcriber) bust(id ledger.ExecutionID, reason string) string {
	a := x.desk.Account(id.Customer())
	if a == nil {
		return "there is no such customer"
	}
	execution, err := x.desk.FindExecution(x.t.Context(), a, id)
	if err != nil {
		return refusal(err)
	}
	var said string
	blocked := false
	x.visit(a, func(t *desk.Turn) {
		e, changed, err := t.Bust(ledger.Bust{Execution: execution, Reason: reason, Time: timeOf(x.commands)})
		switch {
		case err != nil:
			said, blocked = refusal(err), errors.Is(err, ledger.ErrBustBlocked)
		case !changed:
			first, _ := t.Ledger().FindBust(id)
			said = fmt.Sprintf("busted before, with event %d: %s", e.Number, first.Reason)
		default:
			said = x.event(e) + totals(t.Ledger())
		}
	})
	if blocked {
		sells, err := x.desk.SellsSince(x.t.Context(), a, &execution, 20)
		must(x.t, err)
		said += fmt.Sprint("; in the way: ", sells)
	}
	return said
}

// price sets a last price and reprices the positions in the instrument.
func (x *transcriber) price(id ledger.InstrumentID, text string) string {
	p, err := ledger.ParsePrice(text)
	must(x.t, err)
	x.desk.SetPrice(id, p)
	said := ""
	for _, changed := range x.desk.ChangedPrices(nil) {
		said += fmt.Sprintf("%s is at %s\n", x.name(changed), x.desk.Market().Last(changed))
	}
	for _, a := range x.desk.Accounts() {
		x.visit(a, func(t *desk.Turn) {
			t.Ledger().Reprice(id, p)
			if row, held := t.Ledger().Position(id); held {
				said += fmt.Sprintf("%d: repriced %s%s\n", a.Customer(), x.position(&row), totals(t.Ledger()))
			}
		})
	}
	return said
}

func (x *transcriber) account(a *desk.Account) string {
	var said string
	a.View(func(l *ledger.Account) {
		said = fmt.Sprintf("%s, realised %s%s\n", a.Owner().Name, l.Realised(), totals(l))
		for _, row := range l.Positions(nil) {
			said += x.position(&row) + "\n"
		}
	})
	return said
}

func (x *transcriber) recent(a *desk.Account) string {
	said := ""
	a.View(func(l *ledger.Account) {
		for _, e := range l.Recent(nil) {
			said += x.event(&e) + "\n"
		}
	})
	return orNothing(said)
}

// history asks for a page, with "before id", "limit n" and "of instrument" if wanted.
func (x *transcriber) history(a *desk.Account, words []string) string {
	var q desk.Query
	for ; len(words) > 1; words = words[2:] {
		switch words[0] {
		case "before":
			q.Before = x.execution(words[1])
		case "limit":
			q.Limit = x.number(words[1])
		case "of":
			q.ByInstrument, q.Instrument = true, x.instrument(words[1])
		}
	}
	page, more, err := x.desk.Executions(x.t.Context(), a, q)
	must(x.t, err)
	said := ""
	for i := range page {
		e := &page[i]
		said += fmt.Sprintf("%s %s %d %s at %s", e.ID, e.Side, e.Quantity, x.name(e.Instrument), e.Price)
		a.View(func(l *ledger.Account) {
			if b, busted := l.FindBust(e.ID); busted {
				said += ", busted: " + b.Reason
			}
		})
		said += "\n"
	}
	if more {
		said += "and more\n"
	}
	return orNothing(said)
}

func (x *transcriber) disk(state string) string {
	switch state {
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
func (x *transcriber) again(crash bool, words []string) string {
	if len(words) > 1 {
		x.desk.setup.recent = x.number(words[1])
	}
	before := x.desk.StateHash()
	if crash {
		x.start(x.desk.crash())
	} else {
		x.start(x.desk.restart())
	}
	if x.desk.StateHash() != before {
		return "the accounts are not those from before"
	}
	return "the accounts are those from before"
}

// event returns an event as text, without its time.
func (x *transcriber) event(e *ledger.Event) string {
	verb := map[ledger.Side]string{ledger.Buy: "bought", ledger.Sell: "sold"}[e.Execution.Side]
	if e.Kind == ledger.KindBust {
		verb = "busted: " + e.Execution.Side.String()
	}
	return fmt.Sprintf("event %d: %s %s %d %s at %s; %s: %s, rows %d", e.Number, e.Execution.ID, verb,
		e.Execution.Quantity, x.name(e.Execution.Instrument), e.Execution.Price, e.Change, x.position(&e.Position), e.Rows)
}

// position returns a position at the last price as text.
func (x *transcriber) position(row *ledger.Position) string {
	if row.Quantity == 0 {
		return "none of " + x.name(row.Instrument)
	}
	last := x.desk.Market().Last(row.Instrument)
	return fmt.Sprintf("%d %s worth %s, average cost %s", row.Quantity, x.name(row.Instrument), row.MarketValue(last), row.AverageCost())
}

func totals(l *ledger.Account) string {
	return fmt.Sprintf("; cash %s, market value %s", l.Cash(), l.MarketValue())
}

func refusal(err error) string { return "refused: " + err.Error() }

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

func (x *transcriber) number(text string) int {
	n, err := strconv.Atoi(text)
	must(x.t, err)
	return n
}
