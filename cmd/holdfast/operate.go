package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/table"
)

// operating is a command that an operator sends to a running server.
type operating struct {
	*cobra.Command
	p      *Program
	access access
	json   bool
}

// newOperating returns a command whose run is called with a login of an operator. Its error
// gets advice. Without flags that run needs, check returns an error before anything starts; it
// may be nil.
func newOperating(p *Program, cmd *cobra.Command, check func(args []string) error, run func(context.Context, *client.Client, []string) error) *operating {
	o := &operating{Command: cmd, p: p}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if check != nil {
			if err := check(args); err != nil {
				return usagef(cmd, "%s", err)
			}
		}
		p.json = o.json
		c, err := o.access.login(cmd.Context(), p)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }() // always nil
		if err = run(cmd.Context(), c, args); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(append(strings.Fields(cmd.CommandPath())[1:], args...), " "), operatingAdvice(err))
		}
		return nil
	}
	cmd.Flags().SortFlags = false
	return o
}

// addAccess adds the flags for JSON, the server and the login, after all others.
func (o *operating) addAccess() *cobra.Command {
	addJSON(o.Flags(), &o.json)
	o.access.add(o.Flags(), "operator", 900001, "customer `number` of the operator")
	return o.Command
}

// reply prints the reply to a command of the protocol: with --json as a line of JSON, else with show.
func (p *Program) reply(command string, body any, show func() error) error {
	if !p.json {
		return show()
	}
	p.jsonResult = true
	_, err := io.WriteString(p.Stdout, terminal.ReplyLine(command, body))
	return err
}

// operated is reply for the reply to Operate, which for people is one line.
func (p *Program) operated(reply client.Operated, format string, args ...any) error {
	return p.reply("Operate", reply, func() error { return p.say(format, args...) })
}

// say writes a line of the result.
func (p *Program) say(format string, args ...any) error {
	_, err := io.WriteString(p.Stdout, "  "+table.Escape(fmt.Sprintf(format, args...))+"\n")
	return err
}

// counted returns "1 order" or "1,000 orders".
func counted(n int, noun string) string { return english.Plural(n, noun, "") }

// operatingAdvice adds advice to the error of an operator's command.
func operatingAdvice(err error) error {
	var refused *client.Error
	if !errors.As(err, &refused) {
		return terminal.Advise(err)
	}
	switch {
	case refused.Reason == client.ReasonBustBlocked && len(refused.Blocking) > 0:
		return fmt.Errorf("%w: bust %s first, or add --cascade", err, refused.Blocking[len(refused.Blocking)-1])
	case refused.Reason == client.ReasonUnknownExecution:
		return fmt.Errorf("%w: the customer's \"history\" lists the ids", err)
	case refused.Reason == client.ReasonUnknownOrder:
		return fmt.Errorf("%w: \"holdfast order list\" lists the working ones", err)
	case refused.Reason == client.ReasonUnknownInstrument:
		return fmt.Errorf("%w: \"quote\" of \"holdfast client\" lists them", err)
	case refused.Reason == client.ReasonTooLate && refused.Order.Status != client.StatusFilled:
		return fmt.Errorf("%w; \"holdfast order fill --late\" executes a cancelled or expired one", err)
	case refused.Reason == client.ReasonNotStepped:
		return fmt.Errorf("%w: start the server with --clock stepped", err)
	case refused.Reason == client.ReasonBeforeReset:
		return fmt.Errorf("%w, so it can't be taken back any more", err)
	}
	return terminal.Advise(err)
}

// clockText returns a time of the trading clock.
func clockText(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05.000 -07:00") }

// parseKey reads MARKET/CODE.
func parseKey(text string) (client.Key, error) {
	market, code, found := strings.Cut(text, "/")
	if !found || market == "" || code == "" || strings.ContainsAny(text, " \t") {
		return client.Key{}, errors.New("wants an instrument such as ALFA/600100")
	}
	return client.Key{Market: market, Code: code}, nil
}

// newKey returns the value of a flag for an instrument.
func newKey(field *client.Key) pflag.Value {
	c := newChecked(field, client.Key{}, "MARKET/CODE", parseKey)
	c.show = func(k client.Key) string {
		if k == (client.Key{}) {
			return ""
		}
		return k.String()
	}
	return c
}

// parsePrice reads a price above 0.
func parsePrice(text string) (client.Price, error) {
	p, err := ledger.ParsePrice(text)
	if err != nil || p <= 0 || p > ledger.MaxPrice {
		return 0, errors.New("wants a price above 0 such as 10.25, with at most 4 decimals")
	}
	return client.Price(p), nil
}

// newPrice returns the value of a flag for a price; it is 0 without the flag.
func newPrice(field *client.Price) pflag.Value {
	c := newChecked(field, 0, "price", parsePrice)
	c.show = func(p client.Price) string {
		if p == 0 {
			return "" // which pflag does not show as a default
		}
		return p.String()
	}
	return c
}

// newQuantity returns the value of a flag for a number of shares; it is 0 without the flag.
func newQuantity(field *client.Quantity) pflag.Value {
	c := newChecked(field, 0, "N", func(text string) (client.Quantity, error) {
		n, err := config.ParseWhole(text, 1, uint64(ledger.MaxQuantity))
		return client.Quantity(n), err
	})
	c.show = func(q client.Quantity) string {
		if q == 0 {
			return ""
		}
		return q.String()
	}
	return c
}

// newTime returns the value of a flag for a time.
func newTime(field *time.Time) pflag.Value {
	c := newChecked(field, time.Time{}, "time", func(text string) (time.Time, error) {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return t, nil
		}
		t, err := time.ParseInLocation("2006-01-02 15:04:05", text, time.Local)
		if err != nil {
			return t, errors.New("wants a time such as 2026-01-05T09:30:00+08:00, or \"2026-01-05 09:30:00\" here")
		}
		return t, nil
	})
	c.show = func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	return c
}

// newCustomer returns the value of a flag for a customer; it is 0 without the flag.
func newCustomer(field *uint32) pflag.Value {
	c := newWhole(field, 1, firstCustomer, lastCustomer)
	*field = 0
	return c
}

// parseCustomer reads the argument CUSTOMER.
func parseCustomer(text string) (client.Customer, error) {
	n, err := config.ParseWhole(text, firstCustomer, lastCustomer)
	if err != nil {
		return 0, fmt.Errorf("CUSTOMER %w, got %q", err, text)
	}
	return client.Customer(n), nil
}

// parseAmount reads the argument AMOUNT.
func parseAmount(text string) (client.Money, error) {
	m, err := ledger.ParseMoney(text)
	if err != nil || m <= 0 || m > ledger.MaxMoney {
		return 0, fmt.Errorf("AMOUNT wants an amount above 0 such as 2500.00, with at most 4 decimals, got %q", text)
	}
	return client.Money(m), nil
}

// parseSpan reads the argument DURATION, which is above 0.
func parseSpan(text string, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > most {
		return 0, fmt.Errorf("DURATION wants a duration above 0, up to %.0fh, such as 20s or 1m30s, got %q", most.Hours(), text)
	}
	return d, nil
}

// maxPush is the largest number of a push.
const maxPush = math.MaxInt64
