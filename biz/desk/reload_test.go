package desk_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// reload reloads the test seed with parts replaced. The next start has it, too.
func (d *opened) reload(pairs ...string) (desk.Reloaded, error) {
	d.t.Helper()
	file := edited(d.t, pairs...)
	s, err := seed.Parse("test.json", []byte(file))
	must(d.t, err)
	r, err := d.Reload(s, func(*desk.Account) {})
	if err == nil {
		d.setup.seed = file
	}
	return r, err
}

// TestReloadAdds adds instruments and customers to a running desk and trades with them.
// Whatever remains of the folder, the next start has the same accounts and prices, also if
// the file has the instruments in another order then.
func TestReloadAdds(t *testing.T) {
	const silver = `{"market": "BETA", "code": "300102", "name": "Silver", "last": "3.00"},`
	for _, checkpoint := range []bool{false, true} {
		for _, way := range ways {
			t.Run(fmt.Sprintf("%s, checkpoint %v", way.name, checkpoint), func(t *testing.T) {
				d := open(t, setup{})
				d.buy(bob, rail, 1)
				r, err := d.reload(tinLine, gold+tinLine, aliceLine, dave+aliceLine)
				must(t, err)
				if len(r.Instruments) != 1 || len(r.Customers) != 1 || len(r.Owners)+len(r.Later)+len(r.Withdrawn) != 0 {
					t.Errorf("the reload has changed %+v", r)
				}
				if checkpoint {
					must(t, d.SaveCheckpoint(t.Context()))
				}
				_, err = d.reload(tinLine, silver+tinLine+gold, aliceLine, dave+aliceLine)
				must(t, err)
				ids := make(map[string]ledger.InstrumentID)
				for _, code := range []string{"300101", "300102"} {
					id, ok := d.Market().Find("BETA", code)
					if !ok {
						t.Fatalf("no instrument %s", code)
					}
					ids[code] = id
					d.price(id, 1_0000, 0)
					d.buy(carol, id, 7)
					d.buy(100004, id, 1)
				}
				state := d.StateHash()
				again := open(t, way.do(d))
				if again.StateHash() != state || again.replica(again.setup.seed).StateHash() != state {
					t.Error("the state is another one after the next start")
				}
				for code, want := range ids {
					if id, _ := again.Market().Find("BETA", code); id != want || again.Market().Last(id) != 1_0000 {
						t.Errorf("instrument %s is %d at %s, was %d", code, id, again.Market().Last(id), want)
					}
				}
			})
		}
	}
}

// TestReloadRefused: what may not change is named, and neither the journal nor the memory
// changes.
func TestReloadRefused(t *testing.T) {
	free := uint64(1 << 40)
	cases := []struct {
		name  string
		pairs []string
		low   bool // disk space
		is    error
		says  string
	}{
		{"an instrument is missing", []string{railLine, ""}, false, desk.ErrForeignData, "instrument BETA/300100 is missing"},
		{"tick", []string{`"name": "Tin"`, `"name": "Tin", "tick": "0.05"`}, false, desk.ErrForeignData, "instrument ALFA/600100: tick"},
		{"cash", []string{`"cash": "5000.00"`, `"cash": "5.00"`}, false, desk.ErrForeignData, "customer 100002: cash"},
		{"cash without orders", []string{`"cash": "10000.00"`, `"cash": "5.00"`}, false, desk.ErrNeedsRestart, "customer 100001"},
		{"a customer with orders is missing", []string{"," + "\n    " + carolLine, ""}, false, desk.ErrForeignData, "customer 100003 is missing"},
		{"two customers are missing, one with orders", []string{aliceLine, "", "," + "\n    " + carolLine, ""}, false, desk.ErrForeignData, "customer 100003 is missing"},
		{"a new instrument on a full disk", []string{tinLine, gold + tinLine}, true, desk.ErrDiskLow, "can't be recorded now"},
		{"a new customer on a full disk", []string{aliceLine, dave + aliceLine}, true, desk.ErrDiskLow, "can't be recorded now"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			d := open(t, setup{watermark: 1 << 20, free: func() (uint64, error) { return free, nil }})
			d.buy(bob, rail, 1)
			d.buy(carol, mills, 100)
			must(t, d.Durable(t.Context()))
			if tc.low {
				free = 0
				d.CheckDisk()
				free = 1 << 40 // the next check resumes
			}
			batch, state, owner := d.journal.LastBatch(), d.StateHash(), d.Account(bob).Owner()
			_, err := d.reload(append(tc.pairs, `"name": "Bob"`, `"name": "Robert"`)...)
			if !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v\nwant %s", err, tc.says)
			}
			must(t, d.Durable(t.Context()))
			if d.journal.LastBatch() != batch || d.StateHash() != state || d.Account(bob).Owner() != owner ||
				d.Market().Len() != 3 || len(d.Accounts()) != 3 {
				t.Error("something has changed")
			}
			d.CheckDisk()
			d.buy(alice, tin, 1) // she may still trade
		})
	}
}

