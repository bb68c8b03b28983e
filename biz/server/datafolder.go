package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"holdfast/biz/fserror"
	"holdfast/biz/history"
	"holdfast/biz/journal"
)

// ErrFolder means that the data folder can't be created, read or written. The error says
// why, and the way out.
var ErrFolder = errors.New("server: can't use the data folder")

// dataFolder is what the server stores on disk.
type dataFolder struct {
	journal     *journal.Journal
	history     *history.Store
	historyPath string
	durable     bool // the history is durable, not only the journal
	log         *slog.Logger
}

// openData opens the journal and the history in the folder. A history that is damaged, has
// another version or was made from another journal is rebuilt from the journal.
func openData(ctx context.Context, c *Config) (*dataFolder, error) {
	d := &dataFolder{historyPath: filepath.Join(c.Data, "history.db"), durable: c.DurableHistory, log: c.Log}
	if err := os.MkdirAll(c.Data, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, fserror.Explain(c.Data, err))
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
		return nil, folderError(err)
	}
	if n := d.journal.LastBatch(); n > 0 {
		c.Log.Info("journal checked", "batches", n, "took", time.Since(start).Round(time.Millisecond))
	}
	if d.history, err = d.openHistory(ctx); err == nil {
		err = d.checkHistory(ctx)
	}
	if errors.Is(err, history.ErrDamaged) || errors.Is(err, history.ErrVersion) || errors.Is(err, history.ErrForeign) {
		err = d.rebuildHistory(ctx, err)
	}
	if err != nil {
		return nil, errors.Join(err, d.close(ctx))
	}
	return d, nil
}

// checkHistory returns history.ErrForeign if the history was made from another journal. It
// leaves one that is ahead of the journal to the desk.
func (d *dataFolder) checkHistory(ctx context.Context) error {
	batch, err := d.history.Progress(ctx)
	if err != nil || batch > d.journal.LastBatch() {
		return err
	}
	made, stored, err := d.history.Checksum(ctx)
	if err != nil || !stored {
		return err
	}
	here, err := d.journal.Checksum(ctx, batch)
	if err == nil && made != here {
		err = fmt.Errorf("%w: batch %d has checksum %08x there, and %08x in this journal", history.ErrForeign, batch, made, here)
	}
	return err
}

// folderError returns err, as ErrFolder if this user must not use a file of the folder.
func folderError(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		return fmt.Errorf("%w: %w", ErrFolder, fserror.Explain(file.Path, err))
	}
	return err
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
