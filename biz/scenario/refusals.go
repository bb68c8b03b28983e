package scenario

import (
	"errors"
	"fmt"
	"slices"

	"holdfast/biz/client"
)

// tooMany returns more shares than the account can pay for, within the limit of an order.
func (a *actor) tooMany() client.Quantity {
	if len(a.market) == 0 {
		return 0
	}
	return a.lots(client.Quantity(a.cash/max(client.Money(a.market[0].LastPrice), 1))*2 + 100)
}

func playRefusals(a *actor) {
	x, q := a.key(0), a.lots(100)
	have := []row{{x, q}}
	a.start(have...)
	a.refused("sell more than held", client.Order{Side: client.Sell, Key: x, Quantity: 2 * q}, "NOT_ENOUGH_SHARES", have)
	a.refused("sell an instrument that is not held", client.Order{Side: client.Sell, Key: a.key(1), Quantity: q}, "NOT_ENOUGH_SHARES", have)
	a.refused("buy for more than the cash", client.Order{Side: client.Buy, Key: x, Quantity: a.tooMany()}, "NOT_ENOUGH_CASH", have)
	a.refused("buy an unlisted instrument", client.Order{Side: client.Buy, Key: client.Key{Market: x.Market, Code: "NONE"}, Quantity: q}, "UNKNOWN_INSTRUMENT", have)
	a.refused("buy 0 shares", client.Order{Side: client.Buy, Key: x}, "BAD_QUANTITY", have)
	a.strangers()
	a.duplicate(q, x, row{x, 2 * q})
	a.pages()
}

// refused places an order that a business rule forbids.
func (a *actor) refused(name string, o client.Order, reason string, want []row) {
	a.step(name, "refused "+reason+", nothing changes: "+listText(want), func() (string, error) {
		before := a.main.View().Display().Sequence
		_, err := a.main.PlaceOrder(a.ctx, o)
		list, listErr := a.list()
		return a.unchanged(refusalText(err), before) + ": " + list, listErr
	})
}

// refusalText returns the outcome of a request that should be refused.
func refusalText(err error) string {
	var refused *client.Error
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &refused) && errors.Is(err, client.ErrRejected):
		return "refused " + refused.Reason.String()
	case errors.Is(err, client.ErrUnauthenticated):
		return "refused UNAUTHENTICATED"
	case errors.Is(err, client.ErrForbidden):
		return "refused FORBIDDEN"
	}
	return err.Error()
}

// strangers tries what the customer may not do.
func (a *actor) strangers() {
	a.step("request positions before login", "refused UNAUTHENTICATED", func() (string, error) {
		s, err := a.dial(nil)
		if err != nil {
			return "", err
		}
		_, err = s.Positions(a.ctx)
		return refusalText(err), nil
	})
	a.step("log in with a wrong token", "refused UNAUTHENTICATED", func() (string, error) {
		s, err := a.dial(nil)
		if err != nil {
			return "", err
		}
		_, err = s.Login(a.ctx, a.customer, client.Token([]byte("not the token of anybody")))
		return refusalText(err), nil
	})
	other := a.stage.options.Customers[0]
	a.step("read another customer's history", "refused FORBIDDEN", func() (string, error) {
		_, err := a.main.History(a.ctx, client.HistoryQuery{Customer: other})
		return refusalText(err), nil
	})
	a.step("bust without being an operator", "refused FORBIDDEN", func() (string, error) {
		_, err := a.main.Bust(a.ctx, client.NewExecutionID(a.customer, 1), bustReason)
		return refusalText(err), nil
	})
}

// duplicate sends one order twice.
func (a *actor) duplicate(q client.Quantity, key client.Key, want ...row) {
	a.step("send an order twice", "executed once, same reply: "+listText(want), func() (string, error) {
		o := client.Order{ClientOrderID: client.NewClientOrderID(), Side: client.Buy, Key: key, Quantity: q}
		first, err := a.place(o)
		if err != nil {
			return "", err
		}
		again, err := a.main.PlaceOrder(a.ctx, o)
		if err != nil {
			return "", err
		}
		list, err := a.list()
		if !again.Duplicate || again.Order != first.Order || len(again.Executions) != 1 || again.Executions[0].ID != first.execution.ID {
			return fmt.Sprintf("replies %s and %s: %s", first.Order, again.Order, list), nil
		}
		return "executed once, same reply: " + list, err
	})
}

// pages reads the history in pages, after some orders so that it is not empty.
func (a *actor) pages() {
	a.step("history, newest first, in pages of 2", "4 executions, newest first, no repeats", func() (string, error) {
		for _, side := range []client.Side{client.Buy, client.Sell, client.Buy, client.Sell} {
			if _, err := a.place(client.Order{Side: side, Key: a.key(2), Quantity: a.lots(100)}); err != nil {
				return "", err
			}
		}
		newest := a.main.View().Display().Executions
		first, err := a.main.History(a.ctx, client.HistoryQuery{Limit: 2})
		if err != nil || len(first.Executions) != 2 || !first.More {
			return fmt.Sprintf("first page has %d, more: %t", len(first.Executions), first.More), err
		}
		second, err := a.main.History(a.ctx, client.HistoryQuery{Limit: 2, Before: first.Executions[1].ID})
		if err != nil {
			return "", err
		}
		all := slices.Concat(first.Executions, second.Executions)
		for i, x := range all {
			if i >= len(newest) || x != newest[i] {
				return fmt.Sprintf("place %d is execution %s", i+1, x.ID), nil
			}
		}
		return fmt.Sprintf("%d executions, newest first, no repeats", len(all)), nil
	})
}
