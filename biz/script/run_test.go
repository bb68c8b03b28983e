package script_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/script"
	"holdfast/biz/simulation"
	"holdfast/codec/pb"
)

// recorder records the events of each account as the journal would have them. It is a
// desk.CommitLog.
type recorder struct {
	mu     sync.Mutex
	events map[ledger.Customer][]byte
	kinds  map[ledger.Kind]int
}

func (r *recorder) Append(t *desk.Turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range t.Events() {
		r.events[e.Customer()] = ledger.AppendEvent(r.events[e.Customer()], &e)
		r.kinds[e.Kind]++
	}
}

func (r *recorder) Accepts() bool                 { return true }
func (r *recorder) Failed() error                 { return nil }
func (r *recorder) Durable(context.Context) error { return nil }
func (r *recorder) Stats() journal.Stats          { return journal.Stats{} }
func (r *recorder) Close(context.Context) error   { return nil }

// sessions records what a script does to the sessions.
type sessions struct{ done []string }

func (s *sessions) Disconnect(c ledger.Customer, after uint64) int {
	s.done = append(s.done, fmt.Sprintf("disconnect %d after %d", c, after))
	return 0
}

func (s *sessions) Hold(c ledger.Customer, d time.Duration) int {
	s.done = append(s.done, fmt.Sprintf("hold %d %s", c, d))
	return 0
}

func (s *sessions) RejectNext(c ledger.Customer, n uint32, reason ledger.Refusal) {
	s.done = append(s.done, fmt.Sprintf("reject %d %d: %s", c, n, reason))
}

func (s *sessions) SpoilFIX(f *pb.FixFaultCommand) int {
	s.done = append(s.done, fmt.Sprintf("%s of %d, %q: %d, %s", f.Fault, f.Customer, f.Session, f.Count, time.Duration(f.Delay)))
	return 1
}

// day is a day of trading by a script.
type day struct {
	t        *testing.T
	desk     *desk.Desk
	sessions sessions
	log      strings.Builder
	runner   *script.Runner
	moved    []desk.MarketEvent // what has happened to the market
	recorder
}

// openDay opens a desk with the demo seed and a preset. Without a log of commits it records
// the events; else they go to the folder.
func openDay(t *testing.T, preset string) *day {
	t.Helper()
	dir := t.TempDir()
	d := &day{t: t, recorder: recorder{events: make(map[ledger.Customer][]byte), kinds: make(map[ledger.Kind]int)}}
	s := demoSeed(t)
	if preset != "" {
		p, err := market.ParsePreset(preset)
		must(t, err)
		for n := range s.Instruments {
			s.Instruments[n].Depth = p.Depth(&s.Instruments[n])
		}
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal")})
	must(t, err)
	h, err := history.Open(t.Context(), history.Options{Path: filepath.Join(dir, "history.db")})
	must(t, err)
	d.desk, err = desk.New(t.Context(), desk.Config{
		Seed: s, Journal: j, History: h, RecentEvents: 4096, Fatal: func(err error) { t.Error(err) }, Log: slog.New(slog.DiscardHandler),
		NewCommitLog: func(desk.CommitLogOptions) desk.CommitLog { return &d.recorder },
		Moved:        func(m desk.MarketEvent) { d.moved = append(d.moved, m) },
	})
	must(t, err)
	must(t, d.desk.Start(desk.Hooks{}))
	t.Cleanup(func() {
		ctx := context.Background()
		must(t, d.desk.Close(ctx))
		must(t, h.Close())
		must(t, j.Close(ctx))
	})
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run executes the script until the end, at a speed, or stepped by the steps if there are
// some, over and over.
func (d *day) run(s *script.Script, end time.Time, speed int64, steps ...time.Duration) {
	d.t.Helper()
	mode := market.VirtualClock
	if len(steps) > 0 {
		mode, speed = market.SteppedClock, 1
	}
	clock, err := market.NewClock(mode, s.Start.UnixNano(), speed)
	must(d.t, err)
	driver := simulation.NewDriver(clock, simulation.Config{Orders: s.Orders, PriceMoves: s.PriceMoves, Random: s.Random}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(d.t.Context())
	d.runner = s.Run(ctx, script.Options{
		Desk: d.desk, Sessions: &d.sessions, At: driver.At, Log: slog.New(slog.NewTextHandler(&d.log, nil)),
	})
	driver.At(end.UnixNano(), cancel)
	var stepping sync.WaitGroup
	if len(steps) > 0 {
		stepping.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := driver.Step(ctx, steps[n%len(steps)]); err != nil && ctx.Err() == nil {
					d.t.Error(err)
				}
			}
		})
	}
	driver.Run(ctx, d.desk)
	stepping.Wait()
}

