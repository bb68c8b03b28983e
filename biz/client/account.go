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
	Viewer      bool // it reads every account, and changes nothing
	// FreeCash is what a new order can spend: Cash - FrozenCash - UnsettledCash. It may be
	// negative after a bust.
	FreeCash Money
	// FrozenCash is frozen for working buys.
	FrozenCash Money
	// UnsettledCash is from sells, and can't be spent yet.
	UnsettledCash Money
	// Fees are those of buys, which are in no cost and no profit.
	Fees Money
	// Deposits are deposits minus withdrawals.
	Deposits      Money
	WorkingOrders int
}

// early reports whether the account is of a server of an earlier release: it does not tell what is
// free, and its position updates have no cash.
func (a *Account) early() bool { return a.Cash != a.FreeCash+a.FrozenCash+a.UnsettledCash }

// Position is what an account holds of one instrument.
type Position struct {
	Key         Key
	Quantity    Quantity
	AverageCost Price
	LastPrice   Price
	MarketValue Money // Quantity x LastPrice
	Realised    Money
	Unrealised  Money
	// Sellable is how many shares a new order can sell now, Frozen how many are frozen for
	// working sells.
	Sellable, Frozen Quantity
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
	i, found := slices.BinarySearchFunc(s.Positions, Position{Key: key}, byKey)
	if !found {
		return Position{}, false
	}
	return s.Positions[i], true
}

func byKey(x, y Position) int { return x.Key.Compare(y.Key) }

func accountOf(m *pb.Account) Account {
	return Account{
		Customer: Customer(m.GetCustomer()), Name: m.GetName(), Cash: Money(m.GetCash()),
		MarketValue: Money(m.GetMarketValue()), Realised: Money(m.GetRealisedProfit()), Operator: m.GetOperator(), Viewer: m.GetViewer(),
		FreeCash: Money(m.GetFreeCash()), FrozenCash: Money(m.GetFrozenCash()), UnsettledCash: Money(m.GetUnsettledCash()),
		Fees: Money(m.GetFees()), Deposits: Money(m.GetDeposits()), WorkingOrders: int(m.GetWorkingOrders()),
	}
}

func positionOf(m *pb.Position) Position {
	return Position{
		Key: Key{m.GetMarket(), m.GetCode()}, Quantity: Quantity(m.GetQuantity()),
		AverageCost: Price(m.GetAverageCost()), LastPrice: Price(m.GetLastPrice()), MarketValue: Money(m.GetMarketValue()),
		Realised: Money(m.GetRealisedProfit()), Unrealised: Money(m.GetUnrealisedProfit()),
		Sellable: Quantity(m.GetSellable()), Frozen: Quantity(m.GetFrozen()),
	}
}

func positionsOf(list []*pb.Position) []Position {
	out := make([]Position, 0, len(list))
	for _, m := range list {
		out = append(out, positionOf(m))
	}
	slices.SortFunc(out, byKey)
	return out
}

func snapshotOf(reply *pb.PositionsReply, h HistoryID) Snapshot {
	return Snapshot{
		accountOf(reply.Account), positionsOf(reply.Positions), Money(reply.MarketValue), reply.PushSequence, h,
	}
}
