package cluster

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"holdfast/biz/checkpoint"
	"holdfast/biz/history"
)

// A node lends the others what a stream does not have any more: the newest checkpoint of a venue and its
// history. It keeps a copy of both until the borrower has read it piece by piece.

const (
	lendSubject = "hf.lend." // then the name of the node that lends
	// pieceBytes is the size of a piece.
	pieceBytes = 512 << 10
	// loanTime is how long a loan may be unused.
	loanTime = time.Minute
	loanLook = 10 * time.Second

	checkpointsName = "checkpoints"
	historyName     = "history.db"
	loanFolder      = "lent"
)

// lendRequest is a request of a borrower. Without a loan it opens one.
type lendRequest struct {
	Loan   string `json:"loan,omitempty"`
	Stream int    `json:"stream"`
	First  uint64 `json:"first"` // the first batch of the stream: an older checkpoint is of no use
	File   int    `json:"file"`
	At     int64  `json:"at"`
	Close  bool   `json:"close,omitempty"`
}

// loan is the answer to a request that opens one.
type loan struct {
	Loan    string     `json:"loan"`
	Files   []lentFile `json:"files"`
	Refused string     `json:"refused,omitempty"` // why there is no loan
}

type lentFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// A lender lends what venues of its node have. Goroutine: that of run.
type lender struct {
	config *Config
	asked  chan *nats.Msg
	dir    string // of the loan; "": there is no loan
	loan   loan
	used   time.Time
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newLender also removes what is left of the loans of an earlier run.
func newLender(conn *nats.Conn, c *Config, streams int) (*lender, error) {
	for n := range streams {
		if err := os.RemoveAll(filepath.Join(c.venueFolder(n), loanFolder)); err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
	}
	l := &lender{config: c, asked: make(chan *nats.Msg, 64)}
	if _, err := conn.ChanSubscribe(lendSubject+c.Node, l.asked); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return l, nil
}

// run answers borrowers until ctx ends.
func (l *lender) run(ctx context.Context) {
	ticker := time.NewTicker(loanLook)
	defer ticker.Stop()
	defer l.end()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if time.Since(l.used) > loanTime {
				l.end()
			}
		case m := <-l.asked:
			_ = m.Respond(l.answer(ctx, m.Data)) // who asked sees that nothing comes
		}
	}
}

// answer returns the answer to a request: a loan, or a piece with its CRC32C before it.
func (l *lender) answer(ctx context.Context, body []byte) []byte {
	var r lendRequest
	switch err := json.Unmarshal(body, &r); {
	case err != nil:
		return nil
	case r.Close:
		if r.Loan == l.loan.Loan {
			l.end()
		}
		return nil
	case r.Loan != "":
		return l.piece(&r)
	}
	var answer loan
	if err := l.open(ctx, &r); err != nil {
		answer.Refused = err.Error()
	} else {
		answer = l.loan
	}
	text, _ := json.Marshal(&answer) // it never fails
	return text
}

// piece returns nothing if there is no such piece.
func (l *lender) piece(r *lendRequest) []byte {
	if r.Loan != l.loan.Loan || r.File < 0 || r.File >= len(l.loan.Files) {
		return nil
	}
	l.used = time.Now()
	file := l.loan.Files[r.File]
	f, err := os.Open(filepath.Join(l.dir, file.Name))
	if err != nil {
		return nil
	}
	defer f.Close()
	piece := make([]byte, 4+max(0, min(pieceBytes, file.Size-r.At)))
	if _, err := io.ReadFull(io.NewSectionReader(f, r.At, file.Size-r.At), piece[4:]); err != nil {
		return nil
	}
	binary.LittleEndian.PutUint32(piece, crc32.Checksum(piece[4:], castagnoli))
	return piece
}

// open makes the copies of a loan.
func (l *lender) open(ctx context.Context, r *lendRequest) (err error) {
	if l.dir != "" && time.Since(l.used) < loanTime {
		return errors.New("it lends to another node; ask again in a minute")
	}
	l.end()
	venue := l.config.venueFolder(r.Stream)
	l.dir, l.loan, l.used = filepath.Join(venue, loanFolder), loan{Loan: rand.Text()}, time.Now()
	defer func() {
		if l.used = time.Now(); err != nil {
			l.end()
		}
	}()
	c, _, err := checkpoint.Newest(filepath.Join(venue, checkpointsName), 0)
	switch {
	case err != nil:
		return err
	case c == nil || c.Point.Batch < r.First:
		return fmt.Errorf("it has no checkpoint from batch %d on", r.First)
	}
	if err := os.RemoveAll(l.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(l.dir, checkpointsName), 0o755); err != nil {
		return err
	}
	for n, name := range c.Files() {
		file := lentFile{Name: filepath.Join(checkpointsName, name), Size: c.SizeBytes}
		if n > 0 { // the log; more may be appended to it
			file.Size = c.Log.SizeBytes
		}
		if err := os.Link(filepath.Join(venue, file.Name), filepath.Join(l.dir, file.Name)); err != nil {
			return err
		}
		l.loan.Files = append(l.loan.Files, file)
	}
	to := filepath.Join(l.dir, historyName)
	if err := history.Copy(ctx, filepath.Join(venue, historyName), to); err != nil {
		return err
	}
	info, err := os.Stat(to)
	if err == nil {
		l.loan.Files = append(l.loan.Files, lentFile{Name: historyName, Size: info.Size()})
	}
	return err
}

// end ends the loan.
func (l *lender) end() {
	if l.dir != "" {
		_ = os.RemoveAll(l.dir) // the next loan does it again
	}
	l.dir, l.loan = "", loan{}
}
