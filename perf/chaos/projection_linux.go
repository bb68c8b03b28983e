package chaos

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

func projectionFault() Fault {
	return Fault{
		Name: "projection", ID: "D7",
		Short:   "the history's database deleted, cut or overwritten",
		How:     "the history's database deleted, cut, overwritten, or separated from its log, between two starts",
		Promise: "the server rebuilds the history from the journal: every account has its complete history and its positions",
		Long:    Size{Rounds: 60, Size: 8}, Gate: Size{Rounds: 6, Size: 4},
		RoundsHelp: "rounds, each with one kind of harm",
		SizeHelp:   "customers who trade",
		Run:        runProjection,
	}
}

// projectionHarm lists the kinds of harm to history.db.
var projectionHarm = []struct {
	name string
	do   func(path string, random *rand.Rand) error
}{
	{"deleted", func(path string, _ *rand.Rand) error { return remove(path, "", "-wal", "-shm") }},
	{"database deleted, log left", func(path string, _ *rand.Rand) error { return remove(path, "") }},
	{"log deleted", func(path string, _ *rand.Rand) error { return remove(path, "-wal", "-shm") }},
	{"cut", func(path string, random *rand.Rand) error {
		fi, err := os.Stat(path)
		if err != nil {
			return err
		}
		return errors.Join(remove(path, "-wal", "-shm"), os.Truncate(path, 1+random.Int64N(fi.Size()/2)))
	}},
	{"overwritten", func(path string, random *rand.Rand) error {
		noise := make([]byte, 50_000)
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		return errors.Join(remove(path, "-wal", "-shm"), os.WriteFile(path, noise, 0o600))
	}},
	{"emptied", func(path string, _ *rand.Rand) error {
		return errors.Join(remove(path, "-wal", "-shm"), os.Truncate(path, 0))
	}},
}

func remove(path string, suffixes ...string) error {
	for _, suffix := range suffixes {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// runProjection does r.Rounds rounds with r.Size customers.
func runProjection(ctx context.Context, r *Run) error {
	data, random, traders := filepath.Join(r.Scratch, "data"), r.Random(), r.newTraders(r.Size)
	var slowest time.Duration
	for round := range r.Rounds {
		start := time.Now()
		s := r.startAgain(ctx, fmt.Sprint("round ", round+1), ServerOptions{Data: data})
		if s == nil {
			return nil
		}
		slowest = max(slowest, time.Since(start))
		if round == 0 {
			rememberAll(ctx, s.Addr, traders)
		}
		verifyAll(ctx, s.Addr, traders, true)
		tradeFor(ctx, s.Addr, traders, 200*time.Millisecond)
		if round%2 == 0 {
			s.stopClean(ctx)
		}
		s.Kill()
		if r.Breaches() > 0 {
			return nil // later rounds would show the same
		}
		harm := projectionHarm[round%len(projectionHarm)]
		if err := harm.do(filepath.Join(data, "history.db"), random); err != nil {
			return fmt.Errorf("round %d: %s: %w", round+1, harm.name, err)
		}
		r.Progress(round+1, r.Rounds, "rounds, "+harm.name)
	}
	s := r.startAgain(ctx, "the last start", ServerOptions{Data: data})
	if s == nil {
		return nil
	}
	resendAndVerify(ctx, s.Addr, traders)
	sum := countAll(traders)
	r.Figure("orders acknowledged", sum.acked, "")
	r.Figure("longest start", slowest, "")
	if sum.acked < r.Rounds*10 {
		return ErrTooLittle
	}
	return nil
}
