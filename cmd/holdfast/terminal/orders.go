package terminal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// ownOrder is an order of this shell. Its reply is shown, so its pushes up to there are not.
type ownOrder struct {
	replied     bool
	reply, seen orderStage // of the reply, and of the last push
}

// orderStage is how far an order is.
type orderStage struct {
	status client.OrderStatus
	filled client.Quantity
}

// expect records an order of this shell. Its reply is shown, so its pushes need not be.
func (sh *shell) expect(clientOrderID string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.own == nil {
		sh.own = make(map[string]*ownOrder)
	}
	sh.own[clientOrderID] = new(ownOrder)
}

// forget undoes expect for an order without a reply: if it was executed, that is news.
func (sh *shell) forget(clientOrderID string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.own, clientOrderID)
}

// replied records the reply to an order of this shell: what comes after it is news.
func (sh *shell) replied(clientOrderID string, p client.Placed) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	own := sh.own[clientOrderID]
	if own == nil {
		return
	}
	own.replied, own.reply = true, orderStage{p.Status, p.Filled}
	if p.Duplicate || own.seen == own.reply || own.seen.filled > p.Filled || own.seen.status == client.StatusCancelled {
		delete(sh.own, clientOrderID)
	}
}

// ownReached records how far the pushes have followed an order. It returns false if the order is
// not one of this shell, or what comes after its reply.
func (sh *shell) ownReached(clientOrderID string, stage orderStage) bool {
	own := sh.own[clientOrderID]
	if own == nil {
		return false
	}
	if own.seen = stage; own.replied && own.seen == own.reply {
		delete(sh.own, clientOrderID)
	}
	return true
}

// orderUpdateText returns the line for a push of an order, "" if it needs no line.
func (sh *shell) orderUpdateText(u client.OrderUpdate) string {
	o := u.Order
	sh.tape.filled = client.Execution{}
	if sh.ownReached(o.ClientOrderID, orderStage{o.Status, o.Filled}) {
		return ""
	}
	switch {
	case sh.cancelling[o.ID] && o.Status == client.StatusCancelled: // its reply is shown
		delete(sh.cancelling, o.ID)
		return ""
	case o.Type == client.TypeMarket && o.Status == client.StatusFilled: // its executions say so
		return ""
	}
	return sh.orderText(o)
}

// orderText returns "order 100001-17: buy 100 ALFA/600100 @ 9.90, partially filled, 40 filled,
// 60 left".
func (sh *shell) orderText(o client.OrderState) string {
	text := fmt.Sprintf("order %s: %s %s %s%s", o.ID, o.Side, o.Quantity, keyText(o.Key), priceText(o))
	return text + ", " + sh.stageText(o.Status, o.Filled, o.Leaves, o.Cause)
}

// priceText returns " @ 9.90", with the stop price of a stop order, "" for a market order.
func priceText(o client.OrderState) (text string) {
	if o.Price > 0 {
		text = " @ " + o.Price.String()
	}
	if o.Stop > 0 {
		text += " stop " + o.Stop.String()
	}
	if o.Triggered {
		text += " (triggered)"
	}
	return text
}

// stageText returns "cancelled, 40 filled: at the request of a client".
func (sh *shell) stageText(status client.OrderStatus, filled, leaves client.Quantity, cause client.OrderCause) string {
	text := status.String()
	if filled > 0 && status != client.StatusFilled {
		text += ", " + filled.String() + " filled"
	}
	if leaves > 0 {
		return text + ", " + leaves.String() + " left"
	}
	if why := cause.Text(); why != "" {
		text += ": " + why
	}
	return text
}

// accountUpdateText returns "deposit +1,000.00: bonus; cash 2,000.00".
func (sh *shell) accountUpdateText(u client.AccountUpdate) string {
	text := "account " + u.Change.String()
	if u.Amount != 0 {
		text += " " + sh.style(profitStyle(u.Amount), signed(u.Amount))
	}
	if u.Text != "" {
		text += ": " + table.Escape(u.Text)
	}
	return text + "; cash " + u.Account.Cash.String()
}

func (sh *shell) orders(args []string) error {
	if len(args) > 0 {
		return sh.selectedOrders(args)
	}
	list, err := sh.connection().Orders(sh.ctx, 0)
	if err == nil {
		sh.reply(sh.ordersText(list.Orders), "Orders", list)
	}
	return err
}

