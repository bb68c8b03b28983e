//go:build gate

package main_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/biz/client"
)

// The fault: the server is killed with SIGKILL at random moments while customers
// trade and an operator busts. The promise: what was acknowledged is there, once,
// and positions equal the sum of the executions that are not busted.
//
// HOLDFAST_KILL_ROUNDS sets the rounds (default 20), HOLDFAST_SEED the random
// seed of a run to repeat.
func TestGateKill(t *testing.T) {
	rounds, seed := envInt(t, "HOLDFAST_KILL_ROUNDS", 20), uint64(envInt(t, "HOLDFAST_SEED", int(time.Now().UnixNano()%1e9)))
	t.Logf("seed %d", seed)
	k := &killRun{t: t, random: rand.New(rand.NewPCG(seed, 0)), data: t.TempDir()}
	for i := range 16 {
		k.traders = append(k.traders, newTrader(client.Customer(100_001+i), seed))
	}
	k.serve()
	for _, tr := range k.traders {
		tr.rememberStart(t, k.addr)
	}
	for round := range rounds {
		k.loadAndKill()
		k.serve()
		if round%5 == 4 || round == rounds-1 {
			k.verify()
		}
	}
	k.kill()
	total, again, unknown, busts := 0, 0, 0, 0
	for _, tr := range k.traders {
		total += len(tr.acked)
		again += tr.duplicates
		unknown += tr.resent
		busts += len(tr.busted)
	}
	t.Logf("%d rounds: %d orders and %d busts acknowledged; %d orders of unknown outcome sent again, %d of them had been accepted", rounds, total, busts, unknown, again)
	if total < rounds*20 || busts == 0 || unknown == 0 {
		t.Error("too little happened for the run to show anything")
	}
}

