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
		How:     "the history's database deleted, cut, overwritten, or its files taken apart, between two starts",
		Promise: "it is made again from the journal: every account has its whole history and its positions",
		Long:    Size{Rounds: 60, Size: 8}, Gate: Size{Rounds: 6, Size: 4},
		Run: runProjection,
	}
}

// projectionHarm is what is done to history.db.
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

// runProjection makes r.Rounds rounds with r.Size customers.
func runProjection(ctx context.Context, r *Run) error {
	data, err := r.freeFolder()
	if err != nil {
		return err
	}
	random, traders := r.Random(), r.newTraders(r.Size)
	var slowest time.Duration
	for round := range r.Rounds {
		begin := time.Now()
		s, err := r.Start(ctx, ServerOptions{Data: data})
		if err != nil {
			r.Broken("round %d: %v", round+1, err)
			return nil
		}
		slowest = max(slowest, time.Since(begin))
		if round == 0 {
			if err := rememberAll(ctx, s.Addr, traders); err != nil {
				return err
			}
		}
		if err := r.lookAndTrade(ctx, s, traders, round%2 == 0); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		if r.Breaches() > 0 {
			return nil // the rounds that follow would show the same
		}
		harm := projectionHarm[round%len(projectionHarm)]
		if err := harm.do(filepath.Join(data, "history.db"), random); err != nil {
			return fmt.Errorf("round %d: %s: %w", round+1, harm.name, err)
		}
		r.Progress(round+1, r.Rounds, "rounds, "+harm.name)
	}
	s, err := r.Start(ctx, ServerOptions{Data: data})
	if err != nil {
		r.Broken("the last start: %v", err)
		return nil
	}
	if err := settleAll(ctx, s.Addr, traders); err != nil {
		return err
	}
	if err := verifyAll(ctx, s.Addr, traders, true); err != nil {
		return err
	}
	sum := countAll(traders)
	r.Figure("orders acknowledged", sum.acked, "")
	r.Figure("longest start", slowest, "")
	if sum.acked < r.Rounds*10 {
		return ErrTooLittle
	}
	return nil
}

// lookAndTrade compares whole histories, trades for a while and ends the server.
func (r *Run) lookAndTrade(ctx context.Context, s *Server, traders []*trader, clean bool) error {
	if err := verifyAll(ctx, s.Addr, traders, true); err != nil {
		return err
	}
	trading, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	tradeAll(trading, s.Addr, traders)
	cancel()
	if clean {
		return stopClean(ctx, s)
	}
	s.Kill()
	return nil
}

// freeFolder makes a new data folder.
func (r *Run) freeFolder() (string, error) { return os.MkdirTemp(r.Scratch, "data-") }
