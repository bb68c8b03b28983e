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
			return executionWords(r.Executions[0]) + "; " + positionWords(r.Position)
		})
	case codec.CommandBust.Reply():
		return in(t, new(pb.BustReply), body, func(r *pb.BustReply) string {
			return executionWords(r.Execution) + "; " + positionWords(r.Position)
		})
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
			return fmt.Sprintf("%s is at %s", nameOf(i.Market, i.Code), ledger.Price(i.LastPrice))
		})
	case codec.PushExecution:
		return in(t, new(pb.Execution), body, executionWords)
	case codec.PushExecutionBusted:
		return in(t, new(pb.ExecutionBusted), body, func(b *pb.ExecutionBusted) string {
			return fmt.Sprintf("busted %s (%s); %s", ledger.ExecutionID(b.ExecutionId), b.Reason, positionWords(b.Position))
		})
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
	return fmt.Sprintf("%s, cash %s, market value %s", a.Name, ledger.Money(a.Cash), ledger.Money(a.MarketValue))
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
	return fmt.Sprintf("%d %s at %s worth %s", p.Quantity, nameOf(p.Market, p.Code), ledger.Price(p.LastPrice), ledger.Money(p.MarketValue))
}

func executionWords(x *pb.Execution) string {
	words := fmt.Sprintf("%s %s %d %s at %s", ledger.ExecutionID(x.ExecutionId), client.Side(x.Side), x.Quantity, nameOf(x.Market, x.Code), ledger.Price(x.Price))
	if x.ClientOrderId != "" {
		words += " as " + x.ClientOrderId
	}
	if x.Busted {
		words += ", busted: " + x.BustReason
	}
	return words
}
