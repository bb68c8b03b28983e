package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/client"
	codecfix "holdfast/codec/fix"
	"holdfast/perf/table"
)

// fixCommand is one command of the FIX prompt.
type fixCommand struct {
	name, usage, short string
	run                func(sh *fixShell, args []string) error
}

// fixCommands returns the commands in the order of the help.
func fixCommands() []fixCommand {
	return []fixCommand{
		{"buy", "MARKET/CODE QUANTITY [PRICE] [TERMS]", "NewOrderSingle (D): buy at the market price, or at PRICE or a lower one", (*fixShell).buy},
		{"sell", "MARKET/CODE QUANTITY [PRICE] [TERMS]", "sell at the market price, or at PRICE or a higher one", (*fixShell).sell},
		{"replace", "ID QUANTITY [PRICE] [TERMS]", "OrderCancelReplaceRequest (G); QUANTITY with what is filled", (*fixShell).replace},
		{"cancel", "ID|all [MARKET/CODE]", "OrderCancelRequest (F), or OrderMassCancelRequest (q)", (*fixShell).cancel},
		{"status", "ID|all", "OrderStatusRequest (H), or OrderMassStatusRequest (AF)", (*fixShell).status},
		{"orders", "", "the orders of which this terminal has heard", (*fixShell).list},
		{"test", "", "TestRequest (1)", (*fixShell).test},
		{"resend", "FROM [TO]", "ResendRequest (2); -v shows what comes again", (*fixShell).resend},
		{"send", "TYPE [TAG=VALUE...]", "any message; ~ in a value is a blank", (*fixShell).sendAny},
		{"help", "", "this list", (*fixShell).help},
		{"quit", "", "log out and leave (also Ctrl-D and Ctrl-C)", (*fixShell).quit},
	}
}

const fixTermsHelp = `  ID is a ClOrdID or OrderID of "orders"
  TERMS are any of: stop PRICE, day, gtc, ioc, fok, until TIME, as ID; for example
    buy ALFA/600100 100 9.90 gtc as a1
    sell ALFA/600100 100 stop 9.50
`

// execute executes a line; an empty one does nothing.
func (sh *fixShell) execute(line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	for _, c := range fixCommands() {
		if strings.EqualFold(c.name, words[0]) {
			return c.run(sh, words[1:])
		}
	}
	return fmt.Errorf("unknown command %q; \"help\" lists them all", words[0])
}

func (sh *fixShell) help([]string) error {
	t := NewTable(sh.o.Style, "COMMAND", "", "")
	t.Fit(sh.screen.columns())
	for _, c := range fixCommands() {
		t.Add(c.name, c.usage, c.short)
	}
	sh.say(t.String() + fixTermsHelp)
	return nil
}

func (sh *fixShell) quit([]string) error {
	sh.quitting = true
	return nil
}

func (sh *fixShell) buy(args []string) error { return sh.order('1', args) }

func (sh *fixShell) sell(args []string) error { return sh.order('2', args) }

func (sh *fixShell) order(side byte, args []string) error {
	usage := errors.New("usage: buy or sell MARKET/CODE QUANTITY [PRICE] [TERMS]; \"help\" lists the TERMS")
	if len(args) < 2 {
		return usage
	}
	quantity, t, err := quantityAndTerms(args[1:], usage)
	if err != nil {
		return err
	}
	market, code := fixKey(args[0])
	o := &fixOrder{
		name: cmp.Or(t.clientOrderID, client.NewClientOrderID()), market: market, code: code, side: side,
		quantity: strconv.FormatInt(int64(quantity), 10), price: priceOrNone(t.price), stop: priceOrNone(t.stop), status: "sent",
	}
	sh.mu.Lock()
	sh.orders = append(sh.orders, o)
	sh.mu.Unlock()
	return sh.send(codecfix.NewOrderSingle, o.name, func(w *codecfix.Writer) {
		w.Text(codecfix.ClOrdID, o.name)
		appendTerms(w, o, &t)
	})
}

// fixKey splits MARKET/CODE; without a market it is "".
func fixKey(text string) (market, code string) {
	market, code, found := strings.Cut(text, "/")
	if !found {
		return "", text
	}
	return market, code
}

func priceOrNone(p client.Price) string {
	if p == 0 {
		return ""
	}
	return p.String()
}

// appendTerms appends the fields that an order and a replacement have in common, ascending by tag.
func appendTerms(w *codecfix.Writer, o *fixOrder, t *terms) {
	w.Text(codecfix.OrderQty, o.quantity)
	w.Char(codecfix.OrdType, map[client.OrderType]byte{
		client.TypeMarket: '1', client.TypeLimit: '2', client.TypeStop: '3', client.TypeStopLimit: '4',
	}[t.orderType()])
	if t.price != 0 {
		w.Decimal(codecfix.Price, int64(t.price), 4)
	}
	appendOrder(w, o)
	if force := map[client.TimeInForce]byte{
		client.Day: '0', client.GoodTillCancelled: '1', client.ImmediateOrCancel: '3', client.FillOrKill: '4', client.GoodTillDate: '6',
	}[t.inForce]; force != 0 {
		w.Char(codecfix.TimeInForce, force)
	}
	w.Time(codecfix.TransactTime, time.Now().UnixNano())
	if t.stop != 0 {
		w.Decimal(codecfix.StopPx, int64(t.stop), 4)
	}
	if !t.expires.IsZero() {
		w.Time(codecfix.ExpireTime, t.expires.UnixNano())
	}
	appendMarket(w, o.market)
}

