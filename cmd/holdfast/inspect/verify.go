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
)

// Verified is the result of Verify for a sound journal.
type Verified struct {
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

// Verify checks every byte of the journal. If s is the seed of the folder, it also
// rebuilds the accounts.
func Verify(ctx context.Context, data string, s *seed.Seed, seen Progress) (*Verified, error) {
	start := time.Now()
	accounts, err := desk.NewReplica(s)
	if err != nil {
		return nil, err
	}
	v := &Verified{Journal: journalOf(data)}
	matches := false
	report, err := entries(ctx, data, seen, func(_ *journal.Batch, number uint64, e *desk.Entry) error {
		if number == 1 {
			v.Seed, matches = hex.EncodeToString(e.Seed[:]), fits(s, e)
		}
		if e.Genesis != (number == 1) {
			return errors.New("the hash of the seed file must be in the first record, and only there")
		}
		if !matches {
			return nil
		}
		return accounts.Apply(e)
	})
	if err != nil {
		return nil, err
	}
	if matches {
		hash := accounts.StateHash()
		v.StateHash = hex.EncodeToString(hash[:])
	}
	v.Batches, v.Records, v.Bytes = report.Batches, report.Records, report.Bytes
	v.Acknowledged, v.Torn = report.Acknowledged, report.Torn
	v.Seconds = time.Since(start).Seconds()
	return v, nil
}

// String returns the result as readable lines.
func (v *Verified) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: sound\n", v.Journal)
	state := v.StateHash
	if state == "" {
		state = "not computed: set --seed-file to the seed file of this folder"
	}
	fmt.Fprintf(&b, "  batches       %d\n  records       %d\n  bytes         %d\n  acknowledged  batch %d\n",
		v.Batches, v.Records, v.Bytes, v.Acknowledged)
	if v.Torn > 0 {
		fmt.Fprintf(&b, "  half written  %d bytes after the last batch; they were never acknowledged, and the next start removes them\n", v.Torn)
	}
	fmt.Fprintf(&b, "  seed          %s\n  state         %s\n  took          %.3f s\n", v.Seed, state, v.Seconds)
	return b.String()
}
