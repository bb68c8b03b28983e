package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// viewer is a customer with the viewer role, which seedWithViewer adds to the test seed.
const viewer client.Customer = 900002

func seedWithViewer(t testing.TB) *seed.Seed {
	t.Helper()
	const last = `"token_sha256": "DAVE"}`
	return edited(t, last, fmt.Sprintf(`%s, {"customer": %d, "name": "Viewer", "role": "viewer", "cash": "1000.00", "token_sha256": "%s",
     "positions": [{"market": "ALFA", "code": "600100", "quantity": 100}]}`, last, viewer, tokenHash(viewer)))
}

// TestRights sends every command as every role. A command without a row fails the test, and so does
// a role without a column.
func TestRights(t *testing.T) {
	s := start(t, setup{seed: seedWithViewer(t)})
	her := s.login(alice)
	x := uint64(her.buy(tin, 7).ID)
	const ok, forbidden, rejected = codec.ResultOK, codec.ResultForbidden, codec.ResultRejected
	his := uint32(alice)
	sell := order(func(r *pb.PlaceOrderRequest) { r.ClientOrderId, r.Side = "", pb.Side_SIDE_SELL })
	rows := []struct {
		name                       string
		cmd                        codec.Command
		body                       codec.Body
		viewer, customer, operator codec.Result
		needs                      string // what the text of FORBIDDEN says
	}{
		{"conn", codec.CommandConn, nil, ok, ok, ok, ""},
		{"FIX", codec.CommandFIX, nil, codec.ResultUnknownCommand, codec.ResultUnknownCommand, codec.ResultUnknownCommand, ""},
		{"submit", codec.CommandSubmit, nil, ok, ok, ok, ""},
		{"heartbeat", codec.CommandHeartbeat, nil, ok, ok, ok, ""},
		{"login as another", codec.CommandLogin, &pb.LoginRequest{Customer: his, Credential: &pb.LoginRequest_Token{Token: demoToken(alice)}}, forbidden, forbidden, forbidden, "another customer"},
		{"positions", codec.CommandPositions, nil, ok, ok, ok, ""},
		{"another's positions", codec.CommandPositions, &pb.PositionsRequest{Customer: his}, ok, forbidden, ok, "the operator or viewer role"},
		{"orders", codec.CommandOrders, nil, ok, ok, ok, ""},
		{"another's orders", codec.CommandOrders, &pb.OrdersRequest{Customer: his}, ok, forbidden, ok, "the operator or viewer role"},
		{"another's order history", codec.CommandOrders, &pb.OrdersRequest{Customer: his, History: true}, ok, forbidden, ok, "the operator or viewer role"},
		{"history", codec.CommandHistory, nil, ok, ok, ok, ""},
		{"another's history", codec.CommandHistory, &pb.HistoryRequest{Customer: his}, ok, forbidden, ok, "the operator or viewer role"},
		{"quotes", codec.CommandQuotes, nil, ok, ok, ok, ""},
		{"chat", codec.CommandChat, &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_WHO, Room: "r"}, ok, ok, ok, ""},

		{"sell", codec.CommandPlaceOrder, sell, forbidden, ok, rejected, "the customer or operator role"},
		{"order that can't be", codec.CommandPlaceOrder, order(func(r *pb.PlaceOrderRequest) { r.Quantity = 0 }), forbidden, rejected, rejected, "the customer or operator role"},
		{"cancel", codec.CommandCancelOrder, &pb.CancelOrderRequest{ClientOrderId: "x"}, forbidden, rejected, rejected, "the customer or operator role"},
		{"cancel all", codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true}, forbidden, ok, ok, "the customer or operator role"},
		{"another's cancel all", codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Customer: his}, forbidden, forbidden, ok, "operator role"},
		{"everyone's cancel all", codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Everyone: true}, forbidden, forbidden, ok, "operator role"},
		{"replace", codec.CommandReplaceOrder, &pb.ReplaceOrderRequest{ClientOrderId: "x", Quantity: 9}, forbidden, rejected, rejected, "the customer or operator role"},
		{"bust", codec.CommandBust, &pb.BustRequest{ExecutionId: x, Reason: "test"}, forbidden, forbidden, ok, "the operator role"},
		{"bust, dry run", codec.CommandBust, &pb.BustRequest{ExecutionId: x, Reason: "test", DryRun: true}, forbidden, forbidden, ok, "the operator role"},
		{"correct, dry run", codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: x, Quantity: 1, Price: 1, DryRun: true}, forbidden, forbidden, rejected, "the operator role"},
		{"correct", codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: x, Quantity: 1, Price: 1}, forbidden, forbidden, rejected, "the operator role"},

		{"operate nothing", codec.CommandOperate, nil, forbidden, forbidden, codec.ResultMalformed, "the operator role"},
		{"clock", codec.CommandOperate, operation("clock"), ok, ok, ok, ""},
		{"customers", codec.CommandOperate, operation("customers"), ok, forbidden, ok, "the operator or viewer role"},
		{"audit", codec.CommandOperate, operation("audit"), ok, forbidden, ok, "the operator or viewer role"},
		{"halt", codec.CommandOperate, operation("halt"), forbidden, forbidden, ok, "the operator role"},
		{"resume", codec.CommandOperate, operation("resume"), forbidden, forbidden, ok, "the operator role"},
		{"jump", codec.CommandOperate, operation("jump"), forbidden, forbidden, rejected, "the operator role"},
		{"step", codec.CommandOperate, operation("step"), forbidden, forbidden, rejected, "the operator role"},
		{"deposit", codec.CommandOperate, depositOf(alice, 1), forbidden, forbidden, ok, "the operator role"},
		{"withdraw", codec.CommandOperate, operation("withdraw"), forbidden, forbidden, rejected, "the operator role"},
		{"reset", codec.CommandOperate, operation("reset"), forbidden, forbidden, rejected, "the operator role"},
		{"fill", codec.CommandOperate, operation("fill"), forbidden, forbidden, rejected, "the operator role"},
		{"reject", codec.CommandOperate, operation("reject"), forbidden, forbidden, rejected, "the operator role"},
		{"disconnect", codec.CommandOperate, operation("disconnect"), forbidden, forbidden, rejected, "the operator role"},
		{"hold_pushes", codec.CommandOperate, operation("hold_pushes"), forbidden, forbidden, rejected, "the operator role"},
		{"fix_fault", codec.CommandOperate, operation("fix_fault"), forbidden, forbidden, rejected, "the operator role"},
		{"reload", codec.CommandOperate, operation("reload"), forbidden, forbidden, rejected, "the operator role"},
		{"logout", codec.CommandLogout, nil, ok, ok, ok, ""},
	}

	if n := len(seed.Roles()); n != 3 {
		t.Errorf("%d roles and 3 columns", n)
	}
	listed := map[string]bool{}
	for _, row := range rows {
		listed[row.cmd.String()] = true
		if r, is := row.body.(*pb.OperateRequest); is {
			listed[commandIn(r)] = true
		}
	}
	for n := range 0x40 {
		if name := codec.Command(n).String(); !strings.HasPrefix(name, "0x") && !listed[name] {
			t.Errorf("the command %s has no row", name)
		}
	}
	for _, name := range operations() {
		if !listed[name] {
			t.Errorf("the command %s of operators has no row", name)
		}
	}

	before := s.service.StateHash()
	for _, role := range []struct {
		customer client.Customer
		want     func(int) codec.Result
	}{
		{viewer, func(n int) codec.Result { return rows[n].viewer }},
		{bob, func(n int) codec.Result { return rows[n].customer }},
		{operator, func(n int) codec.Result { return rows[n].operator }},
	} {
		w := s.wire()
		w.login(role.customer)
		for n, row := range rows {
			r, body := w.askPast(row.cmd, uint64(n+10), row.body)
			if r != role.want(n) {
				t.Errorf("%s as %d: %s, want %s: %q", row.name, role.customer, r, role.want(n), body)
			}
			var refused pb.Error
			if r == forbidden && (refused.UnmarshalVT(body) != nil || !strings.Contains(refused.Message, row.needs)) {
				t.Errorf("%s as %d: FORBIDDEN %q, want one with %q", row.name, role.customer, refused.Message, row.needs)
			}
		}
		if role.customer == viewer && (s.service.StateHash() != before || s.service.Market().Halted(tinID)) {
			t.Error("a viewer has changed something")
		}
	}
}