// TestReloadOwners: names, roles and credentials change without the journal, also on a full
// disk; what an instrument has besides its key and tick is left to the next start.
func TestReloadOwners(t *testing.T) {
	free := uint64(1 << 40)
	d := open(t, setup{watermark: 1 << 20, free: func() (uint64, error) { return free, nil }})
	free = 0
	d.CheckDisk()
	batch := d.journal.LastBatch()
	r, err := d.reload(`"name": "Bob"`, `"name": "Robert", "role": "operator"`, `"name": "Alice"`,
		`"name": "Alice", "token_sha256": "`+strings.Repeat("ab", 32)+`"`, `"name": "Rail"`, `"name": "Rails", "lot": 10`)
	must(t, err)
	owner := d.Account(bob).Owner()
	if owner.Name != "Robert" || !owner.Operator() || d.Account(alice).Owner().TokenSHA256[0] != 0xab {
		t.Errorf("bob is %+v", owner)
	}
	if len(r.Owners) != 2 || r.Credentials != 1 || len(r.Later) != 1 || r.Later[0].Code != "300100" || d.Market().At(rail).LotSize() != 1 {
		t.Errorf("the reload has changed %+v", r)
	}
	if d.journal.LastBatch() != batch {
		t.Error("the journal has changed")
	}
}

// TestReloadWithdraws: a customer without orders whom the seed lacks has no credential and
// can't trade, until a seed has it again.
func TestReloadWithdraws(t *testing.T) {
	d := open(t, setup{seed: edited(t, `"name": "Alice"`, `"name": "Alice", "role": "operator", "token_sha256": "`+strings.Repeat("ab", 32)+`"`)})
	place := func() (err error) {
		must(t, d.Account(alice).Do(d.turn, func(turn *desk.Turn) {
			order := marketOrder(ledger.Buy, tin, 1, 1)
			_, err = turn.Place(&order)
		}))
		return err
	}
	r, err := d.reload(aliceLine, "")
	must(t, err)
	if owner := d.Account(alice).Owner(); len(r.Withdrawn) != 1 || r.Credentials != 1 || owner.Operator() || owner.TokenSHA256 != [32]byte{} {
		t.Errorf("%+v of %+v", owner, r)
	}
	if err := place(); !errors.Is(err, desk.ErrWithdrawn) {
		t.Errorf("an order of a withdrawn customer: %v", err)
	}
	if r, err = d.reload(aliceLine, "", `"name": "Bob"`, `"name": "B"`); err != nil || len(r.Withdrawn) != 0 || len(r.Owners) != 1 {
		t.Errorf("a second time: %+v, %v", r, err)
	}
	_, err = d.reload()
	must(t, err)
	if err := place(); err != nil {
		t.Errorf("an order of a customer who is back: %v", err)
	}
	if _, err := d.reload(aliceLine, ""); !errors.Is(err, desk.ErrForeignData) {
		t.Errorf("missing with an order: %v", err)
	}
	if err := place(); err != nil {
		t.Errorf("an order after a refused reload: %v", err)
	}
}

