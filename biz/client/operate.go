package client

import (
	"context"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Operation is a command of operators on the market or on an account: Halt, Resume, Jump, Step,
// Clock, Customers, Reload, AuditQuery, Deposit, Withdraw, Reset, Fill, RejectNext, Disconnect,
// HoldPushes or SpoilFIX.
type Operation interface{ request() *pb.OperateRequest }

// Halt halts trading in an instrument; without a code, in all of a market.
type Halt struct{ Key Key }

// Resume ends a Halt.
type Resume struct{ Key Key }

// Jump moves the last price of an instrument at once.
type Jump struct {
	Key   Key
	Price Price
}

// Step moves the market's clock on. Only a stepped clock can be moved, else ReasonNotStepped.
type Step struct{ Duration time.Duration }

// Clock only reads the market's clock.
type Clock struct{}

// Customers lists the customers of the server.
type Customers struct {
	// After selects customers with higher numbers.
	After Customer
	// Limit is 1 to 1000; 0 means 1000.
	Limit int
}

// CustomerEntry is a customer in a list.
type CustomerEntry struct {
	Customer Customer
	Name     string
	Operator bool
	Viewer   bool
}

// Reload makes the server read its settings and its seed file again, as the signal SIGHUP does. If
// it replaces or removes the credential of the login that asks, the session ends after the reply
// (NoticeRevoked).
type Reload struct{}

// Reloaded is what a Reload has changed.
type Reloaded struct {
	NewInstruments, NewCustomers, WithdrawnCustomers int
	// ChangedCustomers have another name, role or credential, or are withdrawn.
	ChangedCustomers, ChangedCredentials int
	EndedSessions                        int
	// Later are the first 1000 instruments of which something applies at the next start.
	Later []Key
}

// AuditQuery lists commands of operators, newest first.
type AuditQuery struct {
	// Before selects entries with lower numbers; 0 starts with the newest.
	Before uint64
	// Limit is 1 to 1000; 0 means 1000.
	Limit int
	// Customer, unless it is 0, is who has given the commands.
	Customer Customer
	// Command, unless it is empty, is what kind they are, such as deposit.
	Command string
	// From and To, unless they are zero, select From <= Time < To.
	From, To time.Time
}

// AuditEntry is a command of an operator, or of a customer without the role who was refused.
type AuditEntry struct {
	Number   uint64
	Time     time.Time // of the server's clock
	Customer Customer
	Name     string
	Session  uint64
	Address  string
	Command  string
	Text     string // its parameters
	Result   string // OK, or why not
	Message  string // what the reply said
	// Unlisted is how many refused attempts of the customer since its entry before have none.
	Unlisted int
}

// Deposit adds cash to an account.
type Deposit struct {
	Customer Customer
	Amount   Money
	Text     string // for the customer
}

// Withdraw takes free cash out of an account.
type Withdraw struct {
	Customer Customer
	Amount   Money
	Text     string // for the customer
}

// Reset makes an account as it was when it was opened. Its working orders are cancelled, and
// earlier executions can no longer be busted (ReasonBeforeReset).
type Reset struct {
	Customer Customer
	Text     string // for the customer
}

// Fill executes a working order, or a part of it.
type Fill struct {
	Order OrderID
	// Quantity is how much; 0 means all that is left.
	Quantity Quantity
	// Price is at what price; 0 means the last price.
	Price Price
	// Late executes an order that no longer works, as if the execution had crossed its
	// cancellation.
	Late bool
	// History is the history that Order belongs to; see OrderRef.
	History HistoryID
}

// RejectNext rejects the next orders of a customer.
type RejectNext struct {
	Customer Customer
	// Count is how many; 0 ends it.
	Count int
	// Reason is what the orders are rejected with; 0 means ReasonSimulated.
	Reason Reason
}

// Disconnect closes all connections of a customer.
type Disconnect struct {
	Customer Customer
	// AfterPush is the number of the push after which they are closed; 0 means at once.
	AfterPush uint64
}

// HoldPushes holds the pushes to a customer back for a time; then all of them follow.
type HoldPushes struct {
	Customer Customer
	Duration time.Duration
}

// SpoilFIX makes the FIX sessions of a customer misbehave.
type SpoilFIX struct {
	Customer Customer
	// Session is the CompID of one session; "": all of the customer.
	Session string
	Fault   FIXFault
	// Count is how many messages; 0 ends the fault.
	Count int
	// Delay is how long FIXDelay holds messages back.
	Delay time.Duration
}

// Operated is the reply to an Operation. Which fields are set depends on the Operation.
type Operated struct {
	// Time is the market's time when the command was done.
	Time time.Time
	// Count is how many instruments, orders or sessions it has changed.
	Count int
	// Account is the account after Deposit, Withdraw and Reset.
	Account Account
	// Order, Executions and Position are what is there after Fill.
	Order      OrderState
	Executions []Execution
	Position   Position
	// Customers are those after Customers.After, in the order of their numbers. More is true if
	// others follow the last one.
	Customers []CustomerEntry
	More      bool
	// Reloaded is what Reload has changed.
	Reloaded Reloaded
	// Entries are those of AuditQuery, newest first; More is as for Customers.
	Entries []AuditEntry
}

// Operate executes a command of operators. All but Clock need the operator role (else
// ErrForbidden); Customers and AuditQuery may also come from a viewer. The server does not recognise a command that is sent twice: after ErrTimeout, look at the market or
// the account before you send it again.
func (c *Client) Operate(ctx context.Context, o Operation) (Operated, error) {
	var reply pb.OperateReply
	if err := c.send(ctx, codec.CommandOperate, o.request(), &reply); err != nil {
		return Operated{}, err
	}
	done := Operated{
		Time: timeOf(reply.Time), Count: int(reply.Count), Account: accountOf(reply.Account), Order: orderOf(reply.Order),
		Executions: executionsOf(reply.Executions), Position: positionOf(reply.Position), More: reply.More,
	}
	for _, m := range reply.Customers {
		done.Customers = append(done.Customers, CustomerEntry{Customer(m.Customer), m.Name, m.Operator, m.Viewer})
	}
	if r := reply.Reloaded; r != nil {
		done.Reloaded = reloadedOf(r)
	}
	for _, m := range reply.Entries {
		done.Entries = append(done.Entries, AuditEntry{
			Number: m.Number, Time: timeOf(m.Time), Customer: Customer(m.Customer), Name: m.Name, Session: m.Uid, Address: m.Address,
			Command: m.Command, Text: m.Text, Result: m.Result, Message: m.Message, Unlisted: int(m.Unlisted),
		})
	}
	return done, nil
}

func reloadedOf(m *pb.Reloaded) Reloaded {
	r := Reloaded{
		NewInstruments: int(m.NewInstruments), NewCustomers: int(m.NewCustomers), WithdrawnCustomers: int(m.WithdrawnCustomers),
		ChangedCustomers: int(m.ChangedCustomers), ChangedCredentials: int(m.ChangedCredentials), EndedSessions: int(m.EndedSessions),
	}
	for _, key := range m.Later {
		r.Later = append(r.Later, Key{key.Market, key.Code})
	}
	return r
}

func (o Reload) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Reload{Reload: &pb.ReloadCommand{}}}
}

