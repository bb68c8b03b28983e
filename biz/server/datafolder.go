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

// ErrFolder means that the data folder can't be made.
var ErrFolder = errors.New("server: data folder")

// dataFolder is what the server keeps on disk.
type dataFolder struct {
	journal     *journal.Journal
	history     *history.Store
	historyPath string
	durable     bool // the history is, not only the journal
	log         *slog.Logger
}

// openData opens journal and history in the folder. A history that is damaged or of
// another version is made again from the journal.
func openData(ctx context.Context, c *Config) (*dataFolder, error) {
	d := &dataFolder{historyPath: filepath.Join(c.Data, "history.db"), durable: c.DurableHistory, log: c.Log}
	if err := os.MkdirAll(c.Data, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	options := c.Journal
	options.Dir, options.Log = filepath.Join(c.Data, "journal"), c.Log
	start := time.Now()
	var err error
	if d.journal, err = journal.Open(ctx, options); err != nil {
		return nil, err
	}
	if n := d.journal.LastBatch(); n > 0 {
		c.Log.Info("journal checked", "batches", n, "took", time.Since(start).Round(time.Millisecond))
	}
	d.history, err = d.openHistory(ctx)
	if errors.Is(err, history.ErrDamaged) || errors.Is(err, history.ErrVersion) {
		err = d.remakeHistory(ctx, err)
	}
	if err != nil {
		return nil, errors.Join(err, d.journal.Close(ctx))
	}
	return d, nil
}

// remakeHistory opens an empty history in the place of one that can't be used;
// the journal fills it again. Beside an empty journal nothing could: the file is
// somebody else's, or the journal is lost.
func (d *dataFolder) remakeHistory(ctx context.Context, why error) error {
	if d.journal.LastBatch() == 0 {
		return fmt.Errorf("%w; there is no journal to make it again from: restore the journal, or choose another data folder", why)
	}
	d.log.Warn("history can't be used; it is made again from the journal", "path", d.historyPath, "error", why)
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
