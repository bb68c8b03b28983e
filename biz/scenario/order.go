package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/biz/client"
)

// namedOrder is an order with a name in the file. Names of replacements are further names of
// their orders.
type namedOrder struct {
	customer    client.Customer
	id          client.OrderID // 0: refused
	request     client.Order
	replacement *client.Replacement // the request that assigned this name, if it was a replacement
}

// remember stores an order under its name.
func (p *player) remember(name string, o *namedOrder) {
	if name == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.orders[name] = o
}

// order returns the order with a name.
func (p *player) order(name string) (*namedOrder, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.orders[name]
	if o == nil || o.id == 0 {
		return nil, fmt.Errorf("the order %s was not accepted", name)
	}
	return o, nil
}

// nameOf returns the name of an order, or its id.
func (p *player) nameOf(id client.OrderID) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(p.orders)) {
		if p.orders[name].id == id {
			return name
		}
	}
	return id.String()
}

// orderAction places an order.
type orderAction struct {
	side        client.Side
	quantity    client.Quantity
	instrument  instrument
	market      bool
	limit, stop *limit
	timeInForce client.TimeInForce
	expires     moment
	name        string
	directive   string // "parts=3"
}

func orderUsage(side string) string {
	return side + " 3000 600100 [market] [limit 9.90] [stop 9.80] [day | gtc | gtd 1h | ioc | fok] [with parts=3] [as a1]"
}

func readOrder(l *line, s *statement) action {
	a := &orderAction{side: client.Buy}
	if strings.HasPrefix(s.text[0], "sell") {
		a.side = client.Sell
	}
	l.usage = orderUsage(a.side.String())
	a.quantity, a.instrument = l.quantity(), l.instrument()
	for len(l.words) > 0 && !l.wrong {
		switch option := l.oneOf("option of an order", orderOptions()); option {
		case "market":
			a.market = true
		case "limit":
			x := l.limit()
			a.limit = &x
		case "stop":
			x := l.limit()
			a.stop = &x
		case "with":
			a.directive = l.word("a directive such as parts=3")
		case "as":
			a.name = l.newName(s.client)
		default:
			a.timeInForce = timesInForce()[option]
			if option == "gtd" {
				a.expires = l.moment()
			}
		}
	}
	return a
}

func orderOptions() []string {
	return append([]string{"market", "limit", "stop", "with", "as"}, slices.Sorted(maps.Keys(timesInForce()))...)
}

// newName returns the next word as the new name of an order of a client.
func (l *line) newName(owner string) string {
	name := l.word("a name such as a1")
	switch {
	case l.wrong:
	case strings.ContainsAny(name, "/:!") || len(name) > 20:
		l.failf("order name %q: want up to 20 characters without / : !", clip(name))
	default:
		if _, used := l.parser.orders[name]; used {
			l.failf("order %q is there twice: every name is used once", name)
		}
		owner, _, _ = strings.Cut(owner, "/")
		l.parser.orders[name] = owner
	}
	return name
}

func (a *orderAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	o := client.Order{
		ClientOrderID: clientOrderID(a.directive), Side: a.side, Key: p.key(a.instrument), Quantity: a.quantity,
		TimeInForce: a.timeInForce, Type: a.orderType(),
	}
	var err error
	if o.Price, err = priceOf(ctx, a.limit, s, o.Key); err == nil {
		o.Stop, err = priceOf(ctx, a.stop, s, o.Key)
	}
	if err == nil && a.timeInForce == client.GoodTillDate {
		o.Expires, err = p.at(ctx, s, a.expires)
	}
	if err == nil {
		err = wait(ctx, p.stage.options.Pace)
	}
	if err != nil {
		return outcome{}, err
	}
	named := &namedOrder{customer: s.customer, request: o}
	defer p.remember(a.name, named)
	return p.place(ctx, s, named)
}

// orderType returns the type of the order, so that an order with a price of 0 is refused.
func (a *orderAction) orderType() client.OrderType {
	switch {
	case a.limit != nil && a.stop != nil:
		return client.TypeStopLimit
	case a.stop != nil:
		return client.TypeStop
	case a.limit != nil && !a.market:
		return client.TypeLimit
	}
	return client.TypeMarket
}

// priceOf returns a price of an order; 0 without one.
func priceOf(ctx context.Context, x *limit, s *session, key client.Key) (client.Price, error) {
	if x == nil {
		return 0, nil
	}
	return x.of(ctx, s, key)
}

// clientOrderID returns a new client order id with a directive.
func clientOrderID(directive string) string {
	const longest = 36
	id := client.NewClientOrderID()
	if directive != "" {
		id = id[:max(1, min(len(id), longest-len(directive)-1))] + "!" + directive
	}
	return id
}

// simple reports whether an order is a market order that one execution has filled: such an order
// has no OrderUpdate.
func simple(o *client.Order, p *client.Placed) bool {
	return o.Type == client.TypeMarket && o.TimeInForce <= client.Day && p.Status == client.StatusFilled &&
		len(p.Executions) == 1 && p.Executions[0].Quantity == o.Quantity
}

// place places an order and stores its id.
func (p *player) place(ctx context.Context, s *session, o *namedOrder) (outcome, error) {
	placed, err := s.PlaceOrder(ctx, o.request)
	if err != nil {
		return refusal(err)
	}
	if !placed.Duplicate {
		o.id = placed.Order
	}
	have := facts{
		"filled": placed.Filled.String(), "leaves": placed.Leaves.String(), "average": placed.AveragePrice.String(),
		"executions": strconv.Itoa(len(placed.Executions)),
	}
	if placed.Cause != 0 {
		have["cause"] = placed.Cause.String()
	}
	out := outcome{
		head: statusText(placed.Status), duplicate: placed.Duplicate, facts: have, executions: placed.Executions, order: placed.Order,
	}
	out.simple = simple(&o.request, &placed)
	if placed.Duplicate && placed.Order != o.id {
		out.unexpected = true
		out.head += fmt.Sprintf(" order %s instead of %s", placed.Order, o.id)
	}
	return out, nil
}
