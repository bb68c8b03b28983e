package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/biz/client"
)

func removedFault() Fault {
	return Fault{
		Name: "removed", ID: "D10", Short: "the data folder removed, moved or cut under load",
		How: "the data folder, or a file of the journal, removed, moved, replaced or cut while customers trade",
		Promise: "the server ends with a reason that names the path; every acknowledged order is in the folder that was moved, " +
			"or was acknowledged before the harm",
		Long: Size{Rounds: 70, Size: 8}, Gate: Size{Rounds: 7, Size: 4},
		RoundsHelp: "rounds, each with one kind of harm",
		SizeHelp:   "customers who trade",
		Run:        runRemoved,
	}
}

// removedEnd is how soon the server must end. The store would notice a missing folder, too, but
// only when it needs a new file.
const removedEnd = 3 * time.Second

// removedHarm lists the kinds of harm to the folder of a running server. away is a free path
// beside it.
var removedHarm = []struct {
	name string
	do   func(data, away string) error
	// back undoes the harm; nil: what was acknowledged is lost, and the next start must not
	// hide it.
	back func(data, away string) error
}{
	{"moved", os.Rename, func(data, away string) error { return os.Rename(away, data) }},
	{"removed", func(data, _ string) error { return removeBusy(data) }, nil},
	{"replaced by an empty folder", func(data, away string) error {
		return errors.Join(os.Rename(data, away), os.Mkdir(data, 0o755))
	}, func(data, away string) error { return errors.Join(os.RemoveAll(data), os.Rename(away, data)) }},
	{"mark moved", func(data, away string) error { return os.Rename(markOf(data), away) },
		func(data, away string) error { return os.Rename(away, markOf(data)) }},
	{"newest block moved", func(data, away string) error { return os.Rename(newestBlock(data), away) },
		func(data, away string) error { return os.Rename(away, filepath.Join(blocksOf(data), "1.blk")) }},
	{"newest block moved, a copy in its place", func(data, away string) error {
		path := newestBlock(data)
		if err := os.Rename(path, away); err != nil {
			return err
		}
		content, err := os.ReadFile(away)
		return errors.Join(err, os.WriteFile(path, content, 0o600))
	}, func(string, string) error { return nil }},
	{"newest block cut", func(data, _ string) error {
		path := newestBlock(data)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, info.Size()/2)
	}, nil},
}

func markOf(data string) string { return filepath.Join(data, "journal", "mark") }

// blocksOf returns the folder of the block files.
func blocksOf(data string) string {
	return must(filepath.Glob(filepath.Join(data, "journal", "jetstream", "*", "streams", "*", "msgs")))[0]
}

// newestBlock returns the newest block file. There is only one: the rounds are short.
func newestBlock(data string) string {
	all := must(filepath.Glob(filepath.Join(blocksOf(data), "*.blk")))
	if len(all) != 1 {
		check(ErrTooLittle)
	}
	return all[0]
}

// removeBusy is os.RemoveAll for a folder in which another process makes files.
func removeBusy(folder string) (err error) {
	for range 100 {
		if err = os.RemoveAll(folder); err == nil {
			return nil
		}
	}
	return err
}

// runRemoved does r.Rounds rounds with r.Size customers, each on a new data folder.
func runRemoved(ctx context.Context, r *Run) error {
	random := r.Random()
	var sum traderCounts
	var slowest time.Duration
	r.rounds(ctx, func(round int) {
		traders := r.newTraders(r.Size)
		slowest = max(slowest, removedRound(ctx, r, round, random, traders))
		sum.add(countAll(traders))
	})
	r.Figure("orders acknowledged", sum.acked, "")
	r.Figure("longest time from the harm to the end of the server", slowest, "")
	if sum.acked < r.Rounds*10 {
		return ErrTooLittle
	}
	return nil
}

// removedRound harms the folder of a server under load, and returns how soon it ended.
func removedRound(ctx context.Context, r *Run, round int, random *rand.Rand, traders []*trader) (took time.Duration) {
	parent := must(os.MkdirTemp(r.Scratch, "removed-"))
	defer os.RemoveAll(parent)
	data, away := filepath.Join(parent, "data"), filepath.Join(parent, "away")
	harm := removedHarm[round%len(removedHarm)]
	s := must(r.Start(ctx, ServerOptions{Data: data}))
	defer s.Kill()
	rememberAll(ctx, s.Addr, traders)
	var start time.Time
	failed := make(chan error, 1)
	pause := time.Duration(200+random.IntN(200)) * time.Millisecond
	time.AfterFunc(pause, func() {
		start = time.Now()
		failed <- catch(func() { check(harm.do(data, away)) })
	})
	tradeFor(ctx, s.Addr, traders, pause+removedEnd)
	check(<-failed)
	ended := r.exits(ctx, s, harm.name, 1, removedEnd)
	took = time.Since(start)
	if reason := s.Reason(); ended && (!strings.HasPrefix(reason, notDurable) || !strings.Contains(reason, data)) {
		r.Broken("%s: the reason does not name the path: %s", harm.name, reason)
	}
	if !ended {
		s.Kill()
	}
	if harm.back != nil {
		check(harm.back(data, away))
		if again := r.startAgain(ctx, harm.name+", and put back", ServerOptions{Data: data}); again != nil {
			resendAndVerify(ctx, again.Addr, traders)
			again.Kill()
		}
		return took
	}
	lost(ctx, r, harm.name, data, traders)
	return took
}

// lost starts a server where acknowledged orders are lost. It must refuse to start, or start
// with nothing.
func lost(ctx context.Context, r *Run, harm, data string, traders []*trader) {
	s, err := r.Start(ctx, ServerOptions{Data: data})
	if errors.Is(err, ErrNotStarted) && s != nil && ctx.Err() == nil {
		if !strings.Contains(s.Stderr(), data) {
			r.Broken("%s: the next start does not name the folder: %s", harm, s.LastWords())
		}
		return
	}
	check(err)
	defer s.Kill()
	for _, t := range traders {
		c, _, err := t.dial(ctx, s.Addr)
		check(err)
		page, err := readHistory(ctx, c, client.ExecutionID(0))
		c.Close()
		check(err)
		if len(page.Executions) > 0 {
			r.Broken("%s: the next start has a part of the history of %d", harm, t.customer)
		}
	}
}
