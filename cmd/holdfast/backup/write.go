package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/server"
)

// Progress is called with the number of bytes done so far and in total.
type Progress func(done, total int64)

// Source is what Write copies.
type Source struct {
	Data string // the data folder
	// ExternalHistory says that the history is in PostgreSQL.
	ExternalHistory bool
	Version         string // of this program
}

// Write copies a data folder into the new folder to, which must be missing or empty. When it
// returns nil, the backup is on the disk; after an error, or when ctx ends, nothing is left of it.
//
// A server may be running on the data folder: then the backup ends with a batch that was
// acknowledged after Write began, and the server does not trim its journal meanwhile. Otherwise it
// has every complete batch, and a server that starts while the journal is copied is refused.
func Write(ctx context.Context, from Source, to string, seen Progress) (m *Manifest, err error) {
	if to, err = checkTarget(from.Data, to); err != nil {
		return nil, err
	}
	m = &Manifest{Format: format, Time: time.Now().UTC(), Holdfast: from.Version}
	partial, err := os.MkdirTemp(filepath.Dir(to), "."+filepath.Base(to)+".partial-")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(partial))
		}
	}()
	if err := m.copyData(ctx, &from, partial, seen); err != nil {
		return nil, err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w; name a new folder below it", ErrTarget, err)
	}
	if err := os.Rename(partial, to); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	return m, syncFolder(filepath.Dir(to))
}

// copyData writes the files of a backup into the folder to. The journal comes last: so it has all
// batches that the checkpoints and the history have. It is not trimmed meanwhile: so it has all
// that they lack.
func (m *Manifest) copyData(ctx context.Context, from *Source, to string, seen Progress) error {
	journalAt := filepath.Join(from.Data, journalFolder)
	first, resume, err := journal.PauseTrim(ctx, journalAt)
	if err != nil {
		return err
	}
	defer resume()
	p := &parts{from: from.Data, to: to, here: make(map[uint64]journal.Point)}
	if err := p.copyCheckpoints(ctx); err != nil {
		return err
	}
	if first > 1 && !from.ExternalHistory {
		if err := p.copyHistory(ctx); err != nil {
			return err
		}
	}
	copied, err := journal.Copy(ctx, journal.CopyOptions{From: journalAt, To: filepath.Join(to, journalFolder), Progress: seen, Each: func(b *journal.Batch) error {
		p.record(b)
		return m.batch(b)
	}})
	if errors.Is(err, journal.ErrNoJournal) {
		err = fmt.Errorf("%w: set --data to the data folder of the server", err)
	}
	if err != nil {
		return err
	}
	m.copied(&copied)
	m.ExternalHistory = m.First > 0 && from.ExternalHistory
	if err := p.check(m); err != nil {
		return err
	}
	// Whoever starts a server on the backup itself needs a new identity, too.
	if err := writeFile(filepath.Join(to, server.NewHistoryFile), nil); err != nil {
		return err
	}
	if err := m.write(to); err != nil {
		return err
	}
	return syncFolder(to)
}

// batch counts the events of a batch.
func (m *Manifest) batch(b *journal.Batch) error {
	for number, record := range b.Records() {
		e, err := desk.DecodeEntry(record)
		if err != nil {
			return fmt.Errorf("record %d, batch %d: %w", number, b.Number, err)
		}
		if e.Genesis {
			m.Seed = hex.EncodeToString(e.Seed[:])
		}
		for n := range e.Events {
			at := time.Unix(0, e.Events[n].Time).UTC()
			m.Events, m.LastTime = m.Events+1, &at
		}
	}
	return nil
}

// checkTarget returns the absolute path of the folder to write, or why it can't be used.
func checkTarget(data, to string) (string, error) {
	to, err := filepath.Abs(to)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrTarget, err)
	}
	if _, err := os.Lstat(to); err == nil { // perhaps a link, which must stay
		if to, err = filepath.EvalSymlinks(to); err != nil {
			return "", fmt.Errorf("%w: %w", ErrTarget, err)
		}
	}
	if err := checkEmpty(to); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return "", fmt.Errorf("%w: %w", ErrTarget, err)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(to))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrTarget, err)
	}
	given := data
	if data, err = filepath.Abs(data); err == nil {
		data, err = filepath.EvalSymlinks(data)
	}
	if err != nil {
		var file *fs.PathError
		if errors.As(err, &file) {
			err = file.Err
		}
		return "", fmt.Errorf("data folder %s: %w; set --data to the data folder of the server", given, err)
	}
	within, err := filepath.Rel(data, filepath.Join(parent, filepath.Base(to)))
	if err == nil && within != ".." && !strings.HasPrefix(within, ".."+string(filepath.Separator)) {
		return "", fmt.Errorf("%w: %s is in the data folder %s, and would be lost with it; name a folder elsewhere", ErrTarget, to, data)
	}
	return to, nil
}

// checkEmpty returns an error if the folder exists and has files.
func checkEmpty(folder string, allowed ...string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTarget, err)
	}
	for _, e := range entries {
		if !slices.Contains(allowed, e.Name()) {
			return fmt.Errorf("%w: %s is not empty, it has %s; name a folder that is missing or empty", ErrTarget, folder, e.Name())
		}
	}
	return nil
}

// writeFile writes a new file and syncs it.
func writeFile(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
