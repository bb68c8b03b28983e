package inspect_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/server"
	"holdfast/cmd/holdfast/inspect"
	"holdfast/engine"
)

// manyParts is how many executions an order of a trimming server has.
const manyParts = 400

// trimming is a server that saves checkpoints and trims its journal if it is asked to.
type trimming struct {
	t    *testing.T
	data string
	*server.Server
	last ledger.ExecutionID // newest execution
	n    int
}

// startTrimming starts a server that saves checkpoints and trims its journal all the time; with keep 0
// only the test and the stop save checkpoints.
func startTrimming(t *testing.T, data string, keep int64) *trimming {
	t.Helper()
	interval := 20 * time.Millisecond
	if keep == 0 {
		interval = time.Hour
	}
	s, err := server.Start(t.Context(), server.Config{
		Data: data, Seed: shippedSeed(t), Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler),
		Desk: desk.Config{CheckpointInterval: interval, Keep: desk.Retention{Bytes: keep}},
	})
	must(t, err)
	return &trimming{t: t, data: data, Server: s}
}

// place executes an order of one customer in parts; a limit order rests.
func (s *trimming) place(customer ledger.Customer, side ledger.Side, parts int, limit ledger.Price) {
	s.t.Helper()
	s.n++
	var failed error
	must(s.t, s.Desk.Account(customer).Do(s.Desk.NewTurn(), func(visit *desk.Turn) {
		visit.Parts = parts
		o := ledger.NewOrder{Side: side, Type: ledger.Market, TimeInForce: ledger.Day, Quantity: ledger.Quantity(parts), Terms: ledger.Terms{Time: time.Now().UnixNano()}}
		if limit != 0 {
			o.Type, o.TimeInForce, o.Price = ledger.Limit, ledger.GoodTillCancelled, limit
		}
		events, err := visit.Place(&o)
		failed = err
		for i := range events {
			if events[i].Kind == ledger.KindFill {
				s.last = events[i].Execution.ID
			}
		}
	}))
	must(s.t, errors.Join(failed, s.Desk.Durable(s.t.Context())))
}

// bust busts an execution.
func (s *trimming) bust(id ledger.ExecutionID) {
	s.t.Helper()
	ids := []ledger.ExecutionID{id}
	must(s.t, s.Desk.WithPast(context.Background(), s.Desk.Account(id.Customer()), s.Desk.NewTurn(), ids, func(visit *desk.Turn, past ledger.Past) {
		b := ledger.Bust{Executions: ids, Reason: "now", Past: past, Terms: ledger.Terms{Time: time.Now().UnixNano()}}
		if _, err := visit.Bust(&b); err != nil {
			s.t.Error(err)
		}
	}))
}

// trade trades until the journal was trimmed once more, with an order that rests in between.
func (s *trimming) trade() {
	s.t.Helper()
	for before := s.Journal.FirstBatch(); s.Journal.FirstBatch() == before; {
		s.place(empty, ledger.Buy, manyParts, 0)
		s.place(empty, ledger.Sell, manyParts, 0)
		if s.n%200 == 0 {
			s.place(holder, ledger.Buy, 7, 1_0000)
		}
		must(s.t, s.t.Context().Err())
	}
}

// stop waits until the newest checkpoint has everything, stops the server and returns the hash of
// the accounts.
func (s *trimming) stop() string {
	s.t.Helper()
	must(s.t, s.Desk.SaveCheckpoint(s.t.Context()))
	hash := s.Desk.StateHash()
	must(s.t, s.Stop())
	return hex.EncodeToString(hash[:])
}

