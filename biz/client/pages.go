package client

import (
	"fmt"

	"holdfast/codec/pb"
)

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