// TestReloadFails: if the additions can't be made durable, the desk has none of them.
func TestReloadFails(t *testing.T) {
	d := open(t, setup{maxStore: 4096})
	more, added := "", 0
	for d.Failed() == nil {
		more = fmt.Sprintf(`{"market": "NEW", "code": "%d", "name": "New", "last": "1.00"},`, added) + more
		if _, err := d.reload(tinLine, more+tinLine, aliceLine, fmt.Sprintf(`{"customer": %d, "cash": "1.00"},`, 200_000+added)+aliceLine); err == nil {
			added++
		} else if errors.Is(err, desk.ErrUnavailable) {
			t.Errorf("it was known before: %v", err)
		}
	}
	<-d.fatal
	for range 2 { // now it is known before
		if d.Market().Len() != 3+added || len(d.Accounts()) != 3+added || added == 0 {
			t.Errorf("%d instruments, %d accounts after %d reloads", d.Market().Len(), len(d.Accounts()), added)
		}
		if _, err := d.reload(aliceLine, dave+aliceLine, tinLine, more+tinLine); !errors.Is(err, desk.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
	}
}

// signalled is an Outbound without messages that calls posted for each commit.
type signalled struct{ posted func() }

func (signalled) Len() int             { return 0 }
func (signalled) Size() int            { return 0 }
func (signalled) MoveTo(desk.Outbound) {}
func (s signalled) Post()              { s.posted() }
func (signalled) Discard()             {}

// TestCheckpointDuringReload: a checkpoint between the write of a definition and its use either
// has the definition or is followed by it.
func TestCheckpointDuringReload(t *testing.T) {
	var during atomic.Pointer[func()]
	d := open(t, setup{newOutbound: func() desk.Outbound {
		return signalled{func() {
			if f := during.Swap(nil); f != nil {
				(*f)()
			}
		}}
	}})
	var saving sync.WaitGroup
	save := func() { // the definition is durable, and Reload waits
		started := make(chan struct{})
		saving.Go(func() {
			close(started)
			if err := d.SaveCheckpoint(t.Context()); err != nil {
				t.Error(err)
			}
		})
		<-started
		for range 10_000 { // as far as it comes
			runtime.Gosched()
		}
	}
	during.Store(&save)
	_, err := d.reload(tinLine, gold+tinLine)
	must(t, err)
	saving.Wait()
	if during.Load() != nil {
		t.Fatal("no commit")
	}
	id, _ := d.Market().Find("BETA", "300101")
	d.buy(carol, id, 1)
	state := d.StateHash()
	with := d.setup
	with.dir, with.newOutbound = t.TempDir(), nil
	d.catchUp()
	must(t, os.CopyFS(with.dir, os.DirFS(d.setup.dir)))
	with.seed = edited(t, tinLine, `{"market": "BETA", "code": "300102", "name": "Silver", "last": "3.00"},`+gold+tinLine)
	again := open(t, with)
	if now, _ := again.Market().Find("BETA", "300101"); now != id || again.StateHash() != state {
		t.Errorf("the new instrument is %d, was %d", now, id)
	}
}

// TestReloadWhileTrading: orders in old and new instruments, checkpoints and reloads at the same
// time; then a crash.
func TestReloadWhileTrading(t *testing.T) {
	d := open(t, setup{})
	var done atomic.Bool
	var work sync.WaitGroup
	for _, c := range []ledger.Customer{bob, carol} {
		turn := d.NewTurn()
		work.Go(func() {
			for n := 0; !done.Load(); n++ {
				id := ledger.InstrumentID(n % d.Market().Len())
				_ = d.Account(c).Do(turn, func(turn *desk.Turn) {
					order := marketOrder(ledger.Buy, id, d.Market().At(id).LotSize(), n)
					if n%2 == 0 {
						order = limitOrder(ledger.Buy, id, d.Market().At(id).LotSize(), d.Market().Last(id)-100, n)
					}
					_, _ = turn.Place(&order)
				})
				_ = d.Durable(t.Context()) // one commit for each: few orders
			}
		})
	}
	work.Go(func() {
		for !done.Load() {
			if err := d.SaveCheckpoint(t.Context()); err != nil {
				t.Error(err)
			}
			d.StateHash()
		}
	})
	work.Go(func() { // the newest instruments, as soon as they are there
		for n := 0; !done.Load(); n++ {
			id := ledger.InstrumentID(max(d.Market().Len()-1-n%3, 3))
			err := d.SetPrice(t.Context(), id, ledger.Price(9000+n%2000/100*100), timeOf(n))
			if err != nil && !errors.Is(err, ledger.ErrUnknownInstrument) {
				t.Error(err)
			}
		}
	})
	more, customers := "", ""
	for n := range 20 {
		more = fmt.Sprintf(`{"market": "NEW", "code": "%d", "name": "New", "last": "1.00"},`, n) + more
		customers += fmt.Sprintf(`{"customer": %d, "name": "New", "cash": "1.00"},`, 200_000+n)
		r, err := d.reload(tinLine, more+tinLine, aliceLine, customers+aliceLine, `"name": "Bob"`, fmt.Sprintf(`"name": "Bob %d"`, n))
		must(t, err)
		if len(r.Instruments) != 1 || len(r.Customers) != 1 || len(r.Owners) != 1 {
			t.Errorf("reload %d has changed %+v", n, r)
		}
	}
	done.Store(true)
	work.Wait()
	d.checkBooks()
	state := d.StateHash()
	again := d.crash()
	if again.StateHash() != state || again.Market().Len() != 23 || len(again.Accounts()) != 23 {
		t.Errorf("another state, %d instruments, %d accounts", again.Market().Len(), len(again.Accounts()))
	}
}

// TestReloadWithoutJournal: a desk with another commit log changes in memory only.
func TestReloadWithoutJournal(t *testing.T) {
	d, log := withCommitLog(t, new(post))
	_, err := d.reload(tinLine, gold+tinLine, aliceLine, dave+aliceLine)
	must(t, err)
	if _, err := d.reload(railLine, ""); !errors.Is(err, desk.ErrForeignData) {
		t.Errorf("a missing instrument: %v", err)
	}
	id, _ := d.Market().Find("BETA", "300101")
	d.buy(100004, id, 1)
	if len(log.turns) != 1 {
		t.Errorf("%d turns", len(log.turns))
	}
}
