package client

import (
	"slices"

	"holdfast/codec/pb"
)

// Account is the summary of a customer's account.
type Account struct {
	Customer Customer
	Name     string
	Cash     Money
	// MarketValue is the total over all positions.
	MarketValue Money
	Realised    Money
	Operator    bool
}

// Position is what an account holds of one instrument.
type Position struct {
	Key         Key
	Quantity    Quantity
	AverageCost Price
	LastPrice   Price
	MarketValue Money // Quantity x LastPrice
	Realised    Money
	Unrealised  Money
}

// Snapshot is an account at one moment.
type Snapshot struct {
	Account Account
	// Positions are sorted by market and code.
	Positions   []Position
	MarketValue Money
	// Sequence is the number of the last push that the snapshot includes, and History the
	// history that it belongs to.
	Sequence uint64
	History  HistoryID
}

// Find returns the position in an instrument.
func (s *Snapshot) Find(key Key) (Position, bool) {
	i, found := slices.BinarySearchFunc(s.Positions, key, byKey)
	if !found {
		return Position{}, false
	}
	return s.Positions[i], true
}

func byKey(p Position, key Key) int { return p.Key.Compare(key) }

func accountOf(m *pb.Account) Account {
	return Account{
		Customer: Customer(m.GetCustomer()), Name: m.GetName(), Cash: Money(m.GetCash()),
		MarketValue: Money(m.GetMarketValue()), Realised: Money(m.GetRealisedProfit()), Operator: m.GetOperator(),
	}
}

func positionOf(m *pb.Position) Position {
	return Position{
		Key: Key{m.GetMarket(), m.GetCode()}, Quantity: Quantity(m.GetQuantity()),
		AverageCost: Price(m.GetAverageCost()), LastPrice: Price(m.GetLastPrice()), MarketValue: Money(m.GetMarketValue()),
		Realised: Money(m.GetRealisedProfit()), Unrealised: Money(m.GetUnrealisedProfit()),
	}
}

func positionsOf(list []*pb.Position) []Position {
	out := make([]Position, 0, len(list))
	for _, m := range list {
		out = append(out, positionOf(m))
	}
	slices.SortFunc(out, func(a, b Position) int { return a.Key.Compare(b.Key) })
	return out
}

func snapshotOf(reply *pb.PositionsReply, h HistoryID) Snapshot {
	return Snapshot{
		accountOf(reply.Account), positionsOf(reply.Positions), Money(reply.MarketValue), reply.PushSequence, h,
	}
}
