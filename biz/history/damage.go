package history

import (
	"context"
	"errors"
	"fmt"
	"os"

	"zombiezen.com/go/sqlite"
)

// noteSuffix is that of the empty file beside the database which says that damage
// was found.
const noteSuffix = "-damaged"

// A damageNote is the path of that file.
type damageNote string

func (n damageNote) there() bool {
	_, err := os.Lstat(string(n))
	return err == nil
}

// keep leaves the note if err is damage, and returns err. Where that fails, the
// damage is found again when somebody reads the same place.
func (n damageNote) keep(err error) error {
	if errors.Is(err, ErrDamaged) {
		if f, err := os.OpenFile(string(n), os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_ = f.Close()
		}
	}
	return err
}

// damage marks what SQLite says about a file that is not whole or a disk that does
// not do its work, so that callers need not know its codes.
func damage(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlite.ResultFull:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite.ResultIOErr:
		return fmt.Errorf("%w: %w", ErrDisk, err)
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
