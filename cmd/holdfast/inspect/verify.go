package inspect

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/perf/table"
)

// Verified is the result of Verify for a sound journal.
type Verified struct {
	Journal      string `json:"journal"`
	FirstBatch   uint64 `json:"first_batch"` // above 1 if the journal was trimmed
	Batches      uint64 `json:"batches"`
	Records      uint64 `json:"records"`
	Bytes        uint64 `json:"bytes"`
	Acknowledged uint64 `json:"acknowledged_batch"`
	Torn         int64  `json:"torn_bytes"`
	// From is the batch of the checkpoint from which the accounts were rebuilt: the oldest one if
	// the journal was trimmed, else 0.
	From        uint64       `json:"from_checkpoint,omitempty"`
	Checkpoints []Checkpoint `json:"checkpoints,omitempty"` // newest first
	Unusable    []string     `json:"unusable_checkpoints,omitempty"`
	// Refolded counts the busts and corrections whose positions were computed again from
	// the executions. That is not possible for EarlyBusts, which an earlier release decided, and
	// for Unrefolded, which depend on executions before the checkpoint.
	Refolded   uint64  `json:"refolded"`
	EarlyBusts uint64  `json:"early_busts"`
	Unrefolded uint64  `json:"unrefolded,omitempty"`
	Seed       string  `json:"seed_sha256,omitempty"`
	StateHash  string  `json:"state_sha256,omitempty"`
	Seconds    float64 `json:"seconds"`
	misfit     error
}

// ErrNoStart means that a trimmed journal is sound, but that no checkpoint can be used to start
// from.
var ErrNoStart = errors.New("the start of the journal was trimmed, and there is no usable checkpoint: restore the data folder from a backup")

// verification is a Verify in progress.
type verification struct {
	Verified
	checkpoints *checkpoints
	accounts    *desk.Replica
	pasts       *pasts
	fits        bool // the seed fits the folder
}

// Verify checks every byte of the journal and of the checkpoints. If s fits the folder, it also
// rebuilds the accounts, computes the position of every bust and correction again from the
// executions that are left, checks that every event of an order follows from the one before, and
// compares the accounts with those in the checkpoints. For a trimmed journal it starts with the
// oldest checkpoint. Memory: see pasts and orders.
//
// With ErrCheckpoints the result is there, too.
func Verify(ctx context.Context, data string, s *seed.Seed, seen Progress) (*Verified, error) {
	start := time.Now()
	v := &verification{}
	v.Journal, v.FirstBatch = journalOf(data), firstBatch(ctx, data)
	if err := v.prepare(ctx, data, s); err != nil {
		return nil, err
	}
	report, err := entries(ctx, data, seen, v.entry)
	if err != nil {
		return nil, err
	}
	if v.FirstBatch > 1 && v.checkpoints.start == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoStart, cmp.Or(strings.Join(v.checkpoints.wrong, "; "), "there is none"))
	}
	if v.fits {
		hash := v.accounts.StateHash()
		v.StateHash = hex.EncodeToString(hash[:])
		v.Refolded, v.EarlyBusts, v.Unrefolded = v.pasts.checked, v.pasts.early, v.pasts.unknown
	}
	v.Batches, v.Records, v.Bytes = report.Batches, report.Records, report.Bytes
	v.Acknowledged, v.Torn = report.Acknowledged, report.Torn
	v.From = v.checkpoints.from()
	v.Checkpoints, err = v.checkpoints.finish(report.First+report.Batches-1, v.fits)
	v.Unusable = v.checkpoints.wrong
	v.Seconds = time.Since(start).Seconds()
	return &v.Verified, err
}

// prepare reads the checkpoints and what the journal defines.
func (v *verification) prepare(ctx context.Context, data string, s *seed.Seed) (err error) {
	if v.checkpoints, err = readCheckpoints(data, v.FirstBatch); err != nil {
		return err
	}
	book, err := v.checkpoints.book()
	if err != nil {
		return err
	}
	holdings, changed, from := make(map[holding]int), newOrders(), v.checkpoints.from()
	readBook(ctx, data, book, func(batch uint64, e *desk.Entry) {
		if batch > from {
			count(holdings, e)
			changed.count(e)
		}
	})
	if v.FirstBatch > 1 && v.checkpoints.start == nil {
		return nil // Verify says so after reading
	}
	if v.accounts, err = desk.NewReplica(s, book); err == nil {
		err = v.restore(s, changed)
	}
	switch {
	case errors.Is(err, desk.ErrForeignData):
		v.misfit = err
	case err != nil:
		return err
	default:
		v.fits = true
		v.pasts = newPasts(holdings, changed, v.accounts)
	}
	return nil
}