// askPast is ask for a session that may get pushes before the reply.
func (w *wire) askPast(cmd codec.Command, id uint64, body codec.Body) (codec.Result, []byte) {
	w.t.Helper()
	w.send(cmd, id, body)
	m := w.next()
	for m.Command.IsPush() {
		m = w.next()
	}
	if m.Command != cmd.Reply() || m.ID != id {
		w.t.Fatalf("%s %d, want the reply to %s %d", m.Command, m.ID, cmd, id)
	}
	return codec.Result(m.Body[0]), m.Body[1:]
}

// operations returns the names of the commands of operators, and operation one without parameters.
func operations() (names []string) {
	fields := new(pb.OperateRequest).ProtoReflect().Descriptor().Fields()
	for n := range fields.Len() {
		names = append(names, string(fields.Get(n).Name()))
	}
	return names
}

func operation(name string) *pb.OperateRequest {
	r := new(pb.OperateRequest)
	m := r.ProtoReflect()
	field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	m.Set(field, m.NewField(field))
	return r
}

func commandIn(r *pb.OperateRequest) (name string) {
	r.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		name = string(f.Name())
		return false
	})
	return name
}

// TestViewerReads: a viewer sees every account as an operator does, and who it is itself.
func TestViewerReads(t *testing.T) {
	s := start(t, setup{seed: seedWithViewer(t)})
	her := s.login(alice)
	x := her.buy(tin, 7)
	her.place(client.Order{ClientOrderID: "hers", Side: client.Buy, Key: tin, Quantity: 5, Price: 9_0000})
	looks := s.dial()
	own, err := looks.Login(t.Context(), viewer, client.DemoToken(viewer))
	must(t, err)
	if a := own.Account; !a.Viewer || a.Operator || a.Customer != viewer {
		t.Errorf("the viewer is %+v", a)
	}
	positions, err := looks.PositionsOf(t.Context(), alice)
	must(t, err)
	orders, err := looks.Orders(t.Context(), alice)
	must(t, err)
	history, err := looks.History(t.Context(), client.HistoryQuery{Customer: alice})
	must(t, err)
	customers, err := looks.Operate(t.Context(), client.Customers{})
	must(t, err)
	if len(positions.Positions) != 1 || len(orders.Orders) != 1 || len(history.Executions) != 1 || history.Executions[0].ID != x.ID {
		t.Errorf("positions %+v, orders %+v, history %+v", positions, orders, history)
	}
	if n := len(customers.Customers); n != 6 || !customers.Customers[n-1].Viewer || customers.Customers[n-2].Viewer {
		t.Errorf("customers %+v", customers.Customers)
	}
}

