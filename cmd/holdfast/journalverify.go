package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
)

const journalVerifyLong = `verify reads every byte of the journal and checks it: each batch by its checksums, that
each continues the one before it, that nothing acknowledged is missing at the end,
and that every record follows from those before it. It changes nothing: what a
killed server left half written stays, and is reported.

With the seed file of the folder it also rebuilds the accounts and gives the hash of
their state. The same journal always gives the same hash.

It ends with code 1 at the first damage and names file and position.`

const journalVerifyExample = `  holdfast journal verify
  holdfast journal verify --data /srv/holdfast --seed-file seed.json --json`

// newJournalVerifyCommand checks a whole journal.
func newJournalVerifyCommand(p *Program) *cobra.Command {
	var o journalFlags
	cmd := &cobra.Command{
		Use: "verify", Short: "check every byte of the journal",
		Long: journalVerifyLong, Example: journalVerifyExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runJournalVerify(cmd.Context(), &o)
		},
	}
	o.add(cmd.Flags(), p)
	return cmd
}

// verified is what a sound journal is found to be.
type verified struct {
	Journal      string  `json:"journal"`
	Batches      uint64  `json:"batches"`
	Records      uint64  `json:"records"`
	Bytes        uint64  `json:"bytes"`
	Acknowledged uint64  `json:"acknowledged_batch"`
	Torn         int64   `json:"torn_bytes"`
	Seed         string  `json:"seed_sha256,omitempty"`
	StateHash    string  `json:"state_sha256,omitempty"`
	Seconds      float64 `json:"seconds"`
}

func (p *Program) runJournalVerify(ctx context.Context, o *journalFlags) error {
	begin := time.Now()
	v, err := o.verify(ctx, p)
	if err != nil {
		return err
	}
	v.Seconds = time.Since(begin).Seconds()
	if o.json {
		return p.printJSON(v)
	}
	p.printVerified(v)
	return nil
}

func (o *journalFlags) verify(ctx context.Context, p *Program) (*verified, error) {
	s, err := loadSeed(o.seedFile)
	if err != nil {
		return nil, err
	}
	accounts, err := desk.NewReplica(s)
	if err != nil {
		return nil, err
	}
	v := &verified{Journal: o.dir()}
	known := false
	bar := p.newProgressBar("KiB")
	seen := func(done, total int64) { bar.show(int(done>>10), int(max(total>>10, 1))) }
	report, err := o.entries(ctx, seen, func(_ *journal.Batch, number uint64, e *desk.Entry) error {
		if number == 1 {
			v.Seed, known = hex.EncodeToString(e.Seed[:]), fits(s, e)
		}
		if e.Genesis != (number == 1) {
			return errors.New("the name of the seed file is in the wrong place")
		}
		if !known {
			return nil
		}
		return accounts.Apply(e)
	})
	bar.close()
	if err != nil {
		return nil, err
	}
	if known {
		hash := accounts.StateHash()
		v.StateHash = hex.EncodeToString(hash[:])
	}
	v.Batches, v.Records, v.Bytes = report.Batches, report.Records, report.Bytes
	v.Acknowledged, v.Torn = report.Acknowledged, report.Torn
	return v, nil
}

func (p *Program) printVerified(v *verified) {
	fmt.Fprintf(p.Stdout, "%s: sound\n", v.Journal)
	state := v.StateHash
	if state == "" {
		state = "not computed: give the --seed-file of this folder"
	}
	fmt.Fprintf(p.Stdout, "  batches       %d\n  records       %d\n  bytes         %d\n  acknowledged  batch %d\n",
		v.Batches, v.Records, v.Bytes, v.Acknowledged)
	if v.Torn > 0 {
		fmt.Fprintf(p.Stdout, "  half written  %d bytes behind the last batch; never acknowledged, the next start cuts them off\n", v.Torn)
	}
	fmt.Fprintf(p.Stdout, "  seed          %s\n  state         %s\n  took          %.3f s\n", v.Seed, state, v.Seconds)
}
