package inspect

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// ErrCheckpoints means that checkpoints are damaged or do not fit the journal. The journal itself
// is sound.
var ErrCheckpoints = errors.New("the journal is sound, but not every checkpoint: remove it, or restore it from a backup")

// Checkpoint is a checkpoint of which every byte is right, and which fits the journal.
type Checkpoint struct {
	Batch uint64    `json:"batch"`
	Bytes int64     `json:"bytes"`
	Time  time.Time `json:"time"`
}

// checkpoints are the checkpoints of a data folder.
type checkpoints struct {
	all     []*checkpoint.Checkpoint // those without damage, newest first
	start   *checkpoint.Checkpoint   // the accounts start with it, since the journal was trimmed; may be nil
	wrong   []string                 // why others can't be used
	ahead   []*expected
	trimmed bool
}

// expected is what the journal must make for a checkpoint.
type expected struct {
	*checkpoint.Checkpoint
	accounts map[ledger.Customer]account
	left     int // accounts that were not compared
}

// account is the state of an account after its event last.
type account struct {
	last uint64
	hash [32]byte
}

// readCheckpoints checks every byte of the checkpoints. first is the first batch of the journal.
func readCheckpoints(data string, first uint64) (*checkpoints, error) {
	all, unusable, err := checkpoint.All(filepath.Join(data, "checkpoints"))
	if err != nil {
		return nil, err
	}
	c := &checkpoints{trimmed: first > 1}
	for _, err := range unusable {
		c.wrong = append(c.wrong, err.Error())
	}
	for _, at := range all {
		if at.Point.Batch+1 < first {
			c.wrong = append(c.wrong, fmt.Sprintf("%s: batch %d was trimmed from the journal", at.Path, at.Point.Batch+1))
			continue
		}
		c.all = append(c.all, at)
	}
	if n := len(c.all); n > 0 && c.trimmed {
		c.start = c.all[n-1]
	}
	return c, nil
}

// book returns the book that the journal continues.
func (c *checkpoints) book() (*desk.Book, error) {
	if c.start == nil {
		return desk.NewBook(), nil
	}
	return desk.BookOf(c.start)
}

// from returns the last batch that the accounts have from the start.
func (c *checkpoints) from() uint64 {
	if c.start == nil {
		return 0
	}
	return c.start.Point.Batch
}

// expect reads what the journal must make for each checkpoint, except the one to start with.
func (c *checkpoints) expect(accounts *desk.Replica) error {
	for _, at := range c.all {
		x := &expected{Checkpoint: at, accounts: make(map[ledger.Customer]account)}
		c.ahead = append(c.ahead, x)
		err := accounts.Accounts(at, func(a *ledger.Account) error {
			x.accounts[a.Customer()] = account{a.LastNumber(), a.Hash()}
			return nil
		})
		switch {
		case errors.Is(err, desk.ErrCheckpoint) && at != c.start:
			c.refuse(x, err.Error())
		case err != nil:
			return err
		}
		x.left = len(x.accounts)
	}
	return nil
}

// refuse records why a checkpoint can't be used.
func (c *checkpoints) refuse(x *expected, why string) {
	if !strings.HasPrefix(why, x.Path) {
		why = x.Path + ": " + why
	}
	c.wrong = append(c.wrong, why)
	for i := range c.ahead {
		if c.ahead[i] == x {
			c.ahead = append(c.ahead[:i:i], c.ahead[i+1:]...)
			return
		}
	}
}

// batch compares the checkpoints of a batch with it.
func (c *checkpoints) batch(b *journal.Batch) {
	for _, x := range c.ahead {
		if x.Point.Batch != b.Number {
			continue
		}
		if here := (journal.Point{Batch: b.Number, Record: b.First + uint64(b.Count) - 1, Checksum: b.Checksum}); here != x.Point {
			c.refuse(x, fmt.Sprintf("batch %d has the checksum %08x in it, and %08x in the journal", b.Number, x.Point.Checksum, b.Checksum))
		}
		return // there is one file for each batch
	}
}

// account compares an account after a batch with the checkpoints: it must have the state of its
// event there, and it must have all events up to the batch of the checkpoint.
func (c *checkpoints) account(a *ledger.Account, batch uint64) {
	for _, x := range c.ahead {
		want := x.accounts[a.Customer()]
		switch {
		case a.LastNumber() > want.last && batch <= x.Point.Batch:
			c.refuse(x, fmt.Sprintf("customer %d lacks the event %d of batch %d", a.Customer(), a.LastNumber(), batch))
		case want.last == 0 || want.last != a.LastNumber():
		case want.hash != a.Hash():
			c.refuse(x, fmt.Sprintf("customer %d differs from what the journal makes up to its event %d", a.Customer(), want.last))
		default:
			x.left--
		}
	}
}

// finish returns the checkpoints that fit the journal, which ends with batch last.
func (c *checkpoints) finish(last uint64, replayed bool) (good []Checkpoint, err error) {
	for _, x := range append([]*expected(nil), c.ahead...) {
		switch {
		case x.Through > last:
			c.refuse(x, fmt.Sprintf("it has batches up to %d, and the journal ends with batch %d", x.Through, last))
		case replayed && x.left > 0:
			c.refuse(x, fmt.Sprintf("%d customers in it have events that the journal lacks", x.left))
		default:
			good = append(good, Checkpoint{x.Point.Batch, x.SizeBytes + x.Log.SizeBytes, time.Unix(0, x.Time).UTC()})
		}
	}
	if len(c.wrong) > 0 {
		err = fmt.Errorf("%w: %s", ErrCheckpoints, strings.Join(c.wrong, "; "))
	}
	return good, err
}

// bookOf returns the checkpoints of a data folder, and the book that its journal continues. It is for
// readers that need only names.
func bookOf(ctx context.Context, data string) (*checkpoints, *desk.Book) {
	c, err := readCheckpoints(data, firstBatch(ctx, data))
	if err != nil {
		return &checkpoints{}, desk.NewBook()
	}
	b, err := c.book()
	if err != nil {
		return c, desk.NewBook()
	}
	return c, b
}
