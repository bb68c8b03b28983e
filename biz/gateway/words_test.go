package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// inWords returns the body of a message as text, without times and session ids.
func inWords(t testing.TB, c codec.Command, body []byte) string {
	t.Helper()
	switch c {
	case codec.CommandConn:
		return "greeting" + in(t, new(pb.ConnReply), body, func(*pb.ConnReply) string { return "" })
	case codec.CommandLogin.Reply():
		return in(t, new(pb.LoginReply), body, func(r *pb.LoginReply) string {
			if r.Resumed {
				return fmt.Sprintf("%s, resumed after push %d", accountWords(r.Account), r.PushSequence)
			}
			why := ""
			if r.SnapshotReason != 0 {
				why = ", a snapshot for the reason " + strings.TrimPrefix(r.SnapshotReason.String(), "SNAPSHOT_REASON_")
			}
			return fmt.Sprintf("%s, at push %d%s%s", accountWords(r.Account), r.PushSequence, why, rowWords(r.Positions))
		})
	case codec.CommandPositions.Reply():
		return in(t, new(pb.PositionsReply), body, func(r *pb.PositionsReply) string {
			return fmt.Sprintf("%s, at push %d%s", accountWords(r.Account), r.PushSequence, rowWords(r.Positions))
		})
	case codec.CommandPlaceOrder.Reply():
		return in(t, new(pb.PlaceOrderReply), body, func(r *pb.PlaceOrderReply) string {
			words := fmt.Sprintf("order %s %s", ledger.OrderID(r.OrderId), statusWords(r.Status, r.Filled, r.Leaves, r.AveragePrice, r.Cause))
			return words + executionsWords(r.Executions, r.Position)
		})
	case codec.CommandCancelOrder.Reply():
		return in(t, new(pb.CancelOrderReply), body, func(r *pb.CancelOrderReply) string {
			if r.Order == nil {
				return fmt.Sprintf("%d cancelled", r.Count)
			}
			return orderWords(r.Order)
		})
	case codec.CommandReplaceOrder.Reply():
		return in(t, new(pb.ReplaceOrderReply), body, func(r *pb.ReplaceOrderReply) string {
			return orderWords(r.Order) + executionsWords(r.Executions, r.Position)
		})
	case codec.CommandOrders.Reply():
		return in(t, new(pb.OrdersReply), body, func(r *pb.OrdersReply) string {
			words := fmt.Sprintf("at push %d", r.PushSequence)
			for _, o := range r.Orders {
				words += "; " + orderWords(o)
			}
			if r.More {
				words += "; and more"
			}
			return words
		})
	case codec.CommandBust.Reply():
		return in(t, new(pb.BustReply), body, bustWords)
	case codec.CommandCorrect.Reply():
		return in(t, new(pb.CorrectReply), body, func(r *pb.CorrectReply) string {
			return executionWords(r.Busted) + "; " + executionWords(r.Replacement) + "; " + positionWords(r.Position) + "; " + orderWords(r.Order)
		})
	case codec.CommandOperate.Reply():
		return in(t, new(pb.OperateReply), body, operateWords)
	case codec.CommandHistory.Reply():
		return in(t, new(pb.HistoryReply), body, func(r *pb.HistoryReply) string {
			var list []string
			for _, x := range r.Executions {
				list = append(list, executionWords(x))
			}
			if r.More {
				list = append(list, "and more")
			}
			if list == nil {
				return "no executions"
			}
			return strings.Join(list, "; ")
		})
	case codec.CommandQuotes.Reply():
		return in(t, new(pb.QuotesReply), body, func(r *pb.QuotesReply) string {
			i := r.Instruments[0]
			words := fmt.Sprintf("%s is at %s", nameOf(i.Market, i.Code), ledger.Price(i.LastPrice))
			if i.HighPrice != 0 {
				words += fmt.Sprintf(", today from %s to %s", ledger.Price(i.LowPrice), ledger.Price(i.HighPrice))
			}
			if i.LotSize != 1 || i.MinimumLot != 1 {
				words += fmt.Sprintf(", at least %d, by %d", i.MinimumLot, i.LotSize)
			}
			if i.Halted {
				words += ", halted"
			}
			return words
		})
	case codec.PushExecution:
		return in(t, new(pb.Execution), body, executionWords)
	case codec.PushExecutionBusted:
		return in(t, new(pb.ExecutionBusted), body, func(b *pb.ExecutionBusted) string {
			words := fmt.Sprintf("busted %s (%s)", ledger.ExecutionID(b.ExecutionId), b.Reason)
			if b.CorrectedBy != 0 {
				words += ", now " + ledger.ExecutionID(b.CorrectedBy).String()
			}
			return words + "; " + positionWords(b.Position)
		})
	case codec.PushOrderUpdate:
		return in(t, new(pb.OrderUpdate), body, func(u *pb.OrderUpdate) string {
			words := orderWords(u.Order) + fmt.Sprintf("; cash %s", ledger.Money(u.Cash))
			if u.FrozenCash != 0 {
				words += fmt.Sprintf(", %s frozen", ledger.Money(u.FrozenCash))
			}
			if u.Position != nil {
				words += "; " + positionWords(u.Position)
			}
			return words
		})
	case codec.PushAccountUpdate:
		return in(t, new(pb.AccountUpdate), body, func(u *pb.AccountUpdate) string {
			change := strings.ToLower(strings.TrimPrefix(u.Change.String(), "ACCOUNT_CHANGE_"))
			return fmt.Sprintf("%s %s (%s); %s", change, ledger.Money(u.Amount), u.Text, accountWords(u.Account))
		})
	case codec.PushNotice:
		return in(t, new(pb.Notice), body, func(n *pb.Notice) string { return "notice: " + n.Text })
	case codec.PushPositionUpdate:
		return in(t, new(pb.PositionUpdate), body, func(u *pb.PositionUpdate) string {
			return fmt.Sprintf("%s: %s, rows %d, market value %s", client.Change(u.Change), positionWords(u.Position), u.RowCount, ledger.Money(u.MarketValue))
		})
	case codec.PushQuote:
		return in(t, new(pb.Quote), body, func(q *pb.Quote) string {
			return fmt.Sprintf("quote: %s is at %s", nameOf(q.Market, q.Code), ledger.Price(q.LastPrice))
		})
	}
	if len(body) > 0 {
		return fmt.Sprintf("%s of %d bytes", c, len(body))
	}
	return ""
}