// shortDay is a script of less than two seconds, with all commands that lead to events.
const shortDay = `{
  "format": 1, "start": "2026-01-05T09:00:00+08:00", "random": 5, "orders_per_second": 150, "price_moves_per_second": 300,
  "events": [
    {"at": "09:00:00", "do": "place", "customer": 100001, "side": "buy", "market": "ALFA", "code": "600100", "quantity": 300, "client_order_id": "a"},
    {"at": "09:00:00.1", "do": "place", "customer": 100001, "side": "sell", "market": "ALFA", "code": "600100", "quantity": 100, "client_order_id": "b"},
    {"at": "09:00:00.2", "do": "correct", "customer": 100001, "market": "ALFA", "code": "600100", "quantity": 90, "price": "10.10", "reason": "typing error"},
    {"at": "09:00:00.3", "do": "bust", "customer": 100001, "execution": 1, "cascade": true, "reopen": true, "reason": "bad"},
    {"at": "09:00:00.3", "do": "place", "customer": 100002, "side": "buy", "market": "ALFA", "code": "600103", "quantity": 500, "price": "12.00", "client_order_id": "c", "time_in_force": "gtd", "expires": "09:00:01.1"},
    {"at": "09:00:00.35", "do": "place", "customer": 100002, "side": "buy", "market": "ALFA", "code": "600103", "quantity": 200, "stop": "15.00", "client_order_id": "d"},
    {"at": "09:00:00.4", "do": "jump", "market": "ALFA", "code": "600103", "price": "15.50"},
    {"at": "09:00:00.5", "do": "fill", "customer": 100002, "client_order_id": "c", "quantity": 100},
    {"at": "09:00:00.6", "do": "halt", "market": "BETA"},
    {"at": "09:00:00.7", "do": "deposit", "customer": 100003, "amount": "12.50", "text": "bonus"},
    {"at": "09:00:00.7", "do": "withdraw", "customer": 100003, "amount": "12.50"},
    {"at": "09:00:00.8", "do": "resume", "market": "BETA"},
    {"at": "09:00:00.9", "do": "place", "customer": 100004, "side": "sell", "market": "BETA", "code": "300108", "quantity": 900, "price": "300.00", "client_order_id": "e"},
    {"at": "09:00:01", "do": "cancel", "customer": 100004, "all": true, "market": "BETA", "code": "300108"},
    {"at": "09:00:01", "do": "fill", "customer": 100004, "order": 1, "quantity": 50, "price": "29.00", "late": true},
    {"at": "09:00:01.2", "do": "reset", "customer": 100003, "text": "again"},
    {"at": "09:00:01.2", "do": "withdraw", "customer": 100003, "amount": "99999999.00"}
  ]
}`

