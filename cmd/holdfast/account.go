package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/cmd/holdfast/terminal"
)

const accountLong = `account moves cash in and out of an account of a running server, resets it and shows it, as
an operator.`

const accountExample = `  holdfast account deposit 100001 5000.00 --text "bonus"
  holdfast account withdraw 100001 250.50
  holdfast account reset 100001
  holdfast account show 100001`

// newAccountCommand returns the group of commands for an account.
func newAccountCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "account", Short: "deposit, withdraw, reset and show an account",
		Long: accountLong, Example: accountExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(
		newAccountCashCommand(p, &cobra.Command{
			Use: "deposit CUSTOMER AMOUNT", Short: "add cash to an account",
			Example: `  holdfast account deposit 100001 5000.00 --text "bonus"`,
		}, func(c client.Customer, m client.Money, text string) client.Operation {
			return client.Deposit{Customer: c, Amount: m, Text: text}
		}),
		newAccountCashCommand(p, &cobra.Command{
			Use: "withdraw CUSTOMER AMOUNT", Short: "take free cash out of an account",
			Example: `  holdfast account withdraw 100001 250.50`,
		}, func(c client.Customer, m client.Money, text string) client.Operation {
			return client.Withdraw{Customer: c, Amount: m, Text: text}
		}),
		newAccountResetCommand(p), newAccountShowCommand(p),
	)
	return cmd
}

func newAccountCashCommand(p *Program, cmd *cobra.Command, operation func(client.Customer, client.Money, string) client.Operation) *cobra.Command {
	var customer client.Customer
	var amount client.Money
	var text string
	cmd.Args = exactArgs("CUSTOMER", "AMOUNT")
	check := func(args []string) (err error) {
		if customer, err = parseCustomer(args[0]); err == nil {
			amount, err = parseAmount(args[1])
		}
		return err
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Operate(ctx, operation(customer, amount, text))
		if err != nil {
			return err
		}
		return p.reply("Operate", reply, func() error { return p.showAccount(reply.Account) })
	})
	addText(cmd, &text)
	return o.addAccess()
}

// addText adds the flag for a comment.
func addText(cmd *cobra.Command, text *string) {
	cmd.Flags().StringVar(text, "text", "", "comment; the customer sees this `text`")
}

func newAccountResetCommand(p *Program) *cobra.Command {
	var reset client.Reset
	cmd := &cobra.Command{
		Use: "reset CUSTOMER", Short: "make an account as it was when it was opened", Args: exactArgs("CUSTOMER"),
		Long: `reset cancels the working orders and makes cash and positions as they were when the
account was opened. Executions from before it stay in the history; they can't be busted
any more.`,
		Example: `  holdfast account reset 100001 --text "a new round"`,
	}
	check := func(args []string) (err error) {
		reset.Customer, err = parseCustomer(args[0])
		return err
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) error {
		reply, err := c.Operate(ctx, reset)
		if err != nil {
			return err
		}
		return p.reply("Operate", reply, func() error { return p.showAccount(reply.Account) })
	})
	addText(cmd, &reset.Text)
	return o.addAccess()
}

// accountView is what is to be seen of an account, each part at its own moment. In JSON each part
// is a reply of the protocol.
type accountView struct {
	Positions client.Snapshot    `json:"positions"`
	Orders    client.OrderList   `json:"orders"`
	History   client.HistoryPage `json:"history"`
}

func newAccountShowCommand(p *Program) *cobra.Command {
	var customer client.Customer
	var executions int
	cmd := &cobra.Command{
		Use: "show CUSTOMER", Short: "show cash, positions, orders and executions of an account", Args: exactArgs("CUSTOMER"),
		Long: `show shows the cash, the positions, the working orders and the newest executions of an
account, and changes nothing. --operator may be a viewer; without one of these roles it is the
customer itself.

With --json it prints one line, an object: "positions" is a PositionsReply of the protocol, "orders" an
OrdersReply and "history" a HistoryReply, in the canonical JSON mapping. Prices and amounts are
in 1/10000.`,
		Example: `  holdfast account show 100001
  holdfast account show 100001 --executions 100
  holdfast account show 100001 --json
  holdfast account show 100001 --operator 100001`,
	}
	check := func(args []string) (err error) {
		customer, err = parseCustomer(args[0])
		return err
	}
	o := newOperating(p, cmd, check, func(ctx context.Context, c *client.Client, _ []string) (err error) {
		var v accountView
		if v.Positions, err = c.PositionsOf(ctx, customer); err != nil {
			return err
		}
		if v.Orders, err = c.Orders(ctx, customer); err != nil {
			return err
		}
		if executions > 0 {
			v.History, err = c.History(ctx, client.HistoryQuery{Customer: customer, Limit: executions})
			if err != nil {
				return err
			}
		}
		if p.json {
			return p.printJSON(v)
		}
		return p.showAll(&v)
	})
	f := cmd.Flags()
	f.Var(newWhole(&executions, 10, 0, 1000), "executions", "how many of the newest executions")
	return o.addAccess()
}

// showAll shows the parts of an account that have rows.
func (p *Program) showAll(v *accountView) error {
	if err := p.showAccount(v.Positions.Account); err != nil {
		return err
	}
	if len(v.Positions.Positions) > 0 {
		if err := p.showPositions(v.Positions.Positions); err != nil {
			return err
		}
	}
	if len(v.Orders.Orders) > 0 {
		if err := p.showOrders(v.Orders.Orders); err != nil {
			return err
		}
	}
	if len(v.History.Executions) == 0 {
		return nil
	}
	return p.showExecutions(v.History.Executions)
}

// showAccount shows the cash of an account.
func (p *Program) showAccount(a client.Account) error {
	t := terminal.NewTable(p.style(), "", ">")
	t.Add("account", fmt.Sprint(a.Customer))
	for _, row := range []struct {
		name   string
		amount client.Money
	}{
		{"cash", a.Cash}, {"free", a.FreeCash}, {"frozen", a.FrozenCash}, {"unsettled", a.UnsettledCash},
		{"deposits", a.Deposits}, {"fees of buys", a.Fees}, {"market value", a.MarketValue}, {"realised profit", a.Realised},
	} {
		t.Add(row.name, row.amount.String())
	}
	t.Add("working orders", fmt.Sprint(a.WorkingOrders))
	_, err := fmt.Fprint(p.Stdout, t)
	return err
}

func (p *Program) showPositions(list []client.Position) error {
	t := p.table([]int{8, 4, 3, 2, 5}, "INSTRUMENT", ">SHARES", ">SELLABLE", ">FROZEN", ">AVG COST", ">PRICE", ">VALUE", ">PROFIT", ">REALISED")
	for _, x := range list {
		t.Add(x.Key.String(), x.Quantity.String(), x.Sellable.String(), x.Frozen.String(), x.AverageCost.String(), x.LastPrice.String(),
			x.MarketValue.String(), x.Unrealised.String(), x.Realised.String())
	}
	_, err := fmt.Fprint(p.Stdout, t)
	return err
}
