package export

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/server"
)

// ErrNoCustomer means that the data folder has no such customer.
var ErrNoCustomer = errors.New("unknown customer")

// Folder is the data folder of a stopped server as a Source. Close closes the folder.
type Folder struct{ *server.Reader }

// Customers implements Source.
func (f Folder) Customers(context.Context) (all []client.Customer, err error) {
	for _, a := range f.Desk.Accounts() {
		all = append(all, client.Customer(a.Customer()))
	}
	slices.Sort(all)
	return all, nil
}

func (f Folder) account(c client.Customer) (*desk.Account, error) {
	if a := f.Desk.Account(ledger.Customer(c)); a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("%w %d", ErrNoCustomer, c)
}

// filter returns a filter as the desk takes it.
func (f Folder) filter(key client.Key, side client.Side, from, to time.Time) (d desk.Filter, err error) {
	if key != (client.Key{}) {
		if d.Instrument, d.ByInstrument = f.Desk.Market().Find(key.Market, key.Code); !d.ByInstrument {
			return d, fmt.Errorf("%w %s", ledger.ErrUnknownInstrument, key)
		}
	}
	d.Side = ledger.Side(side)
	if !from.IsZero() {
		d.From = from.UnixNano()
	}
	if !to.IsZero() {
		d.To = to.UnixNano()
	}
	return d, nil
}

// Executions implements Source.
func (f Folder) Executions(ctx context.Context, q client.HistoryQuery) (page client.HistoryPage, err error) {
	a, err := f.account(q.Customer)
	if err != nil {
		return page, err
	}
	wanted := desk.Query{Before: ledger.ExecutionID(q.Before), Limit: q.Limit, State: desk.State(q.State)}
	if wanted.Filter, err = f.filter(q.Key, q.Side, q.From, q.To); err != nil {
		return page, err
	}
	list, next, err := f.Desk.Executions(ctx, a, wanted)
	if err != nil {
		return page, err
	}
	a.View(func(l *ledger.Account) {
		for i := range list {
			page.Executions = append(page.Executions, executionOf(&list[i], l, f.Desk.Market()))
		}
	})
	page.More, page.Next = next != 0, client.ExecutionID(next)
	return page, nil
}

// Orders implements Source.
func (f Folder) Orders(ctx context.Context, q client.OrderQuery) (page client.OrderPage, err error) {
	a, err := f.account(q.Customer)
	if err != nil {
		return page, err
	}
	wanted := desk.OrderQuery{Before: ledger.OrderID(q.Before), Limit: q.Limit}
	for _, s := range q.Statuses {
		wanted.Statuses |= 1 << s
	}
	if wanted.Filter, err = f.filter(q.Key, q.Side, q.From, q.To); err != nil {
		return page, err
	}
	found, err := f.Desk.OrderHistory(ctx, a, wanted)
	if err != nil {
		return page, err
	}
	for i := range found.Orders {
		page.Orders = append(page.Orders, orderOf(&found.Orders[i], f.Desk.Market()))
	}
	page.More, page.Next, page.Sequence = found.Next != 0, client.OrderID(found.Next), found.Push
	return page, nil
}

// Positions implements Source. The positions are valued at the last prices of the folder, and
// what can be sold is as of now.
func (f Folder) Positions(_ context.Context, c client.Customer) (list []Position, err error) {
	a, err := f.account(c)
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixNano()
	a.View(func(l *ledger.Account) {
		for _, row := range l.Positions(nil) {
			i, last := f.Desk.Market().At(row.Instrument), f.Desk.Market().Last(row.Instrument)
			frozen, sellable := l.Available(row.Instrument, now)
			frozen = min(frozen, row.Quantity)
			list = append(list, Position{c, client.Position{
				Key: client.Key{Market: i.Market, Code: i.Code}, Quantity: client.Quantity(row.Quantity),
				AverageCost: client.Price(row.AverageCost()), LastPrice: client.Price(last), MarketValue: client.Money(row.MarketValue(last)),
				Realised: client.Money(row.Realised), Unrealised: client.Money(row.UnrealisedProfit(last)),
				Sellable: client.Quantity(min(sellable, row.Quantity-frozen)), Frozen: client.Quantity(frozen),
			}})
		}
	})
	slices.SortFunc(list, func(x, y Position) int { return x.Key.Compare(y.Key) })
	return list, nil
}

// Audits implements Source.
func (f Folder) Audits(ctx context.Context, q client.AuditQuery) (page []client.AuditEntry, more bool, err error) {
	wanted := desk.AuditQuery{Before: q.Before, Limit: q.Limit, Customer: ledger.Customer(q.Customer), Command: q.Command}
	if !q.From.IsZero() {
		wanted.From = q.From.UnixNano()
	}
	if !q.To.IsZero() {
		wanted.To = q.To.UnixNano()
	}
	rows, more, err := f.Desk.Audits(ctx, wanted)
	for i := range rows {
		a := &rows[i]
		page = append(page, client.AuditEntry{
			Number: a.Number, Time: time.Unix(0, a.Time), Customer: client.Customer(a.Customer), Name: a.Name, Session: a.Session,
			Address: a.Address, Command: a.Command, Text: a.Text, Result: a.Result, Message: a.Message, Unlisted: int(a.Unlisted),
		})
	}
	return page, more, err
}

func executionOf(x *ledger.Execution, l *ledger.Account, m *market.Market) client.Execution {
	i := m.At(x.Instrument)
	e := client.Execution{
		ID: client.ExecutionID(x.ID), Order: client.OrderID(x.Order), Customer: client.Customer(x.ID.Customer()),
		ClientOrderID: x.ClientOrderID.String(), Side: client.Side(x.Side), Key: client.Key{Market: i.Market, Code: i.Code},
		Quantity: client.Quantity(x.Quantity), Price: client.Price(x.Price), Time: time.Unix(0, x.Time), Fee: client.Money(x.Fee),
	}
	if x.Corrects != 0 {
		e.Corrects = client.NewExecutionID(e.Customer, x.Corrects)
	}
	if b, busted := l.FindBust(x.ID); busted {
		if e.Busted, e.BustReason = true, b.Reason; b.CorrectedBy != 0 {
			e.CorrectedBy = client.NewExecutionID(e.Customer, b.CorrectedBy)
		}
	}
	return e
}

func orderOf(o *desk.OrderState, m *market.Market) client.OrderState {
	i := m.At(o.Instrument)
	s := client.OrderState{
		ID: client.OrderID(o.ID), ClientOrderID: o.ClientOrderID.String(), Customer: client.Customer(o.ID.Customer()),
		Side: client.Side(o.Side), Key: client.Key{Market: i.Market, Code: i.Code}, Type: client.OrderType(o.Type),
		TimeInForce: client.TimeInForce(o.TimeInForce), Quantity: client.Quantity(o.Quantity), Price: client.Price(o.Price),
		Stop: client.Price(o.Stop), Status: client.OrderStatus(o.Status), Filled: client.Quantity(o.Filled),
		Leaves: client.Quantity(o.Leaves()), AveragePrice: client.Price(o.AveragePrice()), Time: time.Unix(0, o.Time),
		Triggered: o.Triggered, Cause: client.OrderCause(o.Cause),
	}
	if o.Expires != 0 {
		s.Expires = time.Unix(0, o.Expires)
	}
	return s
}
