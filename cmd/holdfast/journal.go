package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/seed"
	"holdfast/cmd/holdfast/config"
)

const journalLong = `journal looks into the journal of a server that is not running: it checks it, shows
what is in it and what it measures. It changes nothing in the data folder, and works
on what a killed server left as well. While a server has the folder open it
refuses. A journal outside (journal_url) is not in the folder: serve checks it as
far as it reads it.`

const journalExample = `  holdfast journal verify
  holdfast journal verify --data /srv/holdfast --seed-file seed.json
  holdfast journal dump --customer 100001 --from 17
  holdfast journal stats --json`

// newJournalCommand groups the commands for the journal of a stopped server.
func newJournalCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "journal",
		Short:   "check and show the journal of a stopped server",
		Long:    journalLong,
		Example: journalExample,
		Args:    knownCommand,
		RunE:    showHelp,
	}
	cmd.AddCommand(newJournalVerifyCommand(p), newJournalDumpCommand(p), newJournalStatsCommand(p))
	return cmd
}

// journalFlags are those of all journal commands.
type journalFlags struct {
	data     string
	seedFile string
	json     bool
}

func (o *journalFlags) add(f *pflag.FlagSet, p *Program) {
	f.SortFlags = false
	data := p.Getenv(config.EnvPrefix + "DATA")
	if data == "" {
		data = config.Default().Data
	}
	f.StringVar(&o.data, "data", data, "data `folder` of the server")
	f.StringVar(&o.seedFile, "seed-file", p.Getenv(config.EnvPrefix+"SEED_FILE"), "seed `file` of the server; empty: the shipped one")
	f.BoolVar(&o.json, "json", false, "write JSON")
}

// dir is the folder of the journal.
func (o *journalFlags) dir() string { return filepath.Join(o.data, "journal") }

// entries reads the journal and calls each for every record.
func (o *journalFlags) entries(ctx context.Context, seen func(done, total int64),
	each func(b *journal.Batch, number uint64, e *desk.Entry) error,
) (journal.Report, error) {
	r, err := journal.Read(ctx, journal.ReadOptions{Dir: o.dir(), Progress: seen, Each: func(b *journal.Batch) error {
		for number, record := range b.Records() {
			e, err := desk.DecodeEntry(record)
			if err == nil {
				err = each(b, number, &e)
			}
			if err != nil {
				return &recordError{journal: o.dir(), batch: b.Number, record: number, err: err}
			}
		}
		return nil
	}})
	return r, journalAdvice(err)
}

// recordError says which record of the journal is wrong.
type recordError struct {
	journal       string
	batch, record uint64
	err           error
}

// Error implements error.
func (e *recordError) Error() string {
	return fmt.Sprintf("%s: record %d, batch %d: %s", e.journal, e.record, e.batch, e.err)
}

// Unwrap gives what is wrong.
func (e *recordError) Unwrap() error { return e.err }

// journalAdvice adds what to do.
func journalAdvice(err error) error {
	switch {
	case errors.Is(err, journal.ErrLocked):
		return fmt.Errorf("%w: a server runs on it; stop it first", err)
	case errors.Is(err, journal.ErrNoJournal):
		return fmt.Errorf("%w: --data names the data folder of the server", err)
	}
	return err
}

// fits tells whether the data folder belongs to the seed, by its first record.
func fits(s *seed.Seed, e *desk.Entry) bool { return e.Genesis && e.Seed == s.SHA256 }
