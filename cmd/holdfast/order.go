package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/biz/script"
	"holdfast/biz/textfile"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/codec/pb"
)

const orderLong = `order executes, rejects, cancels and lists orders of customers on a running server, as
an operator.`

const orderExample = `  holdfast order list 100001
  holdfast order fill 100001-17 --quantity 40 --price 10.25
  holdfast order reject 100001 --count 3 --reason NOT_ENOUGH_CASH
  holdfast order cancel 100001-17
  holdfast order cancel --customer 100001 --instrument ALFA/600100`

// newOrderCommand returns the group of commands for the orders of customers.
func newOrderCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "order", Short: "execute, reject, cancel and list orders, as an operator",
		Long: orderLong, Example: orderExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(newOrderCancelCommand(p), newOrderFillCommand(p), newOrderListCommand(p), newOrderRejectCommand(p))
	return cmd
}

func newOrderFillCommand(p *Program) *cobra.Command {
	var fill client.Fill
	cmd := &cobra.Command{
		Use: "fill ORDER", Short: "execute an order, or a part of it", Args: exactArgs("ORDER"),
		Long: `fill executes a working order, whatever the market offers. With --late it executes an
order that was cancelled or has expired, as if the execution had crossed that.`,
		Example: `  holdfast order fill 100001-17
  holdfast order fill 100001-17 --quantity 40 --price 10.25
  holdfast order fill 100001-17 --late`,
	}
	check := func(args []string) (err error) {
		fill.Order, err = client.ParseOrderID(args[0])
		return err
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Operate(ctx, fill)
		if err != nil {
			return err
		}
		return p.reply("Operate", reply, func() error {
			if err := p.showExecutions(reply.Executions); err != nil {
				return err
			}
			return p.showOrders([]client.OrderState{reply.Order})
		})
	})
	f := cmd.Flags()
	f.Var(newQuantity(&fill.Quantity), "quantity", "shares; without it, all that is left")
	f.Var(newPrice(&fill.Price), "price", "price; without it, the last price")
	f.BoolVar(&fill.Late, "late", false, "execute an order that was cancelled or has expired")
	return o.addAccess()
}

func newOrderRejectCommand(p *Program) *cobra.Command {
	var customer client.Customer
	var count int
	var reason client.Reason
	cmd := &cobra.Command{
		Use: "reject CUSTOMER", Short: "reject the next orders of a customer", Args: exactArgs("CUSTOMER"),
		Long: `reject makes the server refuse the next orders of a customer. --count 0 ends that. It
replaces an earlier reject, and a restart of the server ends it.`,
		Example: `  holdfast order reject 100001
  holdfast order reject 100001 --count 3 --reason NOT_ENOUGH_CASH
  holdfast order reject 100001 --count 0`,
	}
	check := func(args []string) (err error) {
		customer, err = parseCustomer(args[0])
		return err
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Operate(ctx, client.RejectNext{Customer: customer, Count: count, Reason: reason})
		if err != nil {
			return err
		}
		if count == 0 {
			return p.operated(reply, "orders of %d are no longer rejected", customer)
		}
		if count == 1 {
			return p.operated(reply, "the next order of %d is rejected: %s", customer, reason)
		}
		return p.operated(reply, "the next %d orders of %d are rejected: %s", count, customer, reason)
	})
	f := cmd.Flags()
	f.Var(newWhole(&count, 1, 0, script.MaxCount), "count", "how many")
	f.Var(newReason(&reason, client.ReasonSimulated), "reason", "`reason` of the protocol, such as NOT_ENOUGH_CASH")
	return o.addAccess()
}

// newReason returns the value of a flag for a reason of the protocol.
func newReason(field *client.Reason, initial client.Reason) *checked[client.Reason] {
	return newChecked(field, initial, "reason", func(text string) (client.Reason, error) {
		n, found := pb.Reason_value["REASON_"+text]
		if !found || n == 0 {
			var names []string
			for name := range pb.Reason_value {
				names = append(names, strings.TrimPrefix(name, "REASON_"))
			}
			return 0, fmt.Errorf("wants a reason of the protocol such as NOT_ENOUGH_CASH%s", textfile.Suggestion(text, names))
		}
		return client.Reason(n), nil
	})
}

func newOrderCancelCommand(p *Program) *cobra.Command {
	var id client.OrderID
	var scope client.OrderScope
	var customer uint32
	cmd := &cobra.Command{
		Use: "cancel [ORDER]", Short: "cancel an order, or all that match", Args: atMostOneArg,
		Long: `cancel cancels a working order; or all of a customer, or with --everyone of all
customers, and with --instrument only those of an instrument.`,
		Example: `  holdfast order cancel 100001-17
  holdfast order cancel --customer 100001
  holdfast order cancel --everyone --instrument ALFA/600100`,
	}
	check := func(args []string) (err error) {
		all := customer != 0 || scope.Everyone || scope.Key != client.Key{}
		switch {
		case len(args) == 1 && all:
			return errors.New("name an ORDER, or those that match with flags, not both")
		case len(args) == 1:
			id, err = client.ParseOrderID(args[0])
			return err
		case customer != 0 && scope.Everyone:
			return errors.New("--customer and --everyone exclude each other")
		case customer == 0 && !scope.Everyone:
			return errors.New("missing argument ORDER; or name those that match with --customer or --everyone")
		}
		scope.Customer = client.Customer(customer)
		return nil
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		if id == 0 {
			reply, err := c.CancelAll(ctx, scope)
			if err != nil {
				return err
			}
			return p.reply("CancelOrder", reply, func() error { return p.say("cancelled: %s", counted(reply.Count, "order")) })
		}
		reply, err := c.CancelOrder(ctx, client.OrderRef{ID: id, Customer: id.Customer()})
		if err != nil {
			return err
		}
		return p.reply("CancelOrder", reply, func() error { return p.showOrders([]client.OrderState{reply.Order}) })
	})
	f := cmd.Flags()
	f.Var(newCustomer(&customer), "customer", "all working orders of this customer")
	f.BoolVar(&scope.Everyone, "everyone", false, "all working orders of all customers")
	f.Var(newKey(&scope.Key), "instrument", "only those of this instrument")
	return o.addAccess()
}