// TestSameEventsAtAnySpeed: a script leads to the same events of every account, byte for byte,
// at the speed of the computer's clock, a thousand times as fast, and in steps of any size.
func TestSameEventsAtAnySpeed(t *testing.T) {
	s, err := script.Parse("day.json", []byte(shortDay), demoSeed(t))
	must(t, err)
	end := s.Start.Add(1500 * time.Millisecond)
	var first *day
	for _, c := range []struct {
		name  string
		speed int64
		steps []time.Duration
	}{
		{"stepped", 0, []time.Duration{time.Millisecond, 17 * time.Millisecond, 300 * time.Microsecond}},
		{"one step", 0, []time.Duration{time.Hour}},
		{"1x", 1, nil},
		{"1000x", 1000, nil},
	} {
		d := openDay(t, "thin")
		d.run(s, end, c.speed, c.steps...)
		if d.runner.Executed() != len(s.Events)-1 || d.runner.Refused() != 1 {
			t.Errorf("%s: %d executed, %d refused\n%s", c.name, d.runner.Executed(), d.runner.Refused(), &d.log)
		}
		if want := `at=day.json:20 time=2026-01-05T09:00:01+08:00 do=withdraw of=100003 error="not enough cash: `; !strings.Contains(d.log.String(), want) {
			t.Errorf("%s: %q is not in the log:\n%s", c.name, want, &d.log)
		}
		if first == nil {
			first = d
			for _, k := range []ledger.Kind{
				ledger.KindFill, ledger.KindBust, ledger.KindAccept, ledger.KindCancel, ledger.KindExpire,
				ledger.KindTrigger, ledger.KindCorrect, ledger.KindDeposit, ledger.KindWithdraw, ledger.KindReset,
			} {
				if d.kinds[k] == 0 {
					t.Errorf("there is no event of kind %d", k)
				}
			}
			continue
		}
		if len(d.events) != len(first.events) {
			t.Errorf("%s: events in %d accounts, want %d", c.name, len(d.events), len(first.events))
		}
		for customer, want := range first.events {
			if !slices.Equal(d.events[customer], want) {
				t.Errorf("%s: other events of %d: %d bytes instead of %d", c.name, customer, len(d.events[customer]), len(want))
			}
		}
	}
}

// TestDividedDay: a script whose customers are on two desks leads to the same events of every account, byte
// for byte, as on one: one desk executes the events of the market, the other one follows it.
func TestDividedDay(t *testing.T) {
	text := strings.Replace(shortDay, `"orders_per_second": 150, `, "", 1)
	s, err := script.Parse("day.json", []byte(text), demoSeed(t))
	must(t, err)
	end := s.Start.Add(2 * time.Second)
	whole := openDay(t, "")
	whole.run(s, end, market.MaxSpeed)
	isFirst := func(c ledger.Customer) bool { return c%2 == 0 } // also the market
	var halves [2]*day
	for n := range halves {
		d := openDay(t, "")
		clock, err := market.NewClock(market.VirtualClock, s.Start.UnixNano(), market.MaxSpeed)
		must(t, err)
		driver := simulation.NewDriver(clock, simulation.Config{PriceMoves: s.PriceMoves, Random: s.Random}, slog.New(slog.DiscardHandler))
		if n == 1 {
			driver = simulation.NewFollower(slog.New(slog.DiscardHandler))
		}
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		d.runner = s.Run(ctx, script.Options{
			Desk: d.desk, Sessions: &d.sessions, At: driver.At, Log: slog.New(slog.DiscardHandler),
			Mine: func(c ledger.Customer) bool { return isFirst(c) == (n == 0) },
		})
		driver.At(end.UnixNano(), cancel)
		if n == 1 && !driver.Follow(halves[0].moved, end.UnixNano(), false) {
			t.Fatal("too many events of the market")
		}
		driver.Run(ctx, d.desk)
		halves[n] = d
	}
	if n, all := halves[0].runner.Executed()+halves[1].runner.Executed(), whole.runner.Executed(); n != all || all < 15 {
		t.Errorf("executed %d events of the script, the whole is %d", n, all)
	}
	for c := ledger.Customer(100001); c <= 100004; c++ {
		d := halves[1]
		if isFirst(c) {
			d = halves[0]
		}
		if len(whole.events[c]) == 0 || !bytes.Equal(d.events[c], whole.events[c]) {
			t.Errorf("%d has other events than on one desk", c)
		}
	}
}

