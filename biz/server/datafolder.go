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

	"holdfast/biz/checkpoint"
	"holdfast/biz/desk"
	"holdfast/biz/fserror"
	"holdfast/biz/history"
	"holdfast/biz/journal"
)

// ErrFolder means that the data folder can't be created, read or written. The error says
// why, and the way out.
var ErrFolder = errors.New("server: can't use the data folder")

// checkpointsFolder is the folder of the checkpoints in the data folder.
const checkpointsFolder = "checkpoints"

// dataFolder is what the server stores on disk.
type dataFolder struct {
	checkpoints string                 // their folder
	checkpoint  *checkpoint.Checkpoint // to start from; nil: from the start of the journal
	journal     *journal.Journal
	history     *history.Store
	historyPath string
	desk        *desk.Desk // nil until it is open
	historyURL  string     // PostgreSQL; "": the history is in historyPath
	durable     bool       // the history is durable, not only the journal
	log         *slog.Logger
}

// openData opens the journal and the history in the folder. The journal is read from the newest
// good checkpoint on. A history that is damaged, has another version or was made from another
// journal is rebuilt from the journal.
func openData(ctx context.Context, c *Config) (*dataFolder, error) {
	d := &dataFolder{
		checkpoints: filepath.Join(c.Data, checkpointsFolder), historyPath: filepath.Join(c.Data, "history.db"),
		historyURL: c.HistoryURL, durable: c.DurableHistory, log: c.Log,
	}
	if err := os.MkdirAll(c.Data, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, fserror.Explain(c.Data, err))
	}
	options := c.Journal
	options.Dir, options.Log = filepath.Join(c.Data, "journal"), c.Log
	if shared := options.Shared; shared != nil && shared.Fence == nil {
		withFence := *shared
		withFence.Fence = desk.NewFence(shared.Node)
		options.Shared = &withFence
	}
	start := time.Now()
	err := d.openJournal(ctx, options)
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

// openJournal opens the journal, which must fit the newest good checkpoint.
func (d *dataFolder) openJournal(ctx context.Context, options journal.Options) error {
	if err := d.olderCheckpoint(0); err != nil {
		return err
	}
	if d.checkpoint != nil {
		options.Checked = d.checkpoint.Point
	}
	var misfit error
	d.journal, misfit = journal.Open(ctx, options)
	var damage *journal.DamageError
	if d.checkpoint == nil || !errors.As(misfit, &damage) && !errors.Is(misfit, journal.ErrTrimmed) {
		return misfit
	}
	if err := checkWhole(ctx, options); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s: %w", desk.ErrForeignCheckpoint, d.checkpoint.Path, misfit)
}

// checkWhole returns nil if the journal is in order without its checkpoint, which is then of another
// one, or if the journal is missing. It changes no batch: an Open would cut off what only the checkpoint shows to be no torn write.
func checkWhole(ctx context.Context, options journal.Options) error {
	if options.URL == "" && options.Shared == nil {
		_, err := journal.Read(ctx, journal.ReadOptions{Dir: options.Dir})
		if errors.Is(err, journal.ErrNoJournal) {
			return nil
		}
		return err
	}
	options.Checked = journal.Point{}
	j, err := journal.Open(ctx, options)
	if err != nil {
		return err
	}
	return j.Close(ctx)
}

// olderCheckpoint sets the checkpoint to the newest good one of a batch below before (0: of any),
// nil if there is no such one.
func (d *dataFolder) olderCheckpoint(before uint64) error {
	c, unusable, err := checkpoint.Newest(d.checkpoints, before)
	if err != nil {
		return folderError(err)
	}
	for _, why := range unusable {
		d.log.Warn("a checkpoint can't be used; an older one or the journal does instead", "error", why)
	}
	d.checkpoint = c
	return nil
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
	here, err := d.journal.Point(ctx, batch)
	if errors.Is(err, journal.ErrTrimmed) { // the desk compares the places
		return nil
	}
	if err == nil && made != here.Checksum {
		err = fmt.Errorf("%w: batch %d has checksum %08x there, and %08x in this journal", history.ErrForeign, batch, made, here.Checksum)
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
// file belongs to another program. If the start of the journal was trimmed it is impossible, too.
func (d *dataFolder) rebuildHistory(ctx context.Context, why error) error {
	if d.journal.LastBatch() == 0 {
		return fmt.Errorf("%w; the journal is empty, so it can't be rebuilt: restore the journal, or choose another data folder", why)
	}
	if d.journal.FirstBatch() > 1 {
		return fmt.Errorf("%w: %w", desk.ErrHistoryLacks, why)
	}
	if d.historyURL != "" {
		return d.emptyDatabase(ctx, why)
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

// emptyDatabase is rebuildHistory for a history in PostgreSQL. Tables that this release does not
// understand stay, and so do those of another journal: they may be another program's or server's.
func (d *dataFolder) emptyDatabase(ctx context.Context, why error) error {
	if d.history == nil || errors.Is(why, history.ErrForeign) {
		return fmt.Errorf("%w; drop these tables, and the next start makes the history again from the journal, or name another database", why)
	}
	d.log.Warn("history can't be used; rebuilding it from the journal", "error", why)
	return d.history.Recreate(ctx)
}

// openHistory opens the history. It makes no new file where that can't be filled from the journal.
func (d *dataFolder) openHistory(ctx context.Context) (*history.Store, error) {
	if d.historyURL == "" && d.journal.FirstBatch() > 1 {
		if _, err := os.Stat(d.historyPath); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: there is no %s", desk.ErrHistoryLacks, d.historyPath)
		}
	}
	return history.Open(ctx, history.Options{Path: d.historyPath, URL: d.historyURL, Durable: d.durable, Log: d.log})
}

// HistoryPlace says where the history is, without a password.
func (s *Server) HistoryPlace() string {
	return history.Options{Path: s.data.historyPath, URL: s.data.historyURL}.Place()
}

func (d *dataFolder) close(ctx context.Context) error {
	var err error
	if d.desk != nil {
		err = d.desk.Release()
	}
	if d.history != nil {
		err = errors.Join(err, d.history.Close())
	}
	return errors.Join(err, d.journal.Close(ctx))
}
