package history

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"zombiezen.com/go/sqlite"
)

// The rows of the meta table; their values are text.
const (
	keyProgress   = "progress"
	keyReplayFrom = "replay_from"
	keySeed       = "seed"
)

// Progress returns the number of the last journal batch that is wholly in, 0 if
// none is.
func (s *Store) Progress(ctx context.Context) (batch uint64, err error) {
	err = s.query(ctx, func(c *sqlite.Conn) error {
		batch, err = readNumber(c, keyProgress, 0)
		return err
	})
	return batch, err
}

// SetSeed stores the hash of the seed file that the data belongs to. It must not
// be called within a transaction of the same goroutine.
func (s *Store) SetSeed(ctx context.Context, seed [32]byte) error {
	err := s.within(ctx, func(w *writer) error {
		return w.putMeta(keySeed, hex.EncodeToString(seed[:]))
	})
	if err != nil {
		return fmt.Errorf("history: seed: %w", err)
	}
	return nil
}

// Seed returns the hash that SetSeed stored; ok is false if there is none.
// Whether it is the right one is the caller's to judge.
func (s *Store) Seed(ctx context.Context) (seed [32]byte, ok bool, err error) {
	err = s.query(ctx, func(c *sqlite.Conn) error {
		text, err := readMeta(c, keySeed)
		if err != nil || text == "" {
			return err
		}
		n, err := hex.Decode(seed[:], []byte(text))
		if err != nil || n != len(seed) {
			return fmt.Errorf("%w: seed %q", ErrDamaged, text)
		}
		ok = true
		return nil
	})
	return seed, ok, err
}

func (w *writer) putNumber(key string, n uint64) error {
	return w.putMeta(key, strconv.FormatUint(n, 10))
}

func (w *writer) putMeta(key, value string) error {
	w.setMeta.BindText(1, key)
	w.setMeta.BindText(2, value)
	w.setMeta.BindInt64(3, metaChecksum(key, value))
	return run(w.setMeta)
}

// readNumber returns the number under key, or none if there is no such row.
func readNumber(c *sqlite.Conn, key string, none uint64) (uint64, error) {
	text, err := readMeta(c, key)
	if err != nil || text == "" {
		return none, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return none, fmt.Errorf("%w: %s %q", ErrDamaged, key, text)
	}
	return n, nil
}

// readMeta returns the value of key, empty if there is none.
func readMeta(c *sqlite.Conn, key string) (value string, err error) {
	stmt, err := c.Prepare("SELECT value, checksum FROM meta WHERE key = ?")
	if err != nil {
		return "", err
	}
	stmt.BindText(1, key)
	found, err := stmt.Step()
	if err == nil && found {
		value = stmt.ColumnText(0)
		if stmt.ColumnInt64(1) != metaChecksum(key, value) {
			err = fmt.Errorf("%w: %s", ErrDamaged, key)
		}
	}
	return value, errors.Join(err, stmt.Reset())
}

func metaChecksum(key, value string) int64 {
	return int64(checksum([]byte(key + "=" + value)))
}