// TestAnotherRandomNumberIsAnotherDay: or the test above would prove nothing.
func TestAnotherRandomNumberIsAnotherDay(t *testing.T) {
	s := demoSeed(t)
	var events [2]map[ledger.Customer][]byte
	for n, random := range []string{`"random": 5`, `"random": 6`} {
		parsed, err := script.Parse("day.json", []byte(strings.Replace(shortDay, `"random": 5`, random, 1)), s)
		must(t, err)
		d := openDay(t, "thin")
		d.run(parsed, parsed.Start.Add(time.Second), 0, time.Hour)
		events[n] = d.events
	}
	same := 0
	for customer := range events[0] {
		if slices.Equal(events[0][customer], events[1][customer]) {
			same++
		}
	}
	if same > len(events[0])/2 {
		t.Errorf("%d of %d accounts have the same events", same, len(events[0]))
	}
}

// TestFaultsOfFIXSessions: each fault comes with what the script says of it, or with the defaults.
func TestFaultsOfFIXSessions(t *testing.T) {
	const text = `{"format": 1, "start": "2026-01-05T09:00:00Z", "events": [
	  {"at": "09:00:01", "do": "fault", "customer": 100001, "fault": "drop"},
	  {"at": "09:00:02", "do": "fault", "customer": 100001, "fault": "delay", "count": 3, "duration": "5s", "session": "T1"},
	  {"at": "09:00:03", "do": "fault", "customer": 100001, "fault": "none"}
	]}`
	s, err := script.Parse("day.json", []byte(text), demoSeed(t))
	must(t, err)
	d := openDay(t, "")
	d.run(s, s.Start.Add(time.Minute), 0, time.Minute)
	want := []string{
		`FIX_FAULT_DROP of 100001, "": 1, 0s`, `FIX_FAULT_DELAY of 100001, "T1": 3, 5s`, `FIX_FAULT_UNSPECIFIED of 100001, "": 1, 0s`,
	}
	if !slices.Equal(d.sessions.done, want) {
		t.Errorf("sessions: %q", d.sessions.done)
	}
}

// TestShippedScripts: the scripts that ship with holdfast run to their end, and no command is
// refused.
func TestShippedScripts(t *testing.T) {
	for _, name := range script.Shipped() {
		t.Run(name, func(t *testing.T) {
			s, err := script.Load(name, demoSeed(t))
			must(t, err)
			d := openDay(t, s.Preset)
			d.run(s, s.Events[len(s.Events)-1].At.Add(time.Hour), 0, time.Minute)
			if d.runner.Executed() != len(s.Events) || d.runner.Refused() != 0 {
				t.Errorf("%d of %d executed, %d refused", d.runner.Executed(), len(s.Events), d.runner.Refused())
				for line := range strings.Lines(d.log.String()) {
					if strings.Contains(line, "WARN") {
						t.Log(line)
					}
				}
			}
			if name == "mistakes" {
				want := []string{"reject 100001 2: not enough cash", "disconnect 100001 after 0", "hold 100001 2m0s"}
				if !slices.Equal(d.sessions.done, want) {
					t.Errorf("sessions: %q", d.sessions.done)
				}
			}
		})
	}
}

// TestJumpStays: the walk of the prices goes on from a jump.
func TestJumpStays(t *testing.T) {
	s, err := script.Parse("day.json", []byte(`{"format": 1, "start": "2026-01-05T09:00:00Z", "price_moves_per_second": 100,
		"events": [{"at": "09:00:01", "do": "jump", "market": "ALFA", "code": "600100", "price": "20.00"}]}`), demoSeed(t))
	must(t, err)
	d := openDay(t, "")
	d.run(s, s.Start.Add(3*time.Second), 0, time.Second)
	id, _ := d.desk.Market().Find("ALFA", "600100")
	if p := d.desk.Market().Last(id); p < 190_000 || p > 210_000 || p == 200_000 {
		t.Errorf("the price is %s two seconds after a jump to 20.00", p)
	}
}

// journaled is a desk whose journal is in a folder.
type journaled struct {
	*desk.Desk
	journal *journal.Journal
	close   func()
}

