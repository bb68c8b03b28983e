package gateway_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"holdfast/biz/client"
)

// deed is one action of a random client.
type deed struct {
	Kind     string
	Side     client.Side
	Price    client.Price // the limit
	Key      client.Key
	Quantity client.Quantity
	Name     string // client order id
	Number   uint32 // of the execution or order
}

// deeds are those of a client and an operator, of these kinds, too.
func deeds(more ...string) *rapid.Generator[[]deed] {
	kinds := append([]string{"order", "order", "order", "bust", "cascade", "reopen", "correct", "cancel", "cancel all", "replace", "deposit"}, more...)
	one := rapid.Custom(func(t *rapid.T) deed {
		return deed{
			Kind:     rapid.SampledFrom(kinds).Draw(t, "kind"),
			Price:    rapid.SampledFrom([]client.Price{0, 0, 10_0000, 9_0000, 80_0000, 2_0000}).Draw(t, "price"),
			Side:     rapid.SampledFrom([]client.Side{client.Buy, client.Buy, client.Sell}).Draw(t, "side"),
			Key:      rapid.SampledFrom([]client.Key{tin, rail, mills}).Draw(t, "key"),
			Quantity: client.Quantity(rapid.IntRange(-1, 4).Draw(t, "hundreds") * 100),
			Name:     rapid.SampledFrom([]string{"", "", "", "a", "b", "c"}).Draw(t, "name"),
			Number:   rapid.Uint32Range(0, 30).Draw(t, "number"),
		}
	})
	return rapid.SliceOfN(one, 1, 40)
}

// TestRandomTrading: whatever several clients do to two accounts at the same time, positions
// and cash follow from the executions, screens show the same, and a restart changes nothing.
// Each round starts two servers, so there are few rounds; -rapid.checks sets their number.
func TestRandomTrading(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		must(t, f.Value.Set("8"))
		defer func() { must(t, f.Value.Set(f.DefValue)) }()
	}
	rapid.Check(t, func(r *rapid.T) {
		recent := rapid.SampledFrom([]int{1, 5, 0}).Draw(r, "recent")
		scripts := make([][]deed, 4)
		for n := range scripts {
			scripts[n] = deeds().Draw(r, fmt.Sprint("client ", n))
		}
		s := start(t, setup{recent: recent})
		defer func() { s.stop() }()
		runScripts(r, s, scripts)
		state := s.service.Hashes()
		s = s.restart()
		if !reflect.DeepEqual(s.service.Hashes(), state) {
			r.Error("after the restart the accounts are not those from before")
		}
		checkAccounts(r, s)
	})
}

// runScripts plays the scripts in two sessions of alice and two of bob.
func runScripts(r *rapid.T, s *server, scripts [][]deed) {
	op := s.login(operator)
	customers := []client.Customer{alice, alice, bob, bob}
	var traders []*trader
	for _, c := range customers {
		traders = append(traders, s.login(c))
	}
	var wg sync.WaitGroup
	for n, tr := range traders {
		wg.Go(func() {
			for _, d := range scripts[n] {
				if err := d.do(r.Context(), tr, op, customers[n]); err != nil {
					r.Errorf("client %d, %+v: %v", n, d, err)
				}
			}
		})
	}
	wg.Wait()
	s.service.StepAgain()
	now := checkAccounts(r, s)
	for n, tr := range traders {
		want := now[customers[n]]
		d, err := tr.View().Wait(r.Context(), func(d *client.Display) bool { return d.Sequence >= want.Sequence })
		if err != nil || d.Gaps+d.Doubles > 0 || !slices.Equal(d.Positions, want.Positions) {
			r.Errorf("client %d shows %+v (%v), the account is %+v", n, d, err, want)
		}
		got, account := d.Account, want.Account
		if got.Cash != account.Cash || got.FrozenCash != account.FrozenCash || got.FreeCash != account.FreeCash || d.MarketValue != want.MarketValue {
			r.Errorf("client %d shows %+v worth %s, the account is %+v", n, got, d.MarketValue, account)
		}
		for i := range d.Orders {
			d.Orders[i].Cause = 0 // as in a list of orders
		}
		orders, err := tr.Orders(r.Context(), 0)
		if err != nil || !slices.Equal(d.Orders, orders.Orders) {
			r.Errorf("client %d shows %+v, the orders are %+v, %v", n, d.Orders, orders.Orders, err)
		}
	}
}

