package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/cmd/holdfast/inspect"
)

const journalLong = `journal checks, prints or measures the journal of a server that is not running. It
changes nothing in the data folder, and also works on what a killed server left. It
refuses a folder that a server has open. A journal on external servers (journal_url)
is not in the folder; serve checks the part of it that it reads.`

const journalExample = `  holdfast journal verify
  holdfast journal verify --data /srv/holdfast --seed-file seed.json
  holdfast journal dump --customer 100001 --from 17
  holdfast journal stats --json`

const journalVerifyLong = `verify reads every byte of the journal and of the checkpoints. It checks that the
checksums of each batch are right, that each batch continues the one before it, that
nothing acknowledged is missing at the end, and that every record follows from the
records before it. It changes nothing: a half-written batch of a killed server stays
and is reported.

With the seed file of the folder it also rebuilds the accounts and prints the hash of
their state. The same journal always has the same hash. Only customers that were added
to the seed file or removed from it change the hash without an order. After each bust
and correction it computes the position again from the executions that are left, and
compares. For that it holds the executions of positions with busts or corrections in
memory: about 150 bytes each, and 120 more while it computes. Positions after busts of
releases without limit orders follow other rules and are not computed again.

A journal that was trimmed (journal_keep) is checked from its first batch on. The accounts
are then rebuilt from the oldest checkpoint, which must fit the journal. Every other
checkpoint must have the accounts that the journal makes. Positions that depend on
executions before the oldest checkpoint are counted, not computed again.

At the first damage or difference it names file and position, or batch and record, and
ends with code 1. Damaged checkpoints are named after the report, also with code 1.`

const journalVerifyExample = `  holdfast journal verify
  holdfast journal verify --data /srv/holdfast --seed-file seed.json --json`

const journalDumpLong = `dump prints one line per event of the journal, oldest first: the numbers of batch and
record, time, kind, and then what changed. An event of an account is a fill, bust,
correction, deposit, withdrawal or reset, or says that an order was accepted,
cancelled, expired, replaced or triggered. The line has the order as it is after the
event, and why it is so (cause). An event of the market says that instruments were
halted, resumed, priced by an operator, or closed for the day. Other records define
instruments and customers, or name the history. An audit is a command of an operator
(see "holdfast audit"). A sequence is a change of the message numbers of a FIX session.

The events of one command are in one record: they have the same number, and "part 2/3"
at the end means the second of three. --json prints an object per event, there with part
and parts; and the position after executions, busts and corrections. --customer skips
definitions, events of the market, and the audits and sequences of others.

A journal of an earlier release may define no instruments; there they have names only
with the seed file of the folder. dump also checks the journal while it reads.`

const journalDumpExample = `  holdfast journal dump
  holdfast journal dump --customer 100001 --json
  holdfast journal dump --json | jq 'select(.kind == "bust" and .part == 1)'
  holdfast journal dump --from 1000 --to 1010`

const journalStatsLong = `stats measures the journal: batches, records and bytes, first and last time, orders and
executions, events by kind, bytes per execution (of the files), and records per batch
(one fsync makes a batch durable). It also checks the journal while it reads.`

const journalStatsExample = `  holdfast journal stats
  holdfast journal stats --data /srv/holdfast --json`

// newJournalCommand returns the group of commands for the journal of a stopped server.
func newJournalCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "journal", Short: "check, print or measure the journal of a stopped server",
		Long: journalLong, Example: journalExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(newJournalVerifyCommand(p), newJournalDumpCommand(p), newJournalStatsCommand(p))
	return cmd
}

// journalFlags are the flags of all journal commands.
type journalFlags struct {
	data     string
	seedFile string
	json     bool
}