func openJournaled(t *testing.T, dir string, configure ...func(*desk.Config)) *journaled {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal")})
	must(t, err)
	h, err := history.Open(t.Context(), history.Options{Path: filepath.Join(dir, "history.db")})
	must(t, err)
	checkpoints := filepath.Join(dir, "checkpoints")
	from, unusable, err := checkpoint.Newest(checkpoints, 0)
	must(t, errors.Join(append(unusable, err)...))
	c := desk.Config{
		Checkpoint: from, Checkpoints: checkpoints,
		Seed: demoSeed(t), Journal: j, History: h, Fatal: func(err error) { t.Error(err) }, Log: slog.New(slog.DiscardHandler),
	}
	for _, do := range configure {
		do(&c)
	}
	d, err := desk.New(t.Context(), c)
	must(t, err)
	must(t, d.Start(desk.Hooks{}))
	return &journaled{Desk: d, journal: j, close: func() {
		ctx := context.Background()
		must(t, d.Close(ctx))
		must(t, h.Close())
		must(t, j.Close(ctx))
	}}
}

// run goes on with the script, from where the journal says, for that many of its events.
func (d *journaled) run(t *testing.T, s *script.Script, events int) script.Place {
	t.Helper()
	place, err := s.Enter(d.Desk)
	must(t, err)
	clock, err := market.NewClock(market.SteppedClock, place.Start.UnixNano(), 1)
	must(t, err)
	_, err = clock.Step(time.Hour.Nanoseconds())
	must(t, err)
	driver := simulation.NewDriver(clock, simulation.Config{}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	s.Run(ctx, script.Options{
		Desk: d.Desk, Sessions: &sessions{}, Done: place.Done, Log: slog.New(slog.DiscardHandler),
		At: func(at int64, do func()) {
			driver.At(at, func() {
				if events--; events < 0 {
					cancel()
					return
				}
				do()
			})
		},
	})
	driver.At(s.Start.Add(time.Hour).UnixNano(), cancel)
	driver.Run(ctx, d.Desk)
	return place
}

// entries calls each with the entries of the journal.
func (d *journaled) entries(t *testing.T, each func(batch uint64, e *desk.Entry)) {
	t.Helper()
	must(t, d.Durable(t.Context()))
	must(t, d.journal.Replay(t.Context(), 1, func(at journal.Position, record []byte) error {
		e, err := desk.DecodeEntry(record)
		each(at.Batch, &e)
		return err
	}))
}

func (d *journaled) events(t *testing.T) (all []byte) {
	t.Helper()
	d.entries(t, func(_ uint64, e *desk.Entry) {
		for n := range e.Events {
			all = ledger.AppendEvent(all, &e.Events[n])
		}
	})
	return all
}

// TestPositionIsInTheBatch: of what an event of the script has caused, so that a kill never parts them.
func TestPositionIsInTheBatch(t *testing.T) {
	text := `{"format": 1, "start": "2026-01-05T09:00:00+08:00", "events": [{"at": "09:00", "do": "halt", "market": "BETA"}` +
		strings.Repeat(`, {"at": "09:00:00", "do": "deposit", "customer": 100003, "amount": "1"}`, 40_000) + "]}"
	s, err := script.Parse("day.json", []byte(text), demoSeed(t))
	must(t, err)
	d := openJournaled(t, t.TempDir())
	defer d.close()
	d.run(t, s, 1_000_000)
	events, caused := 0, uint64(0) // the batch of an event whose position has not come yet
	d.entries(t, func(batch uint64, e *desk.Entry) {
		if caused != 0 && batch != caused {
			t.Fatalf("batch %d lacks the position of the script", caused)
		}
		if caused = 0; len(e.Events) > 0 {
			events, caused = events+1, batch
		}
	})
	if events != 40_000 || d.ScriptPosition().Done != len(s.Events) {
		t.Errorf("%d events; the journal ends at %+v", events, d.ScriptPosition())
	}
}

// TestOnceInSpiteOfRestarts: a script that is interrupted after any of its events, also between two
// at the same time, leads to the same events as one that is not.
func TestOnceInSpiteOfRestarts(t *testing.T) {
	text := strings.Replace(shortDay, `"orders_per_second": 150, "price_moves_per_second": 300`, `"orders_per_second": 0`, 1)
	s, err := script.Parse("day.json", []byte(text), demoSeed(t))
	must(t, err)
	whole := openJournaled(t, t.TempDir())
	whole.run(t, s, 1000)
	want := whole.events(t)
	whole.close()
	dir := t.TempDir()
	for n := range s.Events {
		d := openJournaled(t, dir)
		if place := d.run(t, s, 1); place.Done != n || place.Resumed != (n > 0) {
			t.Errorf("start %d: %+v", n+1, place)
		}
		if n%3 == 1 {
			must(t, d.SaveCheckpoint(t.Context()))
		}
		d.close()
	}
	d := openJournaled(t, dir)
	defer d.close()
	if got := d.events(t); !slices.Equal(got, want) {
		t.Errorf("events of %d bytes, want %d", len(got), len(want))
	}
}

// TestScriptWaitsForSpace: while the disk is nearly full, no command of a script is left out.
func TestScriptWaitsForSpace(t *testing.T) {
	s, err := script.Parse("day.json", []byte(`{"format": 1, "start": "2026-01-05T09:00:00Z", "events": [
		{"at": "09:10", "do": "deposit", "customer": 100001, "amount": "1.00"}, {"at": "09:20", "do": "halt", "market": "ALFA"}]}`), demoSeed(t))
	must(t, err)
	var free atomic.Uint64
	d := openJournaled(t, t.TempDir(), func(c *desk.Config) {
		c.DiskWatermark, c.FreeSpace = 100, func() (uint64, error) { return free.Load(), nil }
	})
	defer d.close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.run(t, s, 1000)
	}()
	select {
	case <-done:
		t.Error("the script has ended")
	case <-time.After(50 * time.Millisecond): // if it does not wait, it ends at once
	}
	free.Store(1000)
	d.CheckDisk()
	<-done
	if at := d.ScriptPosition(); at.Done != 2 || !d.Market().Halted(0) || len(d.events(t)) == 0 {
		t.Errorf("the script is at %+v", at)
	}
}

