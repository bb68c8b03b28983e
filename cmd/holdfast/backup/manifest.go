package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/journal"
)

// format is the version of the manifest and of the folder. Backups of earlyFormat have only a
// journal, which was never trimmed. The checkpoints of format 2 have no logs.
const (
	format      = 3
	earlyFormat = 1
)

// Names in a backup, which are those in a data folder.
const (
	manifestFile      = "manifest.json"
	journalFolder     = "journal"
	checkpointsFolder = "checkpoints"
	historyFile       = "history.db"
)

// maxManifestBytes bounds a manifest: a terabyte of journal has 131,072 files.
const maxManifestBytes = 64 << 20

// Manifest describes a backup.
type Manifest struct {
	Format   int        `json:"format"`
	Time     time.Time  `json:"time"` // when the backup began
	Holdfast string     `json:"holdfast"`
	First    uint64     `json:"first_batch,omitempty"` // above 1; 0: the journal was not trimmed
	Batches  uint64     `json:"batches"`
	Records  uint64     `json:"records"`
	Events   uint64     `json:"events"`
	LastTime *time.Time `json:"last_event,omitempty"`
	LastCRC  string     `json:"last_batch_crc32c"`
	Seed     string     `json:"seed_sha256,omitempty"` // "" if it was trimmed
	// Checkpoints are the batches of the checkpoints, newest first; Unusable says which others were
	// left out, and why.
	Checkpoints []uint64 `json:"checkpoints,omitempty"`
	Unusable    []string `json:"unusable_checkpoints,omitempty"`
	// History is the last batch in history.db. 0: a server rebuilds the history from the journal, or
	// has it in PostgreSQL (ExternalHistory).
	History         uint64 `json:"history_batch,omitempty"`
	ExternalHistory bool   `json:"external_history,omitempty"`
	Files           []File `json:"files"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"` // relative to the backup, with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// bytes returns the size of all files.
func (m *Manifest) bytes() (total int64) {
	for _, f := range m.Files {
		total += f.Bytes
	}
	return total
}

// copied adds what a copy of the journal has.
func (m *Manifest) copied(c *journal.Copied) {
	m.found(&c.Report)
	m.LastCRC = fmt.Sprintf("%08x", c.CRC)
	for _, f := range c.Files {
		m.Files = append(m.Files, File{Name: journalFolder + "/" + f.Name, Bytes: f.Bytes, SHA256: hex.EncodeToString(f.SHA256[:])})
	}
}

// found sets what a journal has.
func (m *Manifest) found(r *journal.Report) {
	if r.First > 1 {
		m.First = r.First
	}
	m.Batches, m.Records = r.Batches, r.Records
}

// last returns the last batch of the journal.
func (m *Manifest) last() uint64 { return max(m.First, 1) + m.Batches - 1 }

// journalFiles returns the files of the journal, and parts the others.
func (m *Manifest) journalFiles() (journal, parts []File) {
	for _, f := range m.Files {
		if strings.HasPrefix(f.Name, journalFolder+"/") {
			journal = append(journal, f)
		} else {
			parts = append(parts, f)
		}
	}
	return journal, parts
}

// write writes the manifest into a folder.
func (m *Manifest) write(folder string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(folder, manifestFile), append(text, '\n'))
}

// readManifest reads the manifest of a backup.
func readManifest(folder string) (*Manifest, error) {
	f, err := os.Open(filepath.Join(folder, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no %s; an interrupted backup has none either", ErrNoBackup, folder, manifestFile)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := &Manifest{}
	if err := json.NewDecoder(io.LimitReader(f, maxManifestBytes)).Decode(m); err != nil {
		return nil, &DamageError{Folder: folder, Wrong: []string{manifestFile + ": " + err.Error()}}
	}
	if m.Format < earlyFormat || m.Format > format {
		return nil, fmt.Errorf("%w: %s has format %d, this release reads formats %d to %d; use the release that wrote it (%s)",
			ErrNoBackup, folder, m.Format, earlyFormat, format, m.Holdfast)
	}
	return m, nil
}

// checkFiles compares the files of a backup with its manifest, and names all that differ.
func (m *Manifest) checkFiles(ctx context.Context, folder string, seen Progress) error {
	var wrong []string
	done, total := int64(0), m.bytes()
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if what := f.check(folder); what != "" {
			wrong = append(wrong, f.Name+" "+what)
		}
		done += f.Bytes
		seen(done, total)
	}
	if len(wrong) > 0 {
		return &DamageError{Folder: folder, Wrong: wrong}
	}
	return nil
}

// belongs reports whether a backup can have a file with this name.
func (f *File) belongs() bool {
	folder, name, _ := strings.Cut(f.Name, "/")
	switch folder {
	case journalFolder:
		return filepath.IsLocal(filepath.FromSlash(f.Name)) && filepath.IsLocal(filepath.FromSlash(name))
	case checkpointsFolder:
		return checkpoint.IsFile(name)
	}
	return f.Name == historyFile
}

// check returns what is wrong with a file, or "".
func (f *File) check(folder string) string {
	if !f.belongs() {
		return "is not a name in the backup"
	}
	file, err := os.Open(filepath.Join(folder, filepath.FromSlash(f.Name)))
	if errors.Is(err, fs.ErrNotExist) {
		return "is missing"
	}
	if err != nil {
		return "can't be read: " + err.Error()
	}
	defer file.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, file)
	switch {
	case err != nil:
		return "can't be read: " + err.Error()
	case n != f.Bytes:
		return fmt.Sprintf("has %d bytes instead of %d", n, f.Bytes)
	case hex.EncodeToString(hash.Sum(nil)) != f.SHA256:
		return "was altered"
	}
	return ""
}