func (o AuditQuery) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Audit{Audit: &pb.AuditCommand{
		Limit: uint32(o.Limit), Before: o.Before, Customer: uint32(o.Customer), Command: o.Command,
		FromTime: nanoseconds(o.From), ToTime: nanoseconds(o.To),
	}}}
}

func (o Customers) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Customers{
		Customers: &pb.CustomersCommand{After: uint32(o.After), Limit: uint32(o.Limit)},
	}}
}

func (o Halt) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Halt{Halt: &pb.HaltCommand{Market: o.Key.Market, Code: o.Key.Code}}}
}

func (o Resume) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Resume{Resume: &pb.HaltCommand{Market: o.Key.Market, Code: o.Key.Code}}}
}

func (o Jump) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Jump{
		Jump: &pb.JumpCommand{Market: o.Key.Market, Code: o.Key.Code, Price: int64(o.Price)},
	}}
}

func (o Step) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Step{Step: &pb.StepCommand{Duration: int64(o.Duration)}}}
}

func (Clock) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Clock{Clock: &pb.ClockCommand{}}}
}

func (o Deposit) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Deposit{Deposit: cashCommand(o.Customer, o.Amount, o.Text)}}
}

func (o Withdraw) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Withdraw{Withdraw: cashCommand(o.Customer, o.Amount, o.Text)}}
}

func (o Reset) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Reset_{Reset_: cashCommand(o.Customer, 0, o.Text)}}
}

func cashCommand(c Customer, amount Money, text string) *pb.CashCommand {
	return &pb.CashCommand{Customer: uint32(c), Amount: int64(amount), Text: text}
}

func (o Fill) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Fill{Fill: &pb.FillCommand{
		OrderId: uint64(o.Order), Quantity: int64(o.Quantity), Price: int64(o.Price), Late: o.Late, HistoryId: o.History.wire(),
	}}}
}

func (o RejectNext) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Reject{
		Reject: &pb.RejectCommand{Customer: uint32(o.Customer), Count: uint32(o.Count), Reason: pb.Reason(o.Reason)},
	}}
}

func (o Disconnect) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Disconnect{
		Disconnect: &pb.DisconnectCommand{Customer: uint32(o.Customer), AfterPush: o.AfterPush},
	}}
}

func (o HoldPushes) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_HoldPushes{
		HoldPushes: &pb.HoldCommand{Customer: uint32(o.Customer), Duration: int64(o.Duration)},
	}}
}

func (o SpoilFIX) request() *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_FixFault{FixFault: &pb.FixFaultCommand{
		Customer: uint32(o.Customer), Session: o.Session, Fault: pb.FixFault(o.Fault), Count: uint32(o.Count), Delay: int64(o.Delay),
	}}}
}
