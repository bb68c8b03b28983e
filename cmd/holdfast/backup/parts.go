package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"holdfast/biz/checkpoint"
	"holdfast/biz/history"
	"holdfast/biz/journal"
)

// parts is what a backup has besides the journal: the checkpoints, with which a start is short, and
// the history if the journal was trimmed. A trimmed journal is useless without them.
type parts struct {
	from, to    string // folders
	files       []File
	checkpoints []*checkpoint.Checkpoint // newest first
	unusable    []string
	history     journal.Point // the last batch in it, without the record; zero: it is not copied
	here        map[uint64]journal.Point
}

// checkpointAttempts is how often the folder of the checkpoints is read, if all of them were replaced
// meanwhile.
const checkpointAttempts = 10

// copyCheckpoints copies the checkpoints. Those that can't be used are left out.
func (p *parts) copyCheckpoints(ctx context.Context) error {
	folder := filepath.Join(p.to, checkpointsFolder)
	var unusable []error
	for range checkpointAttempts {
		p.files = nil
		vanished, err := p.copyFolder(ctx)
		if err == nil {
			p.checkpoints, unusable, err = checkpoint.All(folder)
		}
		if err != nil {
			return err
		}
		if vanished { // with its log, a checkpoint that was copied
			unusable = nil
		}
		if len(p.checkpoints) > 0 || !vanished {
			break
		}
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
		p.files = nil
	}
	if len(p.files) == 0 {
		return nil
	}
	for _, why := range unusable {
		p.unusable = append(p.unusable, why.Error())
	}
	if err := checkpoint.Keep(folder, p.checkpoints...); err != nil {
		return err
	}
	p.files = slices.DeleteFunc(p.files, func(f File) bool { return !p.needs(f.Name) })
	return syncFolder(folder)
}

// needs reports whether a good checkpoint has the file.
func (p *parts) needs(name string) bool {
	return slices.ContainsFunc(p.checkpoints, func(c *checkpoint.Checkpoint) bool {
		return slices.ContainsFunc(c.Files(), func(file string) bool { return checkpointsFolder+"/"+file == name })
	})
}

// copyFolder copies the files of the checkpoints, and returns whether some vanished meanwhile. The logs
// come last: they may have more than the checkpoints need, not less.
func (p *parts) copyFolder(ctx context.Context) (vanished bool, err error) {
	entries, err := os.ReadDir(filepath.Join(p.from, checkpointsFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int { return len(filepath.Ext(a.Name())) - len(filepath.Ext(b.Name())) })
	for _, e := range entries {
		if !checkpoint.IsFile(e.Name()) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		file, err := os.Open(filepath.Join(p.from, checkpointsFolder, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			vanished = true
			continue
		}
		if err != nil {
			return false, err
		}
		err = p.add(file, checkpointsFolder+"/"+e.Name())
		if err := errors.Join(err, file.Close()); err != nil {
			return false, err
		}
	}
	return vanished, nil
}

// add copies an open file.
func (p *parts) add(file *os.File, name string) error {
	if err := os.MkdirAll(filepath.Dir(filepath.Join(p.to, name)), 0o755); err != nil {
		return err
	}
	f, err := copyFile(file, p.to, name)
	if err == nil {
		p.files = append(p.files, f)
	}
	return err
}

// historyAdvice says what to do about a history without which a server can't start.
const historyAdvice = "set --history-url if the history is in PostgreSQL, else restore it from an earlier backup"

// copyHistory copies the history.
func (p *parts) copyHistory(ctx context.Context) error {
	to := filepath.Join(p.to, historyFile)
	from := filepath.Join(p.from, historyFile)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no %s; %s", ErrNoStart, from, historyAdvice)
	}
	if err := history.Copy(ctx, from, to); err != nil {
		return fmt.Errorf("%w: the history: %w", ErrNoStart, err)
	}
	h, err := history.Open(ctx, history.Options{Path: to})
	if err != nil {
		return fmt.Errorf("%w: the history: %w", ErrNoStart, err)
	}
	batch, err := h.Progress(ctx)
	checksum, _, sumErr := h.Checksum(ctx)
	if err := errors.Join(err, sumErr, h.Close()); err != nil {
		return fmt.Errorf("%w: the history: %w", ErrNoStart, err)
	}
	p.history = journal.Point{Batch: batch, Checksum: checksum}
	file, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	if err := errors.Join(err, file.Sync()); err != nil {
		return err
	}
	p.files = append(p.files, File{Name: historyFile, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// record remembers a batch of the journal that a checkpoint or the history has last.
func (p *parts) record(b *journal.Batch) {
	wanted := b.Number == p.history.Batch
	for _, c := range p.checkpoints {
		wanted = wanted || b.Number == c.Point.Batch
	}
	if wanted {
		p.here[b.Number] = journal.Point{Batch: b.Number, Record: b.First + uint64(b.Count) - 1, Checksum: b.Checksum}
	}
}

// check checks that a server can start on the copied files, and adds them to the manifest.
func (p *parts) check(m *Manifest) error {
	first, last := max(m.First, 1), m.last()
	usable := false
	for _, c := range p.checkpoints {
		here, there := p.here[c.Point.Batch]
		switch {
		case c.Through > last, there && here != c.Point:
			return fmt.Errorf("%w: checkpoint %d is not one of this journal, or the end of the journal is missing", ErrNoStart, c.Point.Batch)
		case there || c.Point.Batch+1 == first:
			usable = true
		}
		m.Checkpoints = append(m.Checkpoints, c.Point.Batch)
	}
	m.Unusable, m.History = p.unusable, p.history.Batch
	m.Files = append(m.Files, p.files...)
	if first == 1 {
		return nil
	}
	at, there := p.here[m.History]
	switch {
	case !usable:
		return fmt.Errorf("%w: its journal starts with batch %d, and no checkpoint can be used: %q", ErrNoStart, first, p.unusable)
	case m.ExternalHistory:
		return nil
	case m.History+1 < first || m.History > last:
		return fmt.Errorf("%w: the history ends with batch %d, and the journal has the batches from %d to %d; %s", ErrNoStart, m.History, first, last, historyAdvice)
	case there && at.Checksum != p.history.Checksum:
		return fmt.Errorf("%w: the history is that of another journal; %s", ErrNoStart, historyAdvice)
	}
	return nil
}

// copyFile copies an open file into a folder under a name with slashes, and syncs it.
func copyFile(file *os.File, to, name string) (File, error) {
	f, err := os.OpenFile(filepath.Join(to, filepath.FromSlash(name)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return File{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), file)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return File{}, err
	}
	return File{Name: name, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
