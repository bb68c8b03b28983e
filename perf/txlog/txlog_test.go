package txlog_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/engine"
	"holdfast/perf/txlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

const (
	alice    client.Customer = 100001
	operator client.Customer = 900001
)

// patience is how long a test waits for something that must happen.
const patience = time.Minute

// serve starts a server with a transaction for each order until the test ends; fatal
// receives its fatal errors.
func serve(t *testing.T) (s *server.Server, fatal chan error) {
	t.Helper()
	shipped, err := seed.Default()
	must(t, err)
	fatal = make(chan error, 8)
	s, err = server.Start(t.Context(), server.Config{
		Data: t.TempDir(), Seed: shipped, DurableHistory: true, NewCommitLog: txlog.New, EventLoops: 2,
		Listeners: []engine.Listener{{Address: "127.0.0.1:0"}},
		Desk:      desk.Config{Fatal: func(err error) { fatal <- err }},
		Log:       slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() {
		failed := s.Desk.Failed()
		if err := s.Stop(); failed == nil {
			must(t, err)
		}
	})
	return s, fatal
}

// dial logs a customer in on a connection that ends with the test.
func dial(t *testing.T, s *server.Server, who client.Customer, onPush func(client.Push)) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), s.Addrs[0], client.Options{Timeout: patience, HeartbeatInterval: -1, OnPush: onPush})
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	_, err = c.Login(t.Context(), who, client.DemoToken(who))
	must(t, err)
	return c
}

func buyOne(c *client.Client) (client.Placed, error) {
	return c.PlaceOrder(context.Background(), client.Order{
		Side: client.Buy, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 1,
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Several sessions of one account trade at once: each reply and push shows what is in
// the database, and each session gets all pushes in their order.
func TestOrdersAreInTheDatabaseWhenShown(t *testing.T) {
	s, _ := serve(t)
	inDatabase := func(id client.ExecutionID) {
		if _, ok, err := s.History.Execution(context.Background(), uint64(id)); err != nil || !ok {
			t.Errorf("execution %s is shown and not in the database (%v)", id, err)
		}
	}
	const sessions, orders = 3, 20
	var trading, watching sync.WaitGroup
	var clients []*client.Client
	for range sessions {
		watching.Add(sessions * orders)
		pushes := uint64(0)
		clients = append(clients, dial(t, s, alice, func(p client.Push) {
			if p.Sequence != pushes+1 && pushes > 0 {
				t.Errorf("push %d after %d", p.Sequence, pushes)
			}
			pushes = p.Sequence
			if e, ok := p.Event.(client.Execution); ok {
				inDatabase(e.ID)
				watching.Done()
			}
		}))
	}
	for _, c := range clients {
		trading.Go(func() {
			for range orders {
				placed, err := buyOne(c)
				if err != nil {
					t.Error(err)
					return
				}
				inDatabase(placed.Executions[0].ID)
			}
		})
	}
	trading.Wait()
	if !t.Failed() {
		watching.Wait()
	}
	must(t, s.Journal.Replay(t.Context(), 1, func(journal.Position, []byte) error {
		return errors.New("the journal has a record")
	}))
}

func TestBustIsInTheDatabase(t *testing.T) {
	s, _ := serve(t)
	placed, err := buyOne(dial(t, s, alice, nil))
	must(t, err)
	id := placed.Executions[0].ID
	_, err = dial(t, s, operator, nil).Bust(t.Context(), id, "typing error")
	must(t, err)
	row, ok, err := s.History.Execution(t.Context(), uint64(id))
	if err != nil || !ok || !row.Busted || row.BustReason != "typing error" {
		t.Errorf("the database has %+v, %v, %v", row, ok, err)
	}
}

// An order whose transaction fails is never shown, the caller gets the error, and all
// later orders are refused.
func TestFailure(t *testing.T) {
	s, fatal := serve(t)
	executed := make(chan client.Push, 9)
	placing := dial(t, s, alice, nil)
	watching := dial(t, s, alice, func(p client.Push) {
		if _, ok := p.Event.(client.Execution); ok {
			executed <- p
		}
	})
	_, err := buyOne(placing)
	must(t, err)
	<-executed
	inTheWay := history.Fill{ID: uint64(ledger.NewExecutionID(ledger.Customer(alice), 2)), Side: history.Buy, Quantity: 1}
	must(t, s.History.InsertNow(t.Context(), &inTheWay))
	var notice *client.NoticeError
	if _, err := buyOne(placing); !errors.As(err, &notice) {
		t.Errorf("the order was answered: %v", err)
	}
	<-watching.Done()
	if n := len(executed); n != 0 {
		t.Errorf("%d executions pushed after the first", n)
	}
	if err := <-fatal; !errors.Is(err, history.ErrDuplicate) || s.Desk.Failed() == nil {
		t.Errorf("told %v, failed: %v", err, s.Desk.Failed())
	}
	if err := s.Desk.Accepting(); !errors.Is(err, desk.ErrUnavailable) {
		t.Errorf("orders afterwards: %v", err)
	}
	if err := s.Gateway.Drain(t.Context()); err == nil {
		t.Error("drained")
	}
	if len(fatal) > 0 {
		t.Errorf("told once more: %v", <-fatal)
	}
}