// TestVerifyFromACheckpoint: the accounts of a trimmed journal are rebuilt from the oldest
// checkpoint. Positions that need executions from before are counted.
func TestVerifyFromACheckpoint(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := startTrimming(t, data, 1)
	s.place(empty, ledger.Buy, 3, 0)
	old := s.last
	s.place(holder, ledger.Buy, 10, 1_0000)
	s.trade()
	s.trade()
	must(t, s.Desk.SaveCheckpoint(t.Context()))
	s.place(empty, ledger.Sell, 1, 0)
	for range 2 { // then no later checkpoint is the oldest one
		s.place(empty, ledger.Buy, 2, 0)
	}
	recent := s.last
	s.bust(old)
	s.bust(recent)
	hash := s.Desk.StateHash()
	must(t, s.Stop())

	v, err := inspect.Verify(t.Context(), data, shippedSeed(t), unseen)
	must(t, err)
	if v.StateHash != hex.EncodeToString(hash[:]) || v.FirstBatch <= 1 || v.From < v.FirstBatch || v.Refolded+v.Unrefolded == 0 || v.Seed != "" {
		t.Errorf("%+v", v)
	}
	if n := len(v.Checkpoints); n != 2 || v.From != v.Checkpoints[1].Batch || v.Unusable != nil {
		t.Errorf("%+v", v)
	}
	for _, want := range []string{
		": sound\n", fmt.Sprintf("batch %d: those before it were trimmed\n", v.FirstBatch), fmt.Sprintf("checkpoint    batch %d, ", v.Checkpoints[0].Batch),
		"; the accounts were rebuilt from it\n",
	} {
		if !strings.Contains(v.String(), want) {
			t.Errorf("%q is missing:\n%s", want, v)
		}
	}
	dumped := ""
	must(t, inspect.Dump(t.Context(), data, shippedSeed(t), inspect.Query{From: v.From + 1, To: v.From + 1}, func(r inspect.Record) error {
		dumped += r.String()
		return nil
	}))
	if !strings.Contains(dumped, "ALFA/600100") {
		t.Errorf("an instrument that was defined before the trim has no name: %s", dumped)
	}
}

// TestVerifyChecksCheckpoints: each checkpoint must be undamaged, and have the accounts that the
// journal makes. The report of the journal is there nevertheless.
func TestVerifyChecksCheckpoints(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := startTrimming(t, data, 0)
	s.place(empty, ledger.Buy, 3, 0)
	must(t, s.Desk.SaveCheckpoint(t.Context()))
	s.place(holder, ledger.Buy, 3, 0)
	must(t, s.Desk.SaveCheckpoint(t.Context()))
	s.place(empty, ledger.Sell, 3, 0)
	hash := s.stop()
	folder := filepath.Join(data, "checkpoints")
	all, _, err := checkpoint.All(folder)
	must(t, err)
	whole, err := os.ReadFile(all[0].Path)
	must(t, err)
	verify := func(want string) {
		t.Helper()
		v, err := inspect.Verify(t.Context(), data, shippedSeed(t), unseen)
		if want == "" {
			must(t, err)
		} else if !errors.Is(err, inspect.ErrCheckpoints) || !strings.Contains(err.Error(), want) || len(v.Unusable) != 1 {
			t.Fatalf("%v; want %q", err, want)
		}
		if v.StateHash != hash || v.FirstBatch != 1 || v.From != 0 || len(v.Checkpoints)+len(v.Unusable) != 2 {
			t.Errorf("%+v", v)
		}
	}
	verify("")
	for at := 0; at < len(whole); at += len(whole)/40 + 1 {
		damaged := slices.Clone(whole)
		damaged[at] ^= 4
		must(t, os.WriteFile(all[0].Path, damaged, 0o600))
		verify(all[0].Path)
	}
	must(t, os.WriteFile(all[0].Path, whole[:len(whole)-5], 0o600))
	verify(all[0].Path + ": it ends at byte ")

	// A good file with other accounts, one with another batch, and one that is ahead.
	type section struct {
		key     uint32
		content []byte
	}
	var sections []section
	must(t, os.WriteFile(all[0].Path, whole, 0o600))
	must(t, all[0].Sections(func(key uint32, content []byte) error {
		sections = append(sections, section{key, slices.Clone(content)})
		return nil
	}))
	save := func(c checkpoint.Checkpoint, sections []section) {
		t.Helper()
		w, err := checkpoint.Create(folder, c.Point, c.Log)
		must(t, err)
		for _, s := range sections {
			must(t, w.Add(s.key, s.content))
		}
		_, err = w.Finish(c.End)
		must(t, err)
	}
	save(*all[0], sections[:len(sections)-1])
	verify("other hash")
	other := *all[0]
	other.Point.Checksum++
	save(other, sections)
	verify(fmt.Sprintf("batch %d has the checksum", other.Point.Batch))
	other = *all[0]
	other.Through = 1 << 40
	save(other, sections)
	verify("has batches up to")
	var older []section // accounts of a time before: as if the events after it were lost
	must(t, all[1].Sections(func(key uint32, content []byte) error {
		older = append(older, section{key, slices.Clone(content)})
		return nil
	}))
	other = *all[1]
	other.Point = all[0].Point
	save(other, older)
	verify(fmt.Sprintf("customer %d lacks the event ", empty))
	must(t, os.WriteFile(all[0].Path, whole, 0o600))
	verify("")
}
