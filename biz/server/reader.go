package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"holdfast/biz/desk"
)

// Reader is the data folder of a stopped server, opened to read it.
type Reader struct {
	// Desk has the accounts and the history. It is not started: it takes no commands.
	Desk *desk.Desk

	data *dataFolder
}

// OpenReader opens the data folder as Start does: it locks and checks the journal, rebuilds the
// accounts and brings the history up to date. It serves nobody, and adds nothing to the journal.
// Only the settings of the data folder are used. progress, which may be nil, is called while the
// history is brought up to date. Errors are ErrFolder and those of the parts.
func OpenReader(ctx context.Context, c Config, progress func(done, total uint64)) (*Reader, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Desk.Fatal == nil {
		c.Desk.Fatal = func(error) {} // nothing is committed
	}
	if _, err := os.Stat(filepath.Join(c.Data, "journal")); err != nil && c.Journal.URL == "" && c.Journal.Shared == nil {
		return nil, fmt.Errorf("%w: %s: no server has stored anything there; name the data folder of a server", ErrFolder, c.Data)
	}
	data, err := openData(ctx, &c)
	if err != nil {
		return nil, err
	}
	s := &Server{data: data, reader: true}
	r := &Reader{data: data}
	if r.Desk, err = s.openDesk(ctx, &c); err == nil {
		err = r.Desk.CatchUp(ctx, progress)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close closes the data folder.
func (r *Reader) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	return r.data.close(ctx)
}
