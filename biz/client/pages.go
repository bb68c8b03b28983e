package client

import (
	"errors"
	"fmt"

	"holdfast/codec/pb"
)

// maxPulls is how often a list that comes in pages is requested if its pages do not fit together.
const maxPulls = 10

// errNotWhole means that the pages of a list do not fit together.
var errNotWhole = fmt.Errorf("%w: each time a list was requested, pushes were lost or the account was reset", ErrProtocol)

// untilWhole requests a list again as long as its pages do not fit together.
func untilWhole(request func() error) (err error) {
	for range maxPulls {
		if err = request(); !errors.Is(err, errNotWhole) {
			return err
		}
	}
	return err
}

// maxRows bounds a list that comes in pages: far more instruments than a server can have.
const maxRows = 1 << 22

// pager requests a list page by page. Limit: maxRows.
type pager struct {
	rows   int
	afters map[Key]bool // last rows of the pages so far
}

// next returns where the page after this one starts: after its last row. A page that
// brings nothing new is an error, or the loop would never end.
func (p *pager) next(last Key, rows int) (after *pb.InstrumentKey, err error) {
	p.rows += rows
	if rows == 0 || p.afters[last] || p.rows > maxRows {
		return nil, fmt.Errorf("%w: more pages are announced, but the last one, with %d rows, leads nowhere", ErrProtocol, rows)
	}
	if p.afters == nil {
		p.afters = make(map[Key]bool)
	}
	p.afters[last] = true
	return &pb.InstrumentKey{Market: last.Market, Code: last.Code}, nil
}