func appendOrder(w *codecfix.Writer, o *fixOrder) {
	w.Char(codecfix.Side, o.side)
	w.Text(codecfix.Symbol, o.code)
}

func appendMarket(w *codecfix.Writer, market string) {
	if market != "" {
		w.Text(codecfix.SecurityExchange, market)
	}
}

// named returns a copy of the order with an id.
func (sh *fixShell) named(id string) (fixOrder, error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	o := sh.find(id)
	if o == nil {
		return fixOrder{}, fmt.Errorf("no order %q: \"orders\" lists those that this terminal has heard of; \"status all\" asks for all that work", id)
	}
	return *o, nil
}

func (sh *fixShell) replace(args []string) error {
	usage := errors.New("usage: replace ID QUANTITY [PRICE] [TERMS], QUANTITY with what is filled; \"help\" lists the TERMS")
	if len(args) < 2 {
		return usage
	}
	quantity, t, err := quantityAndTerms(args[1:], usage)
	if err != nil {
		return err
	}
	o, err := sh.named(args[0])
	if err != nil {
		return err
	}
	o.quantity = strconv.FormatInt(int64(quantity), 10)
	name := cmp.Or(t.clientOrderID, client.NewClientOrderID())
	return sh.send(codecfix.OrderCancelReplace, name, func(w *codecfix.Writer) {
		w.Text(codecfix.ClOrdID, name)
		w.Text(codecfix.OrigClOrdID, o.name)
		appendTerms(w, &o, &t)
	})
}

func (sh *fixShell) cancel(args []string) error {
	name := client.NewClientOrderID()
	switch {
	case len(args) > 0 && strings.EqualFold(args[0], "all") && len(args) <= 2:
		return sh.send(codecfix.OrderMassCancel, name, func(w *codecfix.Writer) {
			w.Text(codecfix.ClOrdID, name)
			kind, market := byte('7'), ""
			if len(args) == 2 {
				kind = '1'
				var code string
				market, code = fixKey(args[1])
				w.Text(codecfix.Symbol, code)
			}
			w.Time(codecfix.TransactTime, time.Now().UnixNano())
			appendMarket(w, market)
			w.Char(codecfix.MassCancelType, kind)
		})
	case len(args) != 1:
		return errors.New("usage: cancel ID, or cancel all [MARKET/CODE]")
	}
	o, err := sh.named(args[0])
	if err != nil {
		return err
	}
	return sh.send(codecfix.OrderCancelRequest, name, func(w *codecfix.Writer) {
		w.Text(codecfix.ClOrdID, name)
		w.Text(codecfix.OrderQty, o.quantity)
		w.Text(codecfix.OrigClOrdID, o.name)
		appendOrder(w, &o)
		w.Time(codecfix.TransactTime, time.Now().UnixNano())
		appendMarket(w, o.market)
	})
}

func (sh *fixShell) status(args []string) error {
	switch {
	case len(args) != 1:
		return errors.New("usage: status ID, or status all")
	case strings.EqualFold(args[0], "all"):
		id := client.NewClientOrderID()
		return sh.send("AF", id, func(w *codecfix.Writer) {
			w.Text(584, id)  // MassStatusReqID
			w.Char(585, '7') // all orders
		})
	}
	o, err := sh.named(args[0])
	if err != nil {
		return err
	}
	return sh.send(codecfix.OrderStatusRequest, o.name, func(w *codecfix.Writer) {
		w.Text(codecfix.ClOrdID, o.name)
		appendOrder(w, &o)
		appendMarket(w, o.market)
	})
}

func (sh *fixShell) list([]string) error {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if len(sh.orders) == 0 {
		sh.say("  no orders\n")
		return nil
	}
	t := NewTable(sh.o.Style, "ORDER", "CLORDID", "", ">FILLED", ">LEFT", "STATUS")
	t.Fit(sh.screen.columns())
	for _, o := range sh.orders {
		t.Add(table.Escape(o.id), table.Escape(o.name), table.Escape(o.terms()), o.filled, o.left, o.status)
	}
	sh.say(t.String())
	return nil
}

func (sh *fixShell) test([]string) error {
	id := client.NewClientOrderID()
	return sh.send("1", id, func(w *codecfix.Writer) { w.Text(112, id) })
}

func (sh *fixShell) resend(args []string) error {
	numbers := []int64{0, 0}
	for i, word := range args {
		n, err := digits(word)
		if err != nil || i > 1 {
			return errors.New("usage: resend FROM [TO]")
		}
		numbers[i] = n
	}
	return sh.send("2", "", func(w *codecfix.Writer) {
		w.Int(7, numbers[0])
		w.Int(16, numbers[1])
	})
}

func (sh *fixShell) sendAny(args []string) error {
	usage := errors.New("usage: send TYPE [TAG=VALUE...], for example send V 262=m1 263=1 264=1 267=1 269=2 146=1 55=600100 207=ALFA")
	if len(args) == 0 {
		return usage
	}
	type field struct {
		tag   int
		value string
	}
	var fields []field
	id := ""
	for _, word := range args[1:] {
		tag, value, found := strings.Cut(word, "=")
		n, err := digits(tag)
		if !found || err != nil || n == 0 {
			return usage
		}
		value = strings.ReplaceAll(value, "~", " ")
		fields = append(fields, field{int(n), value})
		if id == "" && slices.Contains(requestIDs, int(n)) {
			id = value
		}
	}
	return sh.send(args[0], id, func(w *codecfix.Writer) {
		for _, f := range fields {
			w.Text(f.tag, f.value)
		}
	})
}
