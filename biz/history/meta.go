package history

import (
	"context"
	"fmt"
	"strconv"

	"zombiezen.com/go/sqlite"
)

// The rows of the meta table; their values are text.
const (
	keyProgress   = "progress"
	keyChecksum   = "checksum" // of the batch of the progress
	keyReplayFrom = "replay_from"
)

// noChecksum is more than any CRC32C.
const noChecksum = 1 << 32

// Progress returns the number of the last journal batch that was committed, 0 if there is
// no such batch.
func (s *Store) Progress(ctx context.Context) (batch uint64, err error) {
	err = s.query(ctx, func(c *sqlite.Conn) error {
		batch, err = readNumber(c, keyProgress, 0)
		return err
	})
	return batch, err
}

// Checksum returns the checksum of the batch that Progress returns; ok is false if there is
// none: no batch was committed, or only by an earlier release.
func (s *Store) Checksum(ctx context.Context) (checksum uint32, ok bool, err error) {
	err = s.query(ctx, func(c *sqlite.Conn) error {
		n, err := readNumber(c, keyChecksum, noChecksum)
		if ok = n < noChecksum; ok {
			checksum = uint32(n)
		}
		return err
	})
	return checksum, ok, err
}

func (w *writer) putNumber(key string, n uint64) error {
	value := strconv.FormatUint(n, 10)
	w.setMeta.BindText(1, key)
	w.setMeta.BindText(2, value)
	w.setMeta.BindInt64(3, metaChecksum(key, value))
	return run(w.setMeta)
}

// readNumber returns the number under key, or none if there is no such row. It checks all
// rows, since a row with an altered key would look like a missing row.
func readNumber(c *sqlite.Conn, key string, none uint64) (n uint64, err error) {
	stmt, err := c.Prepare("SELECT key, value, checksum FROM meta")
	if err != nil {
		return none, err
	}
	n = none
	err = each(stmt, func(row *sqlite.Stmt) error {
		found, value := row.ColumnText(0), row.ColumnText(1)
		number, bad := strconv.ParseUint(value, 10, 64)
		if bad != nil || row.ColumnInt64(2) != metaChecksum(found, value) {
			return fmt.Errorf("%w: %s %q", ErrDamaged, found, value)
		}
		if found == key {
			n = number
		}
		return nil
	})
	return n, err
}

func metaChecksum(key, value string) int64 {
	return int64(checksum([]byte(key + "=" + value)))
}
