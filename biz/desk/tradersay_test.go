package desk_test

import (
	"fmt"
	"strings"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// price makes a price step, "jump" one that a restart remembers. It shows what the step has
// executed, and reprices the positions in the instrument.
func (x *transcriber) price(words []string) string {
	jump := words[0] == "jump"
	if jump {
		words = words[1:]
	}
	id, p := x.instrument(words[0]), x.money(words[1])
	var err error
	if jump {
		err = x.desk.Jump(x.t.Context(), id, p, x.now)
	} else {
		err = x.desk.SetPrice(x.t.Context(), id, p, x.now)
	}
	said := ""
	if err != nil {
		said = refusal(err) + "\n"
	}
	for _, changed := range x.desk.ChangedPrices(nil) {
		said += fmt.Sprintf("%s is at %s\n", x.name(changed), x.desk.Market().Last(changed))
	}
	for _, line := range x.seen {
		said += line + "\n"
	}
	for _, a := range x.desk.Accounts() {
		x.visit(a, func(t *desk.Turn) {
			t.Ledger().Reprice(id, x.desk.Market().Last(id))
			if row, held := t.Ledger().Position(id); held {
				said += fmt.Sprintf("%d: repriced %s%s\n", a.Customer(), x.position(&row, t.Ledger()), x.totals(t.Ledger()))
			}
		})
	}
	return said
}

func (x *transcriber) halt(words []string) string {
	halted := words[0] == "halt"
	if halted {
		words = words[1:]
	}
	id := x.instrument(words[0])
	if err := x.desk.Halt(x.t.Context(), []ledger.InstrumentID{id}, halted, x.now); err != nil {
		return refusal(err)
	}
	return fmt.Sprintf("%s: halted %v", words[0], x.desk.Market().Halted(id))
}

// time sets the clock, and does what the driver does on the way: it ends orders that expire and
// closes trading days.
func (x *transcriber) time(words []string) string {
	to := x.instant(words[0])
	said := ""
	for {
		at, of := to+1, (*market.Rules)(nil)
		if t, ok := x.desk.NextExpiry(); ok {
			at = min(at, t)
		}
		for _, r := range x.desk.Market().Rules() {
			if c := x.days[r.Name]; c < at {
				at, of = c, r
			}
		}
		if at > to {
			break
		}
		x.now = at
		if of == nil {
			must(x.t, x.desk.ExpireDue(x.t.Context(), at))
			continue
		}
		must(x.t, x.desk.CloseDay(x.t.Context(), of, at))
		x.days[of.Name] = of.Phase(at).Close
	}
	for _, line := range x.seen {
		said += line + "\n"
	}
	x.now = to
	return said + "it is " + x.clock(to)
}

func (x *transcriber) clock(at int64) string {
	return time.Unix(0, at).UTC().Format("Mon 2006-01-02 15:04:05")
}

func (x *transcriber) account(words []string) string {
	a := x.customer(words[0])
	var said string
	a.View(func(l *ledger.Account) {
		said = fmt.Sprintf("%s, realised %s", a.Owner().Name, l.Realised())
		if l.Fees() != 0 {
			said += fmt.Sprintf(", fees %s", l.Fees())
		}
		if l.Deposits() != 0 {
			said += fmt.Sprintf(", deposits %s", l.Deposits())
		}
		said += x.totals(l) + "\n"
		for _, row := range l.Positions(nil) {
			said += x.position(&row, l) + "\n"
		}
	})
	return said
}

// orders lists the working orders of a customer.
func (x *transcriber) orders(words []string) string {
	said := ""
	for _, o := range x.desk.working(x.customer(words[0]).Customer()) {
		said += x.terms(&o) + ", " + x.status(&o, 0) + "\n"
	}
	return orNothing(said)
}

func (x *transcriber) order(words []string) string {
	id := x.orderID(words[0])
	o, cause, err := x.desk.FindOrder(x.t.Context(), x.desk.Account(id.Customer()), id)
	if err != nil {
		return refusal(err)
	}
	return x.terms(&o) + ", " + x.status(&o, cause)
}

func (x *transcriber) recent(words []string) string {
	said := ""
	x.customer(words[0]).View(func(l *ledger.Account) {
		for _, e := range l.Recent(nil) {
			said += x.event(&e) + "\n"
		}
	})
	return orNothing(said)
}

// history asks for a page, with "before id", "limit n" and "of instrument" if wanted.
func (x *transcriber) history(words []string) string {
	a := x.customer(words[0])
	var q desk.Query
	for words = words[1:]; len(words) > 1; words = words[2:] {
		switch words[0] {
		case "before":
			q.Before = x.execution(words[1])
		case "limit":
			q.Limit = x.number(words[1])
		case "of":
			q.ByInstrument, q.Instrument = true, x.instrument(words[1])
		}
	}
	page, next, err := x.desk.Executions(x.t.Context(), a, q)
	must(x.t, err)
	said := ""
	for i := range page {
		e := &page[i]
		said += x.executed(e)
		if e.Corrects != 0 {
			said += fmt.Sprintf(", corrects %s", ledger.NewExecutionID(a.Customer(), e.Corrects))
		}
		a.View(func(l *ledger.Account) {
			if b, busted := l.FindBust(e.ID); busted {
				said += ", busted: " + b.Reason
			}
		})
		said += "\n"
	}
	if next != 0 {
		said += "and more\n"
	}
	return orNothing(said)
}

func (x *transcriber) executed(e *ledger.Execution) string {
	return fmt.Sprintf("%s %s %d %s at %s", e.ID, e.Side, e.Quantity, x.name(e.Instrument), e.Price)
}

// event returns an event as text, without its time.
func (x *transcriber) event(e *ledger.Event) string {
	said := fmt.Sprintf("event %d: ", e.Number)
	order := x.terms(&e.Order) + ", " + x.status(&e.Order, e.Cause)
	switch e.Kind {
	case ledger.KindFill:
		verb := map[ledger.Side]string{ledger.Buy: "bought", ledger.Sell: "sold"}[e.Execution.Side]
		said += fmt.Sprintf("%s %s %d %s at %s", e.Execution.ID, verb, e.Execution.Quantity, x.name(e.Execution.Instrument), e.Execution.Price)
		if e.Execution.Fee != 0 {
			said += fmt.Sprintf(", fee %s", e.Execution.Fee)
		}
		if e.Execution.Settlement != 0 {
			said += ", settles " + x.clock(e.Execution.Settlement)
		}
		if !e.Simple {
			said += fmt.Sprintf("; order %s %s", e.Order.ID, x.status(&e.Order, e.Cause))
		}
	case ledger.KindBust:
		said += fmt.Sprintf("%s busted: %s %d %s at %s; order %s %s", e.Execution.ID, e.Execution.Side, e.Execution.Quantity,
			x.name(e.Execution.Instrument), e.Execution.Price, e.Order.ID, x.status(&e.Order, e.Cause))
	case ledger.KindCorrect:
		said += fmt.Sprintf("%s-%d corrected: now %s; order %s %s", e.Execution.ID.String()[:6], e.Execution.Corrects, x.executed(&e.Execution),
			e.Order.ID, x.status(&e.Order, e.Cause))
	case ledger.KindDeposit, ledger.KindWithdraw:
		return said + fmt.Sprintf("%d: %s %s", e.Customer(), map[bool]string{true: "deposited", false: "withdrawn"}[e.Amount > 0], max(e.Amount, -e.Amount))
	case ledger.KindReset:
		return said + fmt.Sprintf("%d: reset", e.Customer())
	case ledger.KindReplace:
		return said + "replaced: " + order
	case ledger.KindTrigger:
		return said + "stop price reached: " + order
	default:
		return said + order
	}
	return said + fmt.Sprintf("; %s: %s, rows %d", e.Change, x.position(&e.Position, nil), e.Rows)
}

// terms returns what an order asks for.
func (x *transcriber) terms(o *ledger.Order) string {
	said := fmt.Sprintf("order %s: %s %d %s", o.ID, o.Side, o.Quantity, x.name(o.Instrument))
	if o.Stop != 0 {
		said += fmt.Sprintf(", stop %s", o.Stop)
	}
	if o.Price != 0 {
		said += fmt.Sprintf(", limit %s", o.Price)
	}
	said += ", " + [...]string{ledger.Day: "day", ledger.GoodTillCancelled: "gtc", ledger.GoodTillDate: "gtd", ledger.ImmediateOrCancel: "ioc", ledger.FillOrKill: "fok"}[o.TimeInForce]
	if o.Expires != 0 {
		said += " until " + x.clock(o.Expires)
	}
	if !o.ClientOrderID.IsZero() {
		said += ", as " + o.ClientOrderID.String()
	}
	return said
}

var causes = [...]string{
	ledger.ByClient: "by the client", ledger.ByOperator: "by an operator", ledger.ByImmediateOrCancel: "not to be had at once",
	ledger.ByFillOrKill: "not all to be had at once", ledger.ByLiquidity: "nothing left inside the band", ledger.ByCash: "not enough cash",
	ledger.ByShares: "the shares are gone", ledger.ByBust: "an execution was busted", ledger.ByCorrection: "an execution was corrected",
	ledger.ByReset: "the account was reset", ledger.ByClose: "close of the trading day", ledger.ByDate: "its date",
	ledger.ByStopPrice: "stop price", ledger.ByLimits: "a limit of the account",
}

// status returns how far an order has come.
func (x *transcriber) status(o *ledger.Order, cause ledger.Cause) string {
	var said string
	switch o.Status {
	case ledger.Filled:
		return "filled"
	case ledger.New, ledger.PartiallyFilled:
		said = "working"
	case ledger.Cancelled:
		said = "cancelled"
	case ledger.Expired:
		said = "expired"
	}
	if cause != 0 && !o.Working() {
		said += " (" + causes[cause] + ")"
	}
	said += fmt.Sprintf(", %d filled", o.Filled)
	if o.Filled > 0 {
		said += fmt.Sprintf(" at %s", o.AveragePrice())
	}
	if o.Frozen != 0 {
		said += fmt.Sprintf(", %s frozen", o.Frozen)
	}
	return said
}

// position returns a position at the last price as text, with what is not sellable if l has the
// account.
func (x *transcriber) position(row *ledger.Position, l *ledger.Account) string {
	if row.Quantity == 0 {
		return "none of " + x.name(row.Instrument)
	}
	last := x.desk.Market().Last(row.Instrument)
	said := fmt.Sprintf("%d %s worth %s, average cost %s", row.Quantity, x.name(row.Instrument), row.MarketValue(last), row.AverageCost())
	if l == nil {
		return said
	}
	if frozen, sellable := l.Available(row.Instrument, x.now); sellable != row.Quantity {
		said += fmt.Sprintf(", %d frozen, %d sellable", frozen, sellable)
	}
	return said
}

func (x *transcriber) totals(l *ledger.Account) string {
	var said strings.Builder
	fmt.Fprintf(&said, "; cash %s, ", l.Cash())
	if l.Frozen() != 0 || l.Unsettled(x.now) != 0 {
		fmt.Fprintf(&said, "frozen %s, unsettled %s, free %s, ", l.Frozen(), l.Unsettled(x.now), l.Free(x.now))
	}
	fmt.Fprintf(&said, "market value %s", l.MarketValue())
	return said.String()
}
