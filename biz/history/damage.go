package history

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
)

// damage marks what SQLite says about a file that is not whole, so that callers
// need not know its codes.
func damage(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// cause is damage for a statement that ctx may have stopped: the answer is then
// the context's error, whatever the statement said.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return damage(err)
}
