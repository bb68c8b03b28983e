package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/gateway"
	"holdfast/biz/journal"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// audits returns the entries, oldest first.
func (tr *trader) audits(q client.AuditQuery) []client.AuditEntry {
	tr.t.Helper()
	list := tr.operate(q).Entries
	slices.Reverse(list)
	return list
}

// reads are the commands of operators that change nothing, and have no entry.
var reads = []string{"clock", "customers", "audit"}

// TestAudit: every command of an operator has an entry with who, from where, what and how it was
// answered; so has the same command of a customer without the role. A new command without an entry
// fails the test.
func TestAudit(t *testing.T) {
	s := start(t, setup{seed: seedWithViewer(t)})
	her := s.login(alice)
	x := her.buy(tin, 7)
	her.place(client.Order{ClientOrderID: "hers", Side: client.Buy, Key: tin, Quantity: 5, Price: 9_0000})
	type command struct {
		name string
		cmd  codec.Command
		body codec.Body
	}
	commands := []command{
		{"bust", codec.CommandBust, &pb.BustRequest{ExecutionId: uint64(x.ID), Reason: "a typo"}},
		{"correct", codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: uint64(x.ID), Quantity: 1, Price: 9_0000}},
		{"cancel", codec.CommandCancelOrder, &pb.CancelOrderRequest{Customer: uint32(alice), ClientOrderId: "hers"}},
		{"cancel", codec.CommandCancelOrder, &pb.CancelOrderRequest{Customer: uint32(alice), All: true}},
		{"cancel", codec.CommandCancelOrder, &pb.CancelOrderRequest{Everyone: true, All: true}},
		{"deposit", codec.CommandOperate, depositOf(alice, 25_0000)},
	}
	for _, name := range operations() {
		if !slices.Contains(reads, name) {
			commands = append(commands, command{name, codec.CommandOperate, operation(name)})
		}
	}
	w := s.wire()
	w.login(operator)
	want := []string{
		`bust execution_id=100001-1 reason="a typo": OK: executions=1 accounts=1 refused=0`,
		"correct execution_id=100001-1 quantity=1 price=9.0000: REJECTED BUSTED: ",
		"cancel client_order_id=hers customer=100001: OK: orders=1",
		"cancel all=true customer=100001: OK: orders=0",
		"cancel all=true everyone=true: OK: orders=0",
		"deposit customer=100001 amount=25.0000: OK: ",
	}
	for n, c := range commands {
		w.askPast(c.cmd, uint64(10+n), c.body)
	}
	op := s.login(operator)
	list := op.audits(client.AuditQuery{})
	if len(list) != len(commands) {
		t.Fatalf("%d entries of %d commands: %+v", len(list), len(commands), list)
	}
	before := time.Time{}
	for n, e := range list {
		text := strings.TrimSuffix(e.Command+" "+e.Text, " ") + ": " + e.Result + ": " + e.Message
		if e.Command != commands[n].name || n < len(want) && !strings.HasPrefix(text, want[n]) || e.Result == "" {
			t.Errorf("entry %d: %s\nwant %s", n, text, append(want, "")[min(n, len(want))])
		}
		if e.Customer != operator || e.Name != "Operator" || e.Session == 0 || e.Address != w.conn.LocalAddr().String() || !e.Time.After(before) {
			t.Errorf("entry %d: %+v", n, e)
		}
		before = e.Time
	}

	for customer, name := range map[client.Customer]string{bob: "Bob", viewer: "Viewer"} {
		for n, c := range commands[:5] { // of each account a few get an entry
			other := s.wire()
			other.login(customer)
			if r, _ := other.askPast(c.cmd, uint64(10+n), c.body); r != codec.ResultForbidden {
				t.Errorf("%s of %s: %s", c.name, name, r)
			}
		}
		refused := op.audits(client.AuditQuery{Customer: customer})
		wanted := 5
		if customer == viewer {
			wanted = 2 // its cancels are those of one who may not trade at all
		}
		if len(refused) != wanted {
			t.Fatalf("%d entries of %s: %+v", len(refused), name, refused)
		}
		for n, e := range refused {
			if e.Command != commands[n].name || e.Name != name || e.Result != "FORBIDDEN" || !strings.Contains(e.Message, "operator role") {
				t.Errorf("%+v", e)
			}
		}
	}
}

// TestAuditQueries: the filters and the pages, before and after a restart, which keeps the state hash.
func TestAuditQueries(t *testing.T) {
	s := start(t, setup{})
	op := s.login(operator)
	for n := range 7 {
		op.operate(client.Deposit{Customer: alice, Amount: client.Money(n + 1), Text: fmt.Sprint(n)})
	}
	op.operate(client.Halt{Key: tin})
	all := op.audits(client.AuditQuery{})
	hash := s.service.StateHash()
	for range 2 {
		for name, tc := range map[string]struct {
			q    client.AuditQuery
			want []client.AuditEntry
			more bool
		}{
			"all":          {client.AuditQuery{}, all, false},
			"page":         {client.AuditQuery{Limit: 3}, all[5:], true},
			"next page":    {client.AuditQuery{Limit: 3, Before: all[5].Number}, all[2:5], true},
			"last page":    {client.AuditQuery{Limit: 3, Before: all[3].Number}, all[:3], false},
			"customer":     {client.AuditQuery{Customer: alice}, nil, false},
			"command":      {client.AuditQuery{Command: "halt"}, all[7:], false},
			"from":         {client.AuditQuery{From: all[6].Time}, all[6:], false},
			"to":           {client.AuditQuery{To: all[2].Time}, all[:2], false},
			"both":         {client.AuditQuery{Customer: operator, Command: "deposit", From: all[1].Time, To: all[3].Time}, all[1:3], false},
			"before first": {client.AuditQuery{Before: all[0].Number}, nil, false},
		} {
			reply := op.operate(tc.q)
			slices.Reverse(reply.Entries)
			if !slices.Equal(reply.Entries, tc.want) || reply.More != tc.more {
				t.Errorf("%s: %+v, more %v\nwant %+v", name, reply.Entries, reply.More, tc.want)
			}
		}
		s = s.restart()
		op = s.login(operator)
		if s.service.StateHash() != hash {
			t.Error("another state hash")
		}
	}
}