// TestEnter: a script starts at its start, unless the folder is ahead of it.
func TestEnter(t *testing.T) {
	s := demoSeed(t)
	parse := func(text string) *script.Script {
		t.Helper()
		parsed, err := script.Parse("day.json", []byte(text), s)
		must(t, err)
		return parsed
	}
	monday := parse(`{"format": 1, "start": "2026-01-05T09:00:00Z", "events": [{"at": "10:00", "do": "halt", "market": "ALFA"}]}`)
	other := parse(`{"format": 1, "start": "2026-01-05T10:00:00Z"}`)
	tuesday := parse(`{"format": 1, "start": "2026-01-06T09:00:00Z"}`)
	d := openJournaled(t, t.TempDir())
	defer d.close()
	if place := d.run(t, monday, 1000); !place.Start.Equal(monday.Start) || place.Done != 0 || place.Resumed {
		t.Errorf("the first start: %+v", place)
	}
	place, err := monday.Enter(d.Desk)
	if err != nil || !place.Start.Equal(monday.Start.Add(time.Hour)) || place.Done != 1 || !place.Resumed {
		t.Errorf("in the middle: %+v, %v", place, err)
	}
	if _, err := other.Enter(d.Desk); !errors.Is(err, script.ErrFolderIsAhead) ||
		!strings.Contains(err.Error(), "its newest event is from 2026-01-05T10:00:00Z, the script starts at 2026-01-05T10:00:00Z") {
		t.Errorf("another script: %v", err)
	}
	if place := d.run(t, tuesday, 1000); !place.Start.Equal(tuesday.Start) || place.Resumed {
		t.Errorf("the next day: %+v", place)
	}
	if _, err := monday.Enter(d.Desk); !errors.Is(err, script.ErrFolderIsAhead) {
		t.Errorf("the script of the day before: %v", err)
	}
}