// atMostOneArg takes one argument or none.
func atMostOneArg(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return noArgs(cmd, args[1:])
	}
	return nil
}

func newOrderListCommand(p *Program) *cobra.Command {
	var customer client.Customer
	var by filters
	var q client.OrderQuery
	var all bool
	cmd := &cobra.Command{
		Use: "list CUSTOMER", Short: "list the orders of a customer", Args: exactArgs("CUSTOMER"),
		Long: `list lists the working orders of a customer. With --all it lists the newest orders, whether
they work or not, newest first; --status and the other flags select those that match. "holdfast export orders" writes all of them to a file.`,
		Example: `  holdfast order list 100001
  holdfast order list 100001 --all --limit 50
  holdfast order list 100001 --status filled,cancelled --instrument ALFA/600100 --side buy`,
	}
	check := func(args []string) (err error) {
		if customer, err = parseCustomer(args[0]); err == nil {
			err = by.check()
		}
		if all && len(q.Statuses) > 0 {
			err = errors.New("--all and --status exclude each other")
		}
		return err
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		if !all && len(q.Statuses) == 0 {
			if by == (filters{}) && q.Before == 0 {
				return p.listWorking(ctx, c, customer)
			}
			q.Statuses = []client.OrderStatus{client.StatusNew, client.StatusPartiallyFilled}
		}
		q.Customer, q.Key, q.Side, q.From, q.To = customer, by.key, sideOf(by.side), by.from, by.to
		page, err := c.OrderHistory(ctx, q)
		if err != nil {
			return err
		}
		return p.reply("Orders", page, func() error { return p.showOrderPage(&page) })
	})
	f := cmd.Flags()
	f.BoolVar(&all, "all", false, "also orders that no longer work")
	addStatuses(f, &q.Statuses)
	by.add(f, "accepted")
	f.Var(newWhole(&q.Limit, 100, 1, 1000), "limit", "how many; without --all and filters, all")
	before := newChecked(&q.Before, 0, "ORDER", client.ParseOrderID)
	before.show = func(client.OrderID) string { return "" }
	f.Var(before, "before", "only those before this `order`")
	return o.addAccess()
}

// listWorking shows the working orders of a customer.
func (p *Program) listWorking(ctx context.Context, c *client.Client, customer client.Customer) error {
	list, err := c.Orders(ctx, customer)
	if err != nil {
		return err
	}
	return p.reply("Orders", list, func() error {
		if len(list.Orders) == 0 {
			return p.say("no working orders")
		}
		return p.showOrders(list.Orders)
	})
}

// showOrderPage shows a page of orders.
func (p *Program) showOrderPage(page *client.OrderPage) error {
	if len(page.Orders) == 0 {
		if err := p.say("no such orders"); err != nil {
			return err
		}
	} else if err := p.showOrders(page.Orders); err != nil {
		return err
	}
	if !page.More {
		return nil
	}
	return p.say("there may be older ones: add --before %s", page.Next)
}

// showOrders shows a table of orders.
func (p *Program) showOrders(list []client.OrderState) error {
	t := p.table([]int{1, 9, 11, 8, 7, 5}, "ORDER", "CLIENT ORDER ID", "SIDE", "INSTRUMENT", ">SHARES", ">FILLED", ">LEFT", ">LIMIT", ">STOP", "IN FORCE", "STATUS", "")
	for _, o := range list {
		t.Add(o.ID.String(), o.ClientOrderID, o.Side.String(), o.Key.String(), o.Quantity.String(), o.Filled.String(), o.Leaves.String(),
			priceText(o.Price), priceText(o.Stop), o.TimeInForce.String(), o.Status.String(), o.Cause.Text())
	}
	_, err := fmt.Fprint(p.Stdout, t)
	return err
}

// priceText returns a price that may be missing.
func priceText(price client.Price) string {
	if price == 0 {
		return "-"
	}
	return price.String()
}

// showExecutions shows a table of executions.
func (p *Program) showExecutions(list []client.Execution) error {
	t := p.table([]int{7}, "EXECUTION", "TIME", "SIDE", "INSTRUMENT", ">SHARES", ">PRICE", ">VALUE", "")
	for _, x := range list {
		remark := terminal.Remark(&x)
		t.Add(x.ID.String(), x.Time.Local().Format("2006-01-02 15:04:05"), x.Side.String(), x.Key.String(),
			x.Quantity.String(), x.Price.String(), x.Value().String(), remark)
		t.Set(7, terminal.Red)
	}
	_, err := fmt.Fprint(p.Stdout, t)
	return err
}