// TestBecomesViewer: a reload of the seed changes the role of sessions that are logged in, also for an
// order that waits for its time.
func TestBecomesViewer(t *testing.T) {
	s := start(t, worldOf(t, []string{"directives"}))
	op, her := s.login(operator), s.wire()
	her.login(alice)
	her.send(codec.CommandPlaceOrder, 7, delayed("slow", 10*time.Second))
	s.waits(1)
	s.reload(`"name": "Alice",`, `"name": "Alice", "role": "viewer", "directives": true,`)
	op.step(20 * time.Second)
	if r, body := her.reply(codec.CommandPlaceOrder, 7); r != codec.ResultForbidden || !strings.Contains(string(body), "customer or operator role") {
		t.Errorf("the order that waited: %s %q", r, body)
	}
	if r, _ := her.ask(codec.CommandPlaceOrder, 9, order(func(r *pb.PlaceOrderRequest) { r.ClientOrderId = "next" })); r != codec.ResultForbidden {
		t.Errorf("the next order: %s", r)
	}
	if n := s.service.Account(ledger.Customer(alice)); n.Owner().Role != seed.RoleViewer {
		t.Errorf("alice is %s", n.Owner().Role)
	}
	s.reload()
	if r, body := her.ask(codec.CommandPlaceOrder, 10, order(func(r *pb.PlaceOrderRequest) { r.ClientOrderId = "again" })); r != codec.ResultOK {
		t.Errorf("as a customer again: %s %q", r, body)
	}
}