// selectedOrders shows orders that match filters, newest first: working ones, unless the filters
// ask for others.
func (sh *shell) selectedOrders(args []string) error {
	usage := fmt.Errorf("usage: orders [N [ID]] [FILTERS], N from 1 to %d; \"help\" lists the FILTERS", maxHistory)
	limit, before, words, err := pageWords(args, usage)
	if err != nil {
		return err
	}
	f, err := sh.parseFilter(words, usage)
	if err != nil {
		return err
	}
	if f.state != 0 || f.all && len(f.statuses) > 0 { // a state of executions; or all and not all
		return usage
	}
	if !f.all && len(f.statuses) == 0 {
		f.statuses = []client.OrderStatus{client.StatusNew, client.StatusPartiallyFilled}
	}
	query := client.OrderQuery{Limit: limit, Key: f.key, Side: f.side, From: f.from, To: f.to, Statuses: f.statuses}
	if before != "" {
		if query.Before, err = client.ParseOrderID(before); err != nil {
			return err
		}
	}
	page, err := sh.connection().OrderHistory(sh.ctx, query)
	if err != nil {
		return err
	}
	text := "  no such orders\n"
	if len(page.Orders) > 0 {
		text = sh.ordersText(page.Orders)
	}
	if page.More {
		text += olderText("orders", max(len(page.Orders), 1), page.Next, words)
	}
	sh.reply(text, "Orders", page)
	return nil
}

// olderText says with which command the next page is shown.
func olderText(command string, limit int, next fmt.Stringer, filters []string) string {
	words := append([]string{command, strconv.Itoa(limit), next.String()}, filters...)
	return "  there are older ones: " + strings.Join(words, " ") + "\n"
}

func (sh *shell) ordersText(list []client.OrderState) string {
	if len(list) == 0 {
		return "  no working orders\n"
	}
	t := sh.table("ORDER", "SIDE", "INSTRUMENT", ">SHARES", ">FILLED", ">LEFT", ">LIMIT", ">STOP", "STATUS")
	for _, o := range list {
		limit, stop := "", ""
		if o.Price > 0 {
			limit = o.Price.String()
		}
		if o.Stop > 0 {
			stop = o.Stop.String()
		}
		t.Add(o.ID.String(), o.Side.String(), o.Key.String(), o.Quantity.String(), o.Filled.String(), o.Leaves.String(), limit, stop, o.Status.String())
	}
	return t.String()
}

// replace changes an order. What follows from it is shown as it is pushed.
func (sh *shell) replace(args []string) error {
	usage := errors.New("usage: replace ID QUANTITY [PRICE] [TERMS], QUANTITY with what is filled; \"help\" lists the TERMS")
	if len(args) < 2 {
		return usage
	}
	id, err := client.ParseOrderID(args[0])
	if err != nil {
		return err
	}
	quantity, t, err := quantityAndTerms(args[1:], usage)
	if err != nil {
		return err
	}
	replaced, err := sh.connection().ReplaceOrder(sh.ctx, client.Replacement{
		ID: id, NewClientOrderID: t.clientOrderID, Quantity: quantity,
		Price: t.price, Stop: t.stop, TimeInForce: t.inForce, Expires: t.expires,
	})
	if err != nil {
		return err
	}
	text, result := "  replaced: "+sh.orderText(replaced.Order)+"\n", resultOK
	if replaced.Duplicate {
		text, result = usedBefore+text, resultDuplicate
	}
	sh.say(text, event{Event: "reply", Line: sh.line, Command: "ReplaceOrder", Result: result, Body: replaced})
	return nil
}

func (sh *shell) cancel(args []string) error {
	if len(args) == 1 && strings.EqualFold(args[0], "all") {
		return sh.cancelAll()
	}
	if len(args) != 1 {
		return errors.New("usage: cancel ID, as in \"cancel 100001-17\"; \"orders\" lists them; or cancel all")
	}
	id, err := client.ParseOrderID(args[0])
	if err != nil {
		return err
	}
	sh.expectCancel(id, true)
	cancelled, err := sh.connection().CancelOrder(sh.ctx, client.OrderRef{ID: id})
	if err != nil {
		sh.expectCancel(id, false)
		return err
	}
	sh.reply("  "+sh.orderText(cancelled.Order)+"\n", "CancelOrder", cancelled)
	return nil
}

// cancelAll cancels all working orders of the account; their pushes say which.
func (sh *shell) cancelAll() error {
	cancelled, err := sh.connection().CancelAll(sh.ctx, client.OrderScope{})
	if err == nil {
		sh.reply("  cancelled: "+english.Plural(cancelled.Count, "order", "")+"\n", "CancelOrder", cancelled)
	}
	return err
}

// expectCancel records a cancel of this shell, whose reply is shown, or that it has failed.
func (sh *shell) expectCancel(id client.OrderID, sent bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.cancelling == nil {
		sh.cancelling = make(map[client.OrderID]bool)
	}
	if sh.cancelling[id] = true; !sent {
		delete(sh.cancelling, id)
	}
}

// parsePrice reads a price above 0 with at most four decimals. As with parseQuantity there are
// no other separators than the point.
func parsePrice(text string) (client.Price, error) {
	whole, decimals, _ := strings.Cut(text, ".")
	units, err := strconv.ParseUint(whole+decimals+strings.Repeat("0", max(0, 4-len(decimals))), 10, 63)
	if err != nil || whole == "" || len(decimals) > 4 || strings.HasSuffix(text, ".") || units == 0 {
		return 0, fmt.Errorf("%q is not a price: such as 9.90, with at most 4 decimals", text)
	}
	return client.Price(units), nil
}