// restore reads the accounts of the checkpoints.
func (v *verification) restore(s *seed.Seed, o *orders) error {
	if err := v.checkpoints.expect(v.accounts); err != nil || v.checkpoints.start == nil {
		return err
	}
	if err := v.accounts.Restore(v.checkpoints.start); err != nil {
		return err
	}
	o.after(v.accounts, s.Customers)
	for i := range s.Customers {
		v.checkpoints.account(v.accounts.Account(s.Customers[i].Number), 0)
	}
	return nil
}

// entry checks a record.
func (v *verification) entry(b *journal.Batch, number uint64, e *desk.Entry) error {
	if number == b.First {
		v.checkpoints.batch(b)
	}
	if number == 1 {
		v.Seed = hex.EncodeToString(e.Seed[:])
	}
	if e.Genesis != (number == 1) {
		return errors.New("the hash of the seed file must be in the first record, and only there")
	}
	if !v.fits || len(e.Events) == 0 || v.accounts.Has(e) {
		return nil
	}
	if b.Number <= v.checkpoints.from() {
		return fmt.Errorf("%w: customer %d, event %d is missing in the checkpoint %d", ledger.ErrMismatch, e.Events[0].Customer(), e.Events[0].Number, v.checkpoints.from())
	}
	err := v.accounts.Apply(e)
	if errors.Is(err, desk.ErrForeignData) {
		v.fits, v.misfit = false, err
		return nil
	}
	if err != nil {
		return err
	}
	v.checkpoints.account(v.accounts.Account(e.Events[0].Customer()), b.Number)
	return v.pasts.apply(e.Events)
}

// Misfit returns why the accounts were not rebuilt: how the seed does not fit the folder.
func (v *Verified) Misfit() error { return v.misfit }

// String returns the result as readable lines.
func (v *Verified) String() string {
	t := table.Table{Align: "l", Indent: "  "}
	row := func(name, format string, values ...any) { t.Add(name, fmt.Sprintf(format, values...)) }
	if v.FirstBatch > 1 {
		row("first", "batch %d: those before it were trimmed", v.FirstBatch)
	}
	row("batches", "%s", counted(v.Batches))
	row("records", "%s", counted(v.Records))
	row("bytes", "%s", counted(v.Bytes))
	row("acknowledged", "batch %d", v.Acknowledged)
	if v.Torn > 0 {
		row("half written", "%s bytes after the last batch; they were never acknowledged, and the next start removes them", counted(v.Torn))
	}
	for _, c := range v.Checkpoints {
		from := ""
		if c.Batch == v.From {
			from = "; the accounts were rebuilt from it"
		}
		row("checkpoint", "batch %d, %s bytes, %s%s", c.Batch, counted(c.Bytes), c.Time.Format(time.RFC3339), from)
	}
	for _, why := range v.Unusable {
		row("unusable", "%s", table.Escape(why))
	}
	if v.Refolded > 0 || v.EarlyBusts > 0 || v.Unrefolded > 0 {
		text := counted(v.Refolded) + " computed again after busts and corrections"
		if v.EarlyBusts > 0 {
			text += "; " + counted(v.EarlyBusts) + " after busts of an earlier release were not"
		}
		if v.Unrefolded > 0 {
			text += "; " + counted(v.Unrefolded) + " were not, since they need executions before the checkpoint"
		}
		row("positions", "%s", text)
	}
	if v.Seed != "" {
		row("seed", "%s", v.Seed)
	}
	state := v.StateHash
	if state == "" {
		state = fmt.Sprintf("not computed: set --seed-file to the seed file of this folder (%v)", v.misfit)
	}
	row("state", "%s", state)
	row("took", "%.3f s", v.Seconds)
	return table.Escape(v.Journal) + ": sound\n" + string(t.AppendText(nil))
}