func (o *journalFlags) add(cmd *cobra.Command, p *Program) {
	f := cmd.Flags()
	f.SortFlags = false
	data := p.Getenv(config.EnvPrefix + "DATA")
	if data == "" {
		data = config.Default().Data
	}
	f.Var(newFolder(&o.data, data), "data", "data `folder` of the server")
	f.StringVar(&o.seedFile, "seed-file", p.Getenv(config.EnvPrefix+"SEED_FILE"), "seed `file` of the server; empty: the demo seed")
	addJSON(f, &o.json)
}

// newJournalVerifyCommand returns the command that checks a journal.
func newJournalVerifyCommand(p *Program) *cobra.Command {
	return newJournalReportCommand(p, &cobra.Command{
		Use: "verify", Short: "check every byte of the journal", Long: journalVerifyLong, Example: journalVerifyExample,
	}, func(ctx context.Context, o *journalFlags, seen inspect.Progress) (fmt.Stringer, error) {
		s, err := host.LoadSeed(o.seedFile)
		if err != nil {
			return nil, err
		}
		v, err := inspect.Verify(ctx, o.data, s, seen)
		if err == nil && o.seedFile != "" && v.Misfit() != nil {
			err = fmt.Errorf("%s: %w", o.seedFile, v.Misfit())
		}
		return v, err
	})
}

// newJournalStatsCommand returns the command that measures a journal.
func newJournalStatsCommand(p *Program) *cobra.Command {
	return newJournalReportCommand(p, &cobra.Command{
		Use: "stats", Short: "count the batches, orders, events and bytes of the journal", Long: journalStatsLong, Example: journalStatsExample,
	}, func(ctx context.Context, o *journalFlags, seen inspect.Progress) (fmt.Stringer, error) {
		return inspect.Measure(ctx, o.data, seen)
	})
}

// newJournalReportCommand completes a command that reads the journal to its end and
// prints a report.
func newJournalReportCommand(p *Program, cmd *cobra.Command, read func(context.Context, *journalFlags, inspect.Progress) (fmt.Stringer, error)) *cobra.Command {
	var o journalFlags
	o.add(cmd, p)
	cmd.Args = noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		show, leave := p.progressBar("KiB")
		found, err := read(cmd.Context(), &o, func(done, total int64) { show(int(done>>10), int(max(total>>10, 1))) })
		leave()
		if err != nil && !errors.Is(err, inspect.ErrCheckpoints) {
			return err
		}
		return errors.Join(err, p.print(found, o.json))
	}
	return cmd
}

// newJournalDumpCommand returns the command that prints the records.
func newJournalDumpCommand(p *Program) *cobra.Command {
	var o journalFlags
	var q inspect.Query
	cmd := &cobra.Command{
		Use: "dump", Short: "print the events of the journal, one per line",
		Long: journalDumpLong, Example: journalDumpExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.From > q.To {
				return usagef(cmd, "--from %d is after --to %d", q.From, q.To)
			}
			return p.dumpJournal(cmd.Context(), &o, q)
		},
	}
	o.add(cmd, p)
	f := cmd.Flags()
	f.Var(newWhole(&q.From, 1, 1, math.MaxUint64), "from", "first `batch`")
	f.Var(newWhole[uint64](&q.To, math.MaxUint64, 1, math.MaxUint64), "to", "last `batch`")
	f.Var(newWhole(&q.Customer, 0, 0, lastCustomer), "customer", "only events of this customer `number`; 0: all")
	f.Lookup("to").DefValue = "the last one"
	return cmd
}

func (p *Program) dumpJournal(ctx context.Context, o *journalFlags, q inspect.Query) error {
	s, err := host.LoadSeed(o.seedFile)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(p.Stdout, 1<<16)
	found := false
	err = inspect.Dump(ctx, o.data, s, q, func(r inspect.Record) error {
		found = true
		if o.json {
			return json.NewEncoder(out).Encode(r)
		}
		_, err := fmt.Fprintln(out, r)
		return err
	})
	if err == nil && !found {
		fmt.Fprintln(p.Stderr, "holdfast: no record matches; \"holdfast journal stats\" shows how many batches there are")
	}
	return errors.Join(err, out.Flush())
}
