package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"holdfast/biz/journal"
	"holdfast/biz/server"
)

// Check reads every byte of a backup. Errors are ErrNoBackup, a *DamageError that names the
// damaged files, and those of the disk.
func Check(ctx context.Context, folder string, seen Progress) (*Manifest, error) {
	m, err := readManifest(folder)
	if err != nil {
		return nil, err
	}
	if err := m.checkFiles(ctx, folder, seen); err != nil {
		return nil, err
	}
	found := &Manifest{}
	report, err := journal.Read(ctx, journal.ReadOptions{Dir: filepath.Join(folder, journalFolder), Each: found.batch})
	if err != nil {
		return nil, damaged(folder, err)
	}
	found.found(&report)
	found.LastCRC = m.LastCRC
	return m, m.compare(folder, found)
}

// Restore checks a backup and copies it into the data folder, which must be missing or empty.
// For the next server there it is a new history, since clients may have seen events after the
// backup. When Restore returns nil, everything is on the disk; after an error, or
// when ctx ends, the data folder is as before. Errors are those of Check, and ErrTarget.
func Restore(ctx context.Context, folder, data string, seen Progress) (*Manifest, error) {
	m, err := readManifest(folder)
	if err != nil {
		return nil, err
	}
	if err := checkEmpty(data, "lost+found", server.NewHistoryFile); err != nil {
		return nil, err
	}
	total := 2 * m.bytes() // checked, then copied
	if err := m.checkFiles(ctx, folder, func(done, _ int64) { seen(done, total) }); err != nil {
		return nil, err
	}
	_, err = os.Lstat(data)
	isNew := errors.Is(err, os.ErrNotExist)
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	err = m.restore(ctx, folder, data, func(done, _ int64) { seen(total/2+done, total) })
	if err != nil && isNew {
		err = errors.Join(err, os.Remove(data))
	}
	if err != nil {
		return nil, err
	}
	return m, syncFolder(filepath.Dir(filepath.Clean(data)))
}

// restore copies the files into an empty data folder.
func (m *Manifest) restore(ctx context.Context, folder, data string, seen Progress) (err error) {
	partial, err := os.MkdirTemp(data, ".restore-")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTarget, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(partial)) }()
	found := &Manifest{}
	written := filepath.Join(partial, journalFolder)
	copied, err := journal.Copy(ctx, journal.CopyOptions{
		From: filepath.Join(folder, journalFolder), To: written, Each: found.batch, Progress: seen,
	})
	if err != nil {
		return damaged(folder, err)
	}
	found.copied(&copied)
	if err := m.compare(folder, found); err != nil {
		return err
	}
	ofJournal, others := m.journalFiles()
	if !slices.Equal(found.Files, ofJournal) {
		return &DamageError{Folder: folder, Wrong: []string{"its files are not those of the manifest"}}
	}
	for i := range others {
		if err := others[i].restore(folder, partial); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(partial, server.NewHistoryFile), nil); err != nil {
		return fmt.Errorf("%w: %w", ErrTarget, err)
	}
	return moveAll(partial, data)
}

// restored are the names in a data folder that Restore writes, in the order in which they appear.
// The journal comes last: without it nothing else counts.
func restored() []string {
	return []string{server.NewHistoryFile, checkpointsFolder, historyFile, journalFolder}
}

// moveAll moves what was restored to its place. After an error the data folder is empty again.
func moveAll(partial, data string) error {
	var moved []string
	for _, name := range restored() {
		err := os.Rename(filepath.Join(partial, name), filepath.Join(data, name))
		if errors.Is(err, os.ErrNotExist) && name != journalFolder {
			continue
		}
		if err != nil {
			err = fmt.Errorf("%w: %w; a server may have started there meanwhile", ErrTarget, err)
			for _, name := range moved {
				err = errors.Join(err, os.RemoveAll(filepath.Join(data, name)))
			}
			return err
		}
		moved = append(moved, name)
	}
	return syncFolder(data)
}

// restore copies a file that is not the journal's from a backup into a folder.
func (f *File) restore(folder, to string) error {
	name := filepath.FromSlash(f.Name)
	if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
		return fmt.Errorf("%w: %w", ErrTarget, err)
	}
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	defer file.Close()
	written, err := copyFile(file, to, f.Name)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrTarget, err)
	case written != *f:
		return &DamageError{Folder: folder, Wrong: []string{f.Name + " was altered"}}
	}
	return syncFolder(filepath.Dir(filepath.Join(to, name)))
}

// compare compares what was found in the files with the manifest.
func (m *Manifest) compare(folder string, found *Manifest) error {
	if found.First == m.First && found.Batches == m.Batches && found.Records == m.Records && found.Events == m.Events &&
		found.LastCRC == m.LastCRC && found.Seed == m.Seed {
		return nil
	}
	return &DamageError{Folder: folder, Wrong: []string{fmt.Sprintf("%s says %d batches and %d events, the journal has %d and %d",
		manifestFile, m.Batches, m.Events, found.Batches, found.Events)}}
}

// damaged returns the error for a journal in a backup that can't be read.
func damaged(folder string, err error) error {
	var damage *journal.DamageError
	switch {
	case errors.As(err, &damage):
		return &DamageError{Folder: folder, Wrong: []string{journalFolder + "/" + filepath.ToSlash(damage.File) + ": " + damage.What}}
	case errors.Is(err, journal.ErrForeign), errors.Is(err, journal.ErrNoJournal):
		return &DamageError{Folder: folder, Wrong: []string{err.Error()}}
	}
	return err
}
