package gateway

import (
	"holdfast/biz/ledger"
	"holdfast/codec/pb"
)

// Limits of a page of Quotes or Positions, whichever is reached first.
const (
	maxPageRows = 1000
	// maxPageBytes keeps a page far below the longest frame, however long the names are.
	maxPageBytes = 128 << 10
)

// pageRows returns how many rows a page has if the request has this limit.
func pageRows(limit uint32) int {
	if limit == 0 {
		return maxPageRows
	}
	return int(min(limit, maxPageRows))
}

// pageBytes counts the bytes of a page.
type pageBytes int

// add counts a row. It returns false if the page would be too long with it; the first row
// always fits.
func (b *pageBytes) add(row interface{ SizeVT() int }) bool {
	const header = 3 // field number and length
	first := *b == 0
	*b += pageBytes(row.SizeVT() + header)
	return first || *b <= maxPageBytes
}

// pageStart returns where the page after that row starts, in the order of instrument ids.
// The row itself may be gone. The error is a refusal.
func (g *Gateway) pageStart(after *pb.InstrumentKey) (ledger.InstrumentID, error) {
	if after == nil {
		return 0, nil
	}
	id, ok := g.market.Find(after.Market, after.Code)
	if !ok {
		return 0, ledger.ErrUnknownInstrument
	}
	return id + 1, nil
}
