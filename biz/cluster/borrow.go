package cluster

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"holdfast/biz/checkpoint"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
)

const (
	borrowedFolder = "borrowed"  // what comes, until it is complete
	replacedFolder = "replaced-" // then a time: what was there before
	openLoanTime   = 10 * time.Minute
	pieceTime      = 5 * time.Second
	pieceAttempts  = 3
	// borrowAgain is the time after which a venue borrows again.
	borrowAgain = 5 * time.Minute
)

// errBorrowed means that the venue has a checkpoint and a history of another node now.
var errBorrowed = errors.New("the checkpoint and the history of another node were fetched")

// lacks reports whether a venue can't start since its stream was trimmed.
func lacks(err error) bool {
	return errors.Is(err, journal.ErrTrimmed) || errors.Is(err, desk.ErrNoCheckpoint) || errors.Is(err, desk.ErrHistoryLacks)
}

// complete fetches what a venue lacks that can't start because of err. It returns errBorrowed then, else err.
func (v *venue) complete(ctx context.Context, err error) error {
	if v.lacking.Store(lacks(err)); !lacks(err) || ctx.Err() != nil {
		return err
	}
	if v.leads() { // another node can own the venue
		err = errors.Join(err, v.node.stepDown(v.name, ""))
	}
	failed := errors.New("it was done a short time ago")
	if v.borrowed.IsZero() || time.Since(v.borrowed) > borrowAgain {
		failed = v.borrow(ctx)
	}
	if failed != nil {
		dir := v.node.config.venueFolder(v.number)
		return fmt.Errorf("%w; what this node needs can't be fetched from another one: %w: it is tried again; or stop this node, and copy %s and %s* into %s from the same folder of a node that is stopped, too",
			err, failed, checkpointsName, historyName, dir)
	}
	v.borrowed = time.Now()
	v.lacking.Store(false)
	return errBorrowed
}

// borrow fetches checkpoint and history from the first node that has them, the owner first.
func (v *venue) borrow(ctx context.Context) error {
	info, err := v.node.info(ctx, v.name)
	if err != nil {
		return err
	}
	err = nil
	for _, node := range nodesOf(info) {
		if node == v.node.config.Node {
			continue
		}
		failed := v.borrowFrom(ctx, node, info.State.FirstSeq)
		if failed == nil {
			return nil
		}
		err = errors.Join(err, fmt.Errorf("node %s: %w", node, failed))
	}
	return err
}

