package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
)

// copyPages is how many pages Copy reads before it looks at its context: 1 MiB.
const copyPages = 256

// Copy makes the new file to from the history at from, which another process may be writing: what
// was committed when Copy began. It is on the disk when Copy returns; after an error there is no
// file. It copies the pages as they are, and verifies nothing but that it is a history. Meanwhile
// the WAL of from grows by what is written.
func Copy(ctx context.Context, from, to string) error {
	if damageMark(from + damagedSuffix).exists() {
		return fmt.Errorf("history: copy %s: %w: found during an earlier run", from, ErrDamaged)
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("history: copy: %w", err)
	}
	err = errors.Join(file.Close(), copyFile(ctx, from, to))
	if err == nil {
		err = errors.Join(syncPath(to), syncPath(filepath.Dir(to)))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("history: copy %s: %w", from, cause(ctx, err)), os.Remove(to))
	}
	return nil
}

func copyFile(ctx context.Context, from, to string) error {
	source, err := sqlite.OpenConn(from, sqlite.OpenReadOnly)
	if err != nil {
		return err
	}
	defer source.Close()
	source.SetInterrupt(ctx.Done())
	// The transaction is one state for all steps of the copy.
	if err := execute(source, "BEGIN"); err != nil {
		return err
	}
	app, err := number(source, "PRAGMA application_id")
	if err == nil && app != applicationID {
		err = fmt.Errorf("%w: not a holdfast history (application id %#x)", ErrDamaged, app)
	}
	if err == nil {
		_, err = number(source, "SELECT count(*) FROM sqlite_schema")
	}
	if err != nil {
		return unreadable(err)
	}
	target, err := sqlite.OpenConn(to, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	return errors.Join(copyInto(ctx, target, source), target.Close())
}

func copyInto(ctx context.Context, target, source *sqlite.Conn) error {
	// If the copy is not complete it is removed, so it needs no journal.
	if err := setPragmas(target, []string{"journal_mode = off", "synchronous = off"}); err != nil {
		return err
	}
	b, err := sqlite.NewBackup(target, "", source, "")
	if err != nil {
		return err
	}
	defer b.Close()
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err = b.Step(copyPages); err != nil {
			return err
		}
	}
	return nil
}
