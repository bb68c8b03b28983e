package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/backup"
	"holdfast/cmd/holdfast/config"
)

const backupLong = `backup copies the data folder of a running or stopped server into the new folder DIR.
It takes the settings of serve to find the data folder.

The backup has every order that was acknowledged before it began. It contains the
journal, the checkpoints, and a manifest with the checksum of each file. It contains
the history database only if the start of the journal was trimmed (journal_keep);
otherwise the first start after a restore rebuilds the history from the journal. It
checks the journal and the checkpoints while it copies them; the server does not trim
the journal meanwhile. DIR appears only when the backup is complete and on the disk.

If the history is in PostgreSQL (history_url) and the journal was trimmed, a restored
server needs a copy of that database, too: run pg_dump shortly before the backup. The
report says which batches the copy must have.

Keep the seed file with the backup: the journal belongs to it.

--verify checks an existing backup and writes nothing.`

const backupExample = `  holdfast backup /backups/monday
  holdfast backup /backups/monday --data /srv/holdfast
  holdfast backup --verify /backups/monday --json`

func newBackupCommand(p *Program) *cobra.Command {
	var verify, asJSON bool
	cmd := &cobra.Command{
		Use:     "backup DIR",
		Short:   "copy the data folder of a running or stopped server",
		Long:    backupLong,
		Example: backupExample,
		Args:    exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if verify {
				return p.backedUp(cmd.Context(), asJSON, backup.Report{Title: "backup is sound", Backup: args[0]}, func(ctx context.Context, seen backup.Progress) (*backup.Manifest, error) {
					return backup.Check(ctx, args[0], seen)
				})
			}
			c, err := p.localConfig(cmd)
			if err != nil {
				return err
			}
			return p.backedUp(cmd.Context(), asJSON, backup.Report{Title: "backup written", Backup: args[0], Data: c.Data}, func(ctx context.Context, seen backup.Progress) (*backup.Manifest, error) {
				return backup.Write(ctx, backup.Source{Data: c.Data, ExternalHistory: c.HistoryURL != "", Version: version()}, args[0], seen)
			})
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&verify, "verify", false, "check the backup in DIR, and write nothing")
	addJSON(cmd.Flags(), &asJSON)
	return cmd
}

const restoreLong = `restore copies the backup in DIR into the data folder, which must be missing or empty.
It takes the settings of serve to find the data folder.

It checks every byte of the backup first. If the backup has no history database, the
next start of the server rebuilds it from the journal while it serves: queries for old
executions answer UNAVAILABLE until that has caught up. If the report says that the
history is in PostgreSQL, restore the copy of that database before the start. That
start also tells clients that the history is a new one: those that have seen later
orders take a snapshot instead of resuming.`

const restoreExample = `  holdfast restore /backups/monday
  holdfast restore /backups/monday --data /srv/holdfast --json`

func newRestoreCommand(p *Program) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "restore DIR",
		Short:   "copy a backup into an empty data folder",
		Long:    restoreLong,
		Example: restoreExample,
		Args:    exactArgs("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.localConfig(cmd)
			if err != nil {
				return err
			}
			return p.backedUp(cmd.Context(), asJSON, backup.Report{Title: "backup restored", Backup: args[0], Data: c.Data}, func(ctx context.Context, seen backup.Progress) (*backup.Manifest, error) {
				return backup.Restore(ctx, args[0], c.Data, seen)
			})
		},
	}
	addConfigFlags(cmd)
	addJSON(cmd.Flags(), &asJSON)
	return cmd
}

// errExternalJournal means that the journal is not on this machine.
var errExternalJournal = errors.New("the journal is on external servers (journal_url), not in the data folder: back up the stream JOURNAL there, for example with \"nats stream backup JOURNAL DIR\"")

// localConfig loads the configuration of a server whose journal is in its data folder.
func (p *Program) localConfig(cmd *cobra.Command) (*config.Config, error) {
	c, err := p.loadConfig(cmd)
	if err == nil && c.JournalURL != "" {
		err = errExternalJournal
	}
	return c, err
}

// backedUp runs an operation on a backup with a progress bar, and prints what it did.
func (p *Program) backedUp(ctx context.Context, asJSON bool, r backup.Report, do func(context.Context, backup.Progress) (*backup.Manifest, error)) error {
	show, leave := p.progressBar("KiB")
	start := time.Now()
	m, err := do(ctx, func(done, total int64) { show(int(done>>10), int(max(total>>10, 1))) })
	leave()
	if err != nil {
		return err
	}
	return p.print(r.Of(m, time.Since(start)), asJSON)
}