// in decodes a body and returns it as text.
func in[M interface{ UnmarshalVT([]byte) error }](t testing.TB, m M, body []byte, words func(M) string) string {
	t.Helper()
	must(t, m.UnmarshalVT(body))
	return words(m)
}

func nameOf(market, code string) string {
	for name, key := range shortKeys {
		if key == (client.Key{Market: market, Code: code}) {
			return name
		}
	}
	return market + "/" + code
}

func accountWords(a *pb.Account) string {
	words := fmt.Sprintf("%s, cash %s", a.Name, ledger.Money(a.Cash))
	if a.FreeCash != a.Cash {
		words += fmt.Sprintf(" (%s free, %s frozen, %s unsettled)", ledger.Money(a.FreeCash), ledger.Money(a.FrozenCash), ledger.Money(a.UnsettledCash))
	}
	words += fmt.Sprintf(", market value %s", ledger.Money(a.MarketValue))
	if a.Fees != 0 || a.Deposits != 0 {
		words += fmt.Sprintf(", fees %s, deposits %s", ledger.Money(a.Fees), ledger.Money(a.Deposits))
	}
	if a.WorkingOrders != 0 {
		words += fmt.Sprintf(", %d orders work", a.WorkingOrders)
	}
	return words
}

func rowWords(rows []*pb.Position) string {
	words := ""
	for _, p := range rows {
		words += "; " + positionWords(p)
	}
	return words
}