// do does the deed. Only a business rule may refuse it.
func (d deed) do(ctx context.Context, tr, op *trader, c client.Customer) error {
	var err error
	execution, order := client.NewExecutionID(c, d.Number), client.NewOrderID(c, d.Number)
	switch d.Kind {
	case "bust", "cascade", "reopen":
		_, err = op.BustWith(ctx, execution, "random", client.BustOptions{Cascade: d.Kind == "cascade", Reopen: d.Kind == "reopen"})
	case "correct":
		_, err = op.Correct(ctx, client.Correction{ID: execution, Quantity: d.Quantity, Price: d.Price, Reason: "random"})
	case "cancel":
		_, err = tr.CancelOrder(ctx, client.OrderRef{ID: order})
	case "cancel all":
		_, err = tr.CancelAll(ctx, client.OrderScope{Key: d.Key})
	case "replace":
		_, err = tr.ReplaceOrder(ctx, client.Replacement{ID: order, Quantity: d.Quantity, Price: d.Price, NewClientOrderID: d.Name})
	case "deposit":
		_, err = op.Operate(ctx, client.Deposit{Customer: c, Amount: client.Money(d.Number), Text: "random"})
	case "reset":
		_, err = op.Operate(ctx, client.Reset{Customer: c, Text: "random"})
	default:
		_, err = tr.PlaceOrder(ctx, client.Order{ClientOrderID: d.Name, Side: d.Side, Key: d.Key, Quantity: d.Quantity, Price: d.Price})
	}
	if errors.Is(err, client.ErrRejected) {
		return nil
	}
	return err
}

// checkAccounts compares the accounts of alice and bob with their histories.
func checkAccounts(r *rapid.T, s *server) map[client.Customer]client.Snapshot {
	now := make(map[client.Customer]client.Snapshot)
	for _, c := range []client.Customer{alice, bob} {
		tr := s.dial()
		now[c] = tr.login(c)
		cash, held := client.Money(1_000_000_0000), map[client.Key]client.Quantity{}
		cost := client.Money(0) // of the holdings of the seed
		if c == bob {
			cash, cost, held[tin] = 500_000_0000, 900_0000, 100
		}
		deposits := now[c].Account.Deposits
		cash += deposits
		opening := cash + cost
		for _, x := range pages(s.t, tr, client.HistoryQuery{Limit: 7}) {
			switch {
			case x.Busted:
			case x.Side == client.Buy:
				cash, held[x.Key] = cash-x.Value(), held[x.Key]+x.Quantity
			default:
				cash, held[x.Key] = cash+x.Value(), held[x.Key]-x.Quantity
			}
		}
		checkAccount(r, now[c], cash, opening, held)
	}
	return now
}

// checkAccount compares an account with its executions, and checks that no money appeared or
// vanished: cash - realised profit + cost of the positions is the same as at the opening.
func checkAccount(r *rapid.T, now client.Snapshot, cash, opening client.Money, held map[client.Key]client.Quantity) {
	balance := now.Account.Cash - now.Account.Realised
	for _, p := range now.Positions {
		balance += p.MarketValue - p.Unrealised
		if held[p.Key] != p.Quantity {
			r.Errorf("customer %d holds %d of %s, by the history %d", now.Account.Customer, p.Quantity, p.Key, held[p.Key])
		}
		delete(held, p.Key)
	}
	for key, q := range held {
		if q != 0 {
			r.Errorf("customer %d holds no %s, by the history %d", now.Account.Customer, key, q)
		}
	}
	if now.Account.Cash != cash || balance != opening {
		r.Errorf("customer %d has cash %s, by the history %s; balance %s, at the opening %s",
			now.Account.Customer, now.Account.Cash, cash, balance, opening)
	}
}
