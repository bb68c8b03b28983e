package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/journal"
)

// ErrFolder means that the data folder can't be created.
var ErrFolder = errors.New("server: can't create the data folder; choose another one")

// dataFolder is what the server stores on disk.
type dataFolder struct {
	journal     *journal.Journal
	history     *history.Store
	historyPath string
	durable     bool // the history is durable, not only the journal
	log         *slog.Logger
}

// openData opens the journal and the history in the folder. A history that is damaged or
// has another version is rebuilt from the journal.
func openData(ctx context.Context, c *Config) (*dataFolder, error) {
	d := &dataFolder{historyPath: filepath.Join(c.Data, "history.db"), durable: c.DurableHistory, log: c.Log}
	if err := os.MkdirAll(c.Data, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	options := c.Journal
	options.Dir, options.Log = filepath.Join(c.Data, "journal"), c.Log
	start := time.Now()
	var err error
	d.journal, err = journal.Open(ctx, options)
	switch {
	case errors.Is(err, journal.ErrLocked):
		return nil, fmt.Errorf("%w; stop that process, or choose another data folder", err)
	case err != nil:
		return nil, err
	}
	if n := d.journal.LastBatch(); n > 0 {
		c.Log.Info("journal checked", "batches", n, "took", time.Since(start).Round(time.Millisecond))
	}
	d.history, err = d.openHistory(ctx)
	if errors.Is(err, history.ErrDamaged) || errors.Is(err, history.ErrVersion) {
		err = d.rebuildHistory(ctx, err)
	}
	if err != nil {
		return nil, errors.Join(err, d.journal.Close(ctx))
	}
	return d, nil
}

// rebuildHistory replaces an unusable history by an empty one, which is then rebuilt from the
// journal. If the journal is empty this is impossible: then the journal is lost, or the
// file belongs to another program.
func (d *dataFolder) rebuildHistory(ctx context.Context, why error) error {
	if d.journal.LastBatch() == 0 {
		return fmt.Errorf("%w; the journal is empty, so it can't be rebuilt: restore the journal, or choose another data folder", why)
	}
	d.log.Warn("history can't be used; rebuilding it from the journal", "path", d.historyPath, "error", why)
	if d.history != nil {
		if err := d.history.Close(); err != nil {
			return err
		}
	}
	if err := history.Remove(d.historyPath); err != nil {
		return err
	}
	var err error
	d.history, err = d.openHistory(ctx)
	return err
}

func (d *dataFolder) openHistory(ctx context.Context) (*history.Store, error) {
	return history.Open(ctx, history.Options{Path: d.historyPath, Durable: d.durable, Log: d.log})
}

func (d *dataFolder) close(ctx context.Context) error {
	var err error
	if d.history != nil {
		err = d.history.Close()
	}
	return errors.Join(err, d.journal.Close(ctx))
}