func envInt(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

type killRun struct {
	t       *testing.T
	random  *rand.Rand
	data    string
	addr    string
	server  *exec.Cmd
	traders []*trader
}

// serve starts the server on the data folder and waits for its first line.
func (k *killRun) serve() {
	k.t.Helper()
	k.server = exec.Command(os.Args[0], "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", k.data)
	k.server.Env = append(os.Environ(), "HOLDFAST_TEST_AS_PROGRAM=1")
	var stderr strings.Builder
	k.server.Stderr = &stderr
	out, err := k.server.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := k.server.Start(); err != nil {
		k.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, after, ok := strings.Cut(line, "serving on "); err == nil && ok {
		k.addr, _, _ = strings.Cut(after, ",")
		return
	}
	k.kill()
	k.t.Fatalf("the server did not start: %v\n%s%s", err, line, stderr.String())
}

func (k *killRun) kill() {
	if err := k.server.Process.Kill(); err != nil {
		k.t.Error(err)
	}
	_ = k.server.Wait()
}

// loadAndKill lets everybody trade and kills the server in the middle of it.
func (k *killRun) loadAndKill() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	operator, err := client.Dial(ctx, k.addr, client.Options{})
	if err != nil {
		k.t.Fatal(err)
	}
	defer operator.Close()
	if _, err := operator.Login(ctx, 900_001, client.DemoToken(900_001)); err != nil {
		k.t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, tr := range k.traders {
		wg.Go(func() { tr.trade(ctx, k.t, k.addr, operator) })
	}
	time.Sleep(time.Duration(100+k.random.IntN(400)) * time.Millisecond)
	k.kill()
	wg.Wait()
}

// verify compares what the server has with what the traders were told.
func (k *killRun) verify() {
	var wg sync.WaitGroup
	for _, tr := range k.traders {
		wg.Go(func() { tr.verify(k.t, k.addr) })
	}
	wg.Wait()
}

type ack struct {
	execution client.Execution
}

// trader is one customer with a ledger of what the server acknowledged.
type trader struct {
	customer client.Customer
	random   *rand.Rand

	mu         sync.Mutex
	start      map[client.Key]client.Quantity
	keys       []client.Key
	next       int
	sent       map[string]bool
	acked      map[string]ack
	open       []client.Order // outcome unknown
	busted     map[client.ExecutionID]bool
	maybe      map[client.ExecutionID]bool // a bust without an answer
	resent     int
	duplicates int
}

func newTrader(c client.Customer, seed uint64) *trader {
	return &trader{
		customer: c, random: rand.New(rand.NewPCG(seed, uint64(c))), start: map[client.Key]client.Quantity{},
		sent: map[string]bool{}, acked: map[string]ack{},
		busted: map[client.ExecutionID]bool{}, maybe: map[client.ExecutionID]bool{},
	}
}

func (tr *trader) dial(ctx context.Context, addr string) (*client.Client, client.Snapshot, error) {
	c, err := client.Dial(ctx, addr, client.Options{})
	if err != nil {
		return nil, client.Snapshot{}, err
	}
	s, err := c.Login(ctx, tr.customer, client.DemoToken(tr.customer))
	if err != nil {
		c.Close()
	}
	return c, s, err
}

func (tr *trader) rememberStart(t *testing.T, addr string) {
	c, s, err := tr.dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, p := range s.Positions {
		tr.start[p.Key] = p.Quantity
	}
	instruments, err := c.Quotes(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range instruments[:5] {
		tr.keys = append(tr.keys, i.Key)
	}
}

// trade sends again what has no answer, then new orders, from four goroutines,
// until the connection dies.
func (tr *trader) trade(ctx context.Context, t *testing.T, addr string, operator *client.Client) {
	c, _, err := tr.dial(ctx, addr)
	if err != nil {
		return // killed meanwhile
	}
	defer c.Close()
	tr.mu.Lock()
	open := tr.open
	tr.open = nil
	tr.mu.Unlock()
	for i, o := range open {
		if !tr.place(ctx, t, c, operator, o, true) {
			tr.mu.Lock()
			tr.open = append(tr.open, open[i+1:]...)
			tr.mu.Unlock()
			return
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for tr.place(ctx, t, c, operator, tr.newOrder(), false) {
			}
		})
	}
	wg.Wait()
}

func (tr *trader) newOrder() client.Order {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.next++
	o := client.Order{
		ClientOrderID: fmt.Sprintf("%d/%d", tr.customer, tr.next),
		Side:          client.Buy,
		Key:           tr.keys[tr.random.IntN(len(tr.keys))],
		Quantity:      client.Quantity(1 + tr.random.IntN(100)),
	}
	if tr.random.IntN(2) == 0 {
		o.Side = client.Sell
	}
	tr.sent[o.ClientOrderID] = true
	return o
}

// place sends one order and notes the answer; false when the connection is over.
func (tr *trader) place(ctx context.Context, t *testing.T, c, operator *client.Client, o client.Order, again bool) bool {
	placed, err := c.PlaceOrder(ctx, o)
	tr.mu.Lock()
	if again {
		tr.resent++
	}
	var refused *client.Error
	switch {
	case err == nil:
		x := placed.Executions[0]
		if x.Quantity != o.Quantity || x.Side != o.Side || x.Key != o.Key {
			t.Errorf("order %v was executed as %v", o, x)
		}
		tr.acked[o.ClientOrderID] = ack{execution: x}
		if placed.Duplicate {
			tr.duplicates++
			if !again {
				t.Errorf("%s is a duplicate although it was sent once", o.ClientOrderID)
			}
		}
	case errors.As(err, &refused) && errors.Is(err, client.ErrRejected): // not enough shares, say
	default:
		tr.open = append(tr.open, o)
		tr.mu.Unlock()
		return false
	}
	bust := err == nil && tr.random.IntN(40) == 0
	tr.mu.Unlock()
	if bust {
		tr.bust(ctx, operator, placed.Executions[0].ID)
	}
	return true
}

func (tr *trader) bust(ctx context.Context, operator *client.Client, id client.ExecutionID) {
	_, err := operator.Bust(ctx, id, "kill test")
	tr.mu.Lock()
	defer tr.mu.Unlock()
	switch {
	case err == nil:
		tr.busted[id] = true
	case !errors.Is(err, client.ErrRejected):
		tr.maybe[id] = true
	}
}

// verify reads the whole history and the positions.
func (tr *trader) verify(t *testing.T, addr string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, snapshot, err := tr.dial(ctx, addr)
	if err != nil {
		t.Errorf("%d: %v", tr.customer, err)
		return
	}
	defer c.Close()
	byOrder := map[string]client.Execution{}
	sum := map[client.Key]client.Quantity{}
	for k, q := range tr.start {
		sum[k] = q
	}
	next := client.ExecutionID(0)
	for {
		page, err := c.History(ctx, client.HistoryQuery{Before: next, Limit: 1000})
		if err != nil {
			t.Errorf("%d: history: %v", tr.customer, err)
			return
		}
		for _, x := range page.Executions {
			if next != 0 && x.ID != next-1 {
				t.Errorf("history goes from %v to %v", next, x.ID)
			}
			next = x.ID
			tr.check(t, x, byOrder, sum)
		}
		if !page.More {
			break
		}
	}
	if next != 0 && next.Number() != 1 {
		t.Errorf("history ends at %v", next)
	}
	tr.compare(t, byOrder, sum, snapshot)
}

func (tr *trader) check(t *testing.T, x client.Execution, byOrder map[string]client.Execution, sum map[client.Key]client.Quantity) {
	if !tr.sent[x.ClientOrderID] {
		t.Errorf("%v has order %q, which nobody sent", x.ID, x.ClientOrderID)
	}
	if first, twice := byOrder[x.ClientOrderID]; twice {
		t.Errorf("order %q was executed twice: %v and %v", x.ClientOrderID, first.ID, x.ID)
	}
	byOrder[x.ClientOrderID] = x
	if x.Busted != tr.busted[x.ID] && !tr.maybe[x.ID] {
		t.Errorf("%v busted: %v, acknowledged: %v", x.ID, x.Busted, tr.busted[x.ID])
	}
	switch {
	case x.Busted:
	case x.Side == client.Buy:
		sum[x.Key] += x.Quantity
	default:
		sum[x.Key] -= x.Quantity
	}
}

func (tr *trader) compare(t *testing.T, byOrder map[string]client.Execution, sum map[client.Key]client.Quantity, s client.Snapshot) {
	for id, a := range tr.acked {
		if x, ok := byOrder[id]; !ok || x.ID != a.execution.ID || x.Price != a.execution.Price || x.Quantity != a.execution.Quantity {
			t.Errorf("acknowledged order %q (%v) is lost: %v", id, a.execution.ID, x)
		}
	}
	for _, p := range s.Positions {
		if p.Quantity != sum[p.Key] {
			t.Errorf("%d holds %d of %v, its executions make %d", tr.customer, p.Quantity, p.Key, sum[p.Key])
		}
		delete(sum, p.Key)
	}
	for k, q := range sum {
		if q != 0 {
			t.Errorf("%d holds no %v, its executions make %d", tr.customer, k, q)
		}
	}
}
