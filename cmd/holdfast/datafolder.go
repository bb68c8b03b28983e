package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/seed"
	"holdfast/cmd/holdfast/config"
)

// dataFolder is what the server keeps on disk.
type dataFolder struct {
	seed        *seed.Seed
	journal     *journal.Journal
	history     *history.Store
	historyPath string
	durable     bool // the history is, not only the journal
}

// openData opens journal and history in the folder; durable is that of the
// history. A history that is damaged or of another version is made again from the
// journal.
func openData(ctx context.Context, c *config.Config, durable bool, log *slog.Logger) (*dataFolder, error) {
	d := &dataFolder{historyPath: filepath.Join(c.Data, "history.db"), durable: durable}
	var err error
	if d.seed, err = loadSeed(c.SeedFile); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Data, 0o755); err != nil {
		return nil, &config.Error{Origin: c.Origin("data"), Problem: err.Error()}
	}
	if d.journal, err = openJournal(ctx, c, log); err != nil {
		return nil, err
	}
	d.history, err = d.openHistory(ctx, log)
	if errors.Is(err, history.ErrDamaged) || errors.Is(err, history.ErrVersion) {
		err = d.remakeHistory(ctx, err, log)
	}
	if err != nil {
		return nil, errors.Join(err, d.journal.Close(ctx))
	}
	return d, nil
}

// openJournal opens the journal, in the data folder or outside.
func openJournal(ctx context.Context, c *config.Config, log *slog.Logger) (*journal.Journal, error) {
	o := journal.Options{Dir: filepath.Join(c.Data, "journal"), Log: log, URL: c.JournalURL, Replicas: c.JournalCopies}
	if c.JournalMonitor != "" {
		o.MonitorURLs = strings.Split(c.JournalMonitor, ",")
	}
	begin := time.Now()
	j, err := journal.Open(ctx, o)
	if err == nil && j.LastBatch() > 0 {
		log.Info("journal checked", "batches", j.LastBatch(), "took", time.Since(begin).Round(time.Millisecond))
	}
	return j, err
}

// remakeHistory opens an empty history in the place of one that can't be used;
// the journal fills it again. Beside an empty journal nothing could: the file is
// somebody else's, or the journal is lost.
func (d *dataFolder) remakeHistory(ctx context.Context, why error, log *slog.Logger) error {
	if d.journal.LastBatch() == 0 {
		return fmt.Errorf("%w; there is no journal to make it again from: restore the journal, or choose another data folder", why)
	}
	log.Warn("history can't be used; it is made again from the journal", "path", d.historyPath, "error", why)
	if d.history != nil {
		if err := d.history.Close(); err != nil {
			return err
		}
	}
	if err := history.Remove(d.historyPath); err != nil {
		return err
	}
	var err error
	d.history, err = d.openHistory(ctx, log)
	return err
}

func (d *dataFolder) openHistory(ctx context.Context, log *slog.Logger) (*history.Store, error) {
	return history.Open(ctx, history.Options{Path: d.historyPath, Durable: d.durable, Log: log})
}

func (d *dataFolder) close(ctx context.Context) error {
	var err error
	if d.history != nil {
		err = d.history.Close()
	}
	return errors.Join(err, d.journal.Close(ctx))
}