func positionWords(p *pb.Position) string {
	if p.Quantity == 0 {
		return "none of " + nameOf(p.Market, p.Code)
	}
	words := fmt.Sprintf("%d %s at %s worth %s", p.Quantity, nameOf(p.Market, p.Code), ledger.Price(p.LastPrice), ledger.Money(p.MarketValue))
	if p.Sellable != p.Quantity {
		words += fmt.Sprintf(" (%d sellable, %d frozen)", p.Sellable, p.Frozen)
	}
	return words
}

// statusWords says how far an order is.
func statusWords(s pb.OrderStatus, filled, leaves, average int64, cause pb.OrderCause) string {
	words := strings.ToLower(strings.TrimPrefix(s.String(), "ORDER_STATUS_"))
	if cause != 0 {
		words += " (" + strings.TrimPrefix(cause.String(), "ORDER_CAUSE_") + ")"
	}
	if filled != 0 {
		words += fmt.Sprintf(", %d filled at %s", filled, ledger.Price(average))
	}
	if leaves != 0 {
		words += fmt.Sprintf(", %d left", leaves)
	}
	return words
}

func orderWords(o *pb.Order) string {
	words := fmt.Sprintf("order %s %s %d %s", ledger.OrderID(o.OrderId), client.Side(o.Side), o.Quantity, nameOf(o.Market, o.Code))
	if o.Price != 0 {
		words += fmt.Sprintf(" at %s", ledger.Price(o.Price))
	}
	if o.StopPrice != 0 {
		words += fmt.Sprintf(" stop %s", ledger.Price(o.StopPrice))
	}
	if o.Triggered {
		words += " triggered"
	}
	if o.TimeInForce != pb.TimeInForce_TIME_IN_FORCE_DAY {
		words += " " + strings.ToLower(strings.TrimPrefix(o.TimeInForce.String(), "TIME_IN_FORCE_"))
	}
	if o.ClientOrderId != "" {
		words += " as " + o.ClientOrderId
	}
	return words + " is " + statusWords(o.Status, o.Filled, o.Leaves, o.AveragePrice, o.Cause)
}

func executionsWords(list []*pb.Execution, p *pb.Position) string {
	words := ""
	for _, x := range list {
		words += "; " + executionWords(x)
	}
	if p != nil {
		words += "; " + positionWords(p)
	}
	return words
}

func bustWords(r *pb.BustReply) string {
	words := fmt.Sprintf("%d busted in %d accounts", r.Count, r.Accounts) + executionsWords(r.Executions, r.Position)
	for _, refused := range r.Refused {
		words += fmt.Sprintf("; not for %d: %s", refused.Customer, refused.Error.Message)
	}
	return words
}

func operateWords(r *pb.OperateReply) string {
	words := fmt.Sprintf("%d changed", r.Count)
	if r.Account != nil {
		words += "; " + accountWords(r.Account)
	}
	if r.Order != nil {
		words += "; " + orderWords(r.Order)
	}
	return words + executionsWords(r.Executions, r.Position)
}

func executionWords(x *pb.Execution) string {
	words := fmt.Sprintf("%s %s %d %s at %s", ledger.ExecutionID(x.ExecutionId), client.Side(x.Side), x.Quantity, nameOf(x.Market, x.Code), ledger.Price(x.Price))
	if x.ClientOrderId != "" {
		words += " as " + x.ClientOrderId
	}
	if x.Fee != 0 {
		words += fmt.Sprintf(" for %s", ledger.Money(x.Fee))
	}
	if x.Corrects != 0 {
		words += ", corrects " + ledger.ExecutionID(x.Corrects).String()
	}
	if x.Busted {
		words += ", busted: " + x.BustReason
	}
	if x.CorrectedBy != 0 {
		words += ", now " + ledger.ExecutionID(x.CorrectedBy).String()
	}
	return words
}