func (v *venue) borrowFrom(ctx context.Context, node string, first uint64) error {
	b := &borrower{conn: v.node.conn, subject: lendSubject + node}
	if err := b.open(ctx, v.number, first); err != nil {
		return err
	}
	defer b.close()
	venue := v.node.config.venueFolder(v.number)
	dir := filepath.Join(venue, borrowedFolder)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	v.node.log.Info("fetching the checkpoint and the history of another node, since the stream was trimmed", "stream", v.name, "from", node, "bytes", b.size())
	err := b.fetch(ctx, dir)
	if err == nil {
		err = checkBorrowed(ctx, dir, first)
	}
	if err == nil {
		var before string
		if before, err = install(venue, dir); before != "" {
			v.node.log.Info("the checkpoints and the history that were there before are kept; remove them when you like", "stream", v.name, "folder", before)
		}
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// A borrower reads what a lender lends.
type borrower struct {
	conn    *nats.Conn
	subject string
	stream  int
	loan    loan
}

func (b *borrower) open(ctx context.Context, stream int, first uint64) error {
	b.stream = stream
	body, _ := json.Marshal(lendRequest{Stream: stream, First: first}) // it never fails
	ctx, cancel := context.WithTimeout(ctx, openLoanTime)
	defer cancel()
	m, err := b.conn.RequestWithContext(ctx, b.subject, body)
	if err == nil {
		err = json.Unmarshal(m.Data, &b.loan)
	}
	switch {
	case err != nil:
		return err
	case b.loan.Refused != "":
		return errors.New(b.loan.Refused)
	}
	return nil
}

func (b *borrower) close() {
	body, _ := json.Marshal(lendRequest{Loan: b.loan.Loan, Close: true}) // it never fails
	_ = b.conn.Publish(b.subject, body)                                  // the lender ends it some time
}

func (b *borrower) size() (bytes int64) {
	for _, f := range b.loan.Files {
		bytes += f.Size
	}
	return bytes
}

// fetch writes the files into a folder.
func (b *borrower) fetch(ctx context.Context, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, checkpointsName), 0o755); err != nil {
		return err
	}
	for n, file := range b.loan.Files {
		if file.Name != historyName && (filepath.Dir(file.Name) != checkpointsName || !checkpoint.IsFile(filepath.Base(file.Name))) {
			return fmt.Errorf("it lends an unknown file %q", file.Name)
		}
		if err := b.file(ctx, n, filepath.Join(dir, file.Name)); err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	return nil
}

func (b *borrower) file(ctx context.Context, n int, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for at := int64(0); at < b.loan.Files[n].Size && err == nil; {
		var piece []byte
		if piece, err = b.piece(ctx, n, at); err == nil {
			_, err = f.Write(piece)
		}
		at += int64(len(piece))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// piece reads the piece of a file from a place on.
func (b *borrower) piece(ctx context.Context, n int, at int64) (piece []byte, err error) {
	body, _ := json.Marshal(lendRequest{Loan: b.loan.Loan, Stream: b.stream, File: n, At: at}) // it never fails
	for range pieceAttempts {
		once, cancel := context.WithTimeout(ctx, pieceTime)
		var m *nats.Msg
		m, err = b.conn.RequestWithContext(once, b.subject, body)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
		case len(m.Data) <= 4:
			return nil, errors.New("the other node has ended the loan")
		case crc32.Checksum(m.Data[4:], castagnoli) != binary.LittleEndian.Uint32(m.Data):
			err = fmt.Errorf("from byte %d on: another checksum", at)
		default:
			return m.Data[4:], nil
		}
	}
	return nil, err
}

// checkBorrowed reads all of the checkpoint, and whether the history goes on to the first batch of the
// stream.
func checkBorrowed(ctx context.Context, dir string, first uint64) error {
	good, unusable, err := checkpoint.All(filepath.Join(dir, checkpointsName))
	switch {
	case err != nil:
		return err
	case len(good) == 0:
		return errors.Join(append(unusable, errors.New("no good checkpoint has come"))...)
	}
	h, err := history.Open(ctx, history.Options{Path: filepath.Join(dir, historyName)})
	if err != nil {
		return err
	}
	batch, err := h.Progress(ctx)
	if err = errors.Join(err, h.Close()); err == nil && batch+1 < first {
		err = fmt.Errorf("its history ends with batch %d, and the stream starts with batch %d", batch, first)
	}
	return err
}

// install puts what is in dir into the folder of a venue. What was there stays in the folder aside, "" if
// nothing was. If it is interrupted, the next start lacks something and fetches again.
func install(venue, dir string) (aside string, err error) {
	entries, err := os.ReadDir(venue)
	if err != nil {
		return "", err
	}
	var before []string
	for _, e := range entries {
		if e.Name() == checkpointsName || strings.HasPrefix(e.Name(), historyName) {
			before = append(before, e.Name())
		}
	}
	if len(before) > 0 {
		aside = filepath.Join(venue, replacedFolder+strconv.FormatInt(time.Now().UnixNano(), 10))
		if err := os.Mkdir(aside, 0o755); err != nil {
			return "", err
		}
		for _, name := range before {
			if err := os.Rename(filepath.Join(venue, name), filepath.Join(aside, name)); err != nil {
				return aside, err
			}
		}
	}
	for _, name := range []string{historyName, checkpointsName} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(venue, name)); err != nil {
			return aside, err
		}
	}
	f, err := os.Open(venue)
	if err != nil {
		return aside, err
	}
	return aside, errors.Join(f.Sync(), f.Close())
}
