package inspect

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/seed"
	"holdfast/perf/table"
)

// Verified is the result of Verify for a sound journal.
type Verified struct {
	Journal      string `json:"journal"`
	Batches      uint64 `json:"batches"`
	Records      uint64 `json:"records"`
	Bytes        uint64 `json:"bytes"`
	Acknowledged uint64 `json:"acknowledged_batch"`
	Torn         int64  `json:"torn_bytes"`
	// Refolded counts the busts and corrections whose positions were computed again from
	// the executions; those of EarlyBusts, which an earlier release decided, can't be.
	Refolded   uint64  `json:"refolded"`
	EarlyBusts uint64  `json:"early_busts"`
	Seed       string  `json:"seed_sha256,omitempty"`
	StateHash  string  `json:"state_sha256,omitempty"`
	Seconds    float64 `json:"seconds"`
	misfit     error
}

// Verify checks every byte of the journal. If s fits the folder, it also rebuilds the
// accounts, computes the position of every bust and correction again from the executions that
// are left, and checks that every event of an order follows from the one before. Memory: see
// pasts and orders.
func Verify(ctx context.Context, data string, s *seed.Seed, seen Progress) (*Verified, error) {
	start := time.Now()
	v := &Verified{Journal: journalOf(data)}
	holdings, changed := make(map[holding]int), newOrders()
	accounts, err := desk.NewReplica(s, readBook(ctx, data, func(e *desk.Entry) {
		count(holdings, e)
		changed.count(e)
	}))
	if err != nil && !errors.Is(err, desk.ErrForeignData) {
		return nil, err
	}
	v.misfit = err
	fits := err == nil
	var all *pasts
	if fits {
		all = newPasts(holdings, changed, accounts)
	}
	report, err := entries(ctx, data, seen, func(_ *journal.Batch, number uint64, e *desk.Entry) error {
		if number == 1 {
			v.Seed = hex.EncodeToString(e.Seed[:])
		}
		if e.Genesis != (number == 1) {
			return errors.New("the hash of the seed file must be in the first record, and only there")
		}
		if !fits {
			return nil
		}
		err := accounts.Apply(e)
		if errors.Is(err, desk.ErrForeignData) {
			fits, v.misfit = false, err
			return nil
		}
		if err != nil {
			return err
		}
		return all.apply(e.Events)
	})
	if err != nil {
		return nil, err
	}
	if fits {
		hash := accounts.StateHash()
		v.StateHash = hex.EncodeToString(hash[:])
		v.Refolded, v.EarlyBusts = all.checked, all.early
	}
	v.Batches, v.Records, v.Bytes = report.Batches, report.Records, report.Bytes
	v.Acknowledged, v.Torn = report.Acknowledged, report.Torn
	v.Seconds = time.Since(start).Seconds()
	return v, nil
}

// Misfit returns why the accounts were not rebuilt: how the seed does not fit the folder.
func (v *Verified) Misfit() error { return v.misfit }

// String returns the result as readable lines.
func (v *Verified) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: sound\n", table.Escape(v.Journal))
	state := v.StateHash
	if state == "" {
		state = fmt.Sprintf("not computed: set --seed-file to the seed file of this folder (%v)", v.misfit)
	}
	fmt.Fprintf(&b, "  batches       %d\n  records       %d\n  bytes         %d\n  acknowledged  batch %d\n",
		v.Batches, v.Records, v.Bytes, v.Acknowledged)
	if v.Torn > 0 {
		fmt.Fprintf(&b, "  half written  %d bytes after the last batch; they were never acknowledged, and the next start removes them\n", v.Torn)
	}
	if v.Refolded > 0 || v.EarlyBusts > 0 {
		fmt.Fprintf(&b, "  positions     %d computed again after busts and corrections", v.Refolded)
		if v.EarlyBusts > 0 {
			fmt.Fprintf(&b, "; %d after busts of an earlier release were not", v.EarlyBusts)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "  seed          %s\n  state         %s\n  took          %.3f s\n", v.Seed, state, v.Seconds)
	return b.String()
}
