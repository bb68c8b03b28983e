package history

import (
	"context"
	"errors"
	"fmt"
	"os"

	"zombiezen.com/go/sqlite"
)

// damagedSuffix is the suffix of the empty file next to the database that records that
// damage was found.
const damagedSuffix = "-damaged"

// A damageMark is the path of this file.
type damageMark string

func (m damageMark) exists() bool {
	_, err := os.Lstat(string(m))
	return err == nil
}

// set creates the file if err is damage, and returns err. If it can't be created, the
// damage is found again at the next read of the same place.
func (m damageMark) set(err error) error {
	if errors.Is(err, ErrDamaged) {
		if f, err := os.OpenFile(string(m), os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_ = f.Close()
		}
	}
	return err
}

// damage turns SQLite's error codes for a damaged file, a full disk, a failing disk and a locked
// file into the errors of this package.
func damage(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlite.ResultFull:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite.ResultIOErr:
		return fmt.Errorf("%w: %w", ErrDisk, err)
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return err
}

// cause is damage for a statement that ctx may have stopped. If ctx has ended, it returns
// the context's error instead.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return damage(err)
}