// TestAuditIsDurableWithItsCommand: a batch of the journal that has the effect of a command has its
// entry, too.
func TestAuditIsDurableWithItsCommand(t *testing.T) {
	s := start(t, setup{})
	op := s.login(operator)
	const deposits = 20
	for range deposits {
		op.operate(client.Deposit{Customer: alice, Amount: 1})
	}
	s.stop()
	found := 0
	_, err := journal.Read(t.Context(), journal.ReadOptions{Dir: s.setup.dir + "/journal", Each: func(b *journal.Batch) error {
		events, audits := 0, 0
		for _, record := range b.Records() {
			e, err := desk.DecodeEntry(record)
			if err != nil {
				return err
			}
			if events += len(e.Events); e.Audit != nil {
				audits++
			}
		}
		if found += audits; events != audits {
			t.Errorf("batch %d has %d events and %d audits", b.Number, events, audits)
		}
		return nil
	}})
	if err != nil || found != deposits {
		t.Errorf("%d audits, %v", found, err)
	}
}

// TestAttemptsAreLimited: somebody without the role can't fill the disk with refused commands. Those
// without an entry are counted.
func TestAttemptsAreLimited(t *testing.T) {
	s := start(t, setup{})
	bobs := s.wire()
	bobs.login(bob)
	const tried = 500
	for n := range tried {
		if r, _ := bobs.ask(codec.CommandOperate, uint64(10+n), depositOf(bob, 1)); r != codec.ResultForbidden {
			t.Fatal(r)
		}
	}
	op := s.login(operator)
	if n := len(op.audits(client.AuditQuery{})); n != gateway.AttemptsAtOnce {
		t.Errorf("%d entries of %d attempts, want %d", n, tried, gateway.AttemptsAtOnce)
	}
	var a gateway.Attempts
	now := time.Unix(1e9, 0)
	listed, unlisted := 0, uint32(0)
	for range 1000 {
		if n, ok := a.Allow(1, now); ok {
			listed++
			unlisted += n
		}
	}
	if n, ok := a.Allow(1, now.Add(time.Minute)); !ok || n != 1000-gateway.AttemptsAtOnce || listed != gateway.AttemptsAtOnce || unlisted != 0 {
		t.Errorf("%d listed at once; a minute later %v with %d unlisted", listed, ok, n)
	}
	for customer := range 1000 { // many customers together
		if _, ok := a.Allow(customer+2, now.Add(time.Minute)); ok {
			listed++
		}
	}
	if listed > 2*gateway.AttemptsAtOnce+100 {
		t.Errorf("%d listed", listed)
	}
}

// TestReloadCommand: an operator makes the server reload, and learns what has changed or why nothing
// has. A reload that replaces the operator's own credential answers before it ends the session.
func TestReloadCommand(t *testing.T) {
	type reload func() (gateway.Reloaded, error)
	var next atomic.Value // a reload
	next.Store(reload(func() (gateway.Reloaded, error) { return gateway.Reloaded{}, fmt.Errorf("seed.json:7: key \"x\"") }))
	s := start(t, setup{reload: func() (gateway.Reloaded, error) { return next.Load().(reload)() }})
	op, her := s.login(operator), s.login(alice)
	_, err := op.Operate(t.Context(), client.Reload{})
	if e := refused(t, err); e.Reason != client.ReasonBadSeed || !strings.Contains(e.Message, `seed.json:7: key "x"`) {
		t.Errorf("refused with %v", err)
	}
	with := edited(t, "ALICE", newTokenHash(), `"OPERATOR"`, `"`+newTokenHash()+`"`, `"name": "Bob"`, `"name": "Robert"`)
	next.Store(reload(func() (gateway.Reloaded, error) { return s.service.Gateway.Reload(with) }))
	reply := op.operate(client.Reload{})
	if r := reply.Reloaded; r.ChangedCustomers != 3 || r.ChangedCredentials != 2 || r.EndedSessions != 2 || r.NewCustomers != 0 {
		t.Errorf("%+v", r)
	}
	op.revoked()
	her.revoked()
	again := s.dial()
	_, err = again.Login(t.Context(), operator, newToken)
	must(t, err)
	list := again.audits(client.AuditQuery{Command: "reload"})
	if len(list) != 2 || list[0].Result != "REJECTED BAD_SEED" || list[1].Result != "OK" ||
		list[1].Message != "changed_credentials=2 changed_customers=3 ended_sessions=2" {
		t.Errorf("%+v", list)
	}
}
