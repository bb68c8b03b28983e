package history

import (
	"encoding/binary"
	"fmt"
	"math"
)

// chunk is a row of the table of executions: consecutive executions of one customer.
type chunk struct {
	first, last uint64
	previous    uint32 // number of the execution before first; 0: it is the oldest
	from, to    int64  // the lowest and the highest time
	blob        []byte // each execution as appendFill encodes it
	blobSum     uint32 // CRC-32C of blob
}

// chunkKeyBytes is how many bytes the checksum of a chunk covers: all columns; those of the blob
// by its checksum. So a chunk that is skipped is verified without its blob.
const chunkKeyBytes = 40

func (c *chunk) checksum(space *scratch) uint32 {
	b := space[:chunkKeyBytes]
	binary.LittleEndian.PutUint64(b[0:], c.first)
	binary.LittleEndian.PutUint64(b[8:], c.last)
	binary.LittleEndian.PutUint64(b[16:], uint64(c.from))
	binary.LittleEndian.PutUint64(b[24:], uint64(c.to))
	binary.LittleEndian.PutUint32(b[32:], c.previous)
	binary.LittleEndian.PutUint32(b[36:], c.blobSum)
	return checksum(b)
}

// before returns the id of the execution before the chunk, or 0.
func (c *chunk) before() uint64 {
	if c.previous == 0 {
		return 0
	}
	return c.first&^math.MaxUint32 | uint64(c.previous)
}

// append adds an execution, of which before is the one before it in the chunk.
func (c *chunk) append(f, before *Fill) {
	if len(c.blob) == 0 {
		c.first, c.from, c.to = f.ID, f.Time, f.Time
	}
	c.last, c.from, c.to = f.ID, min(c.from, f.Time), max(c.to, f.Time)
	c.blob = appendFill(c.blob, f, before)
}

// base is what the first execution of a chunk is encoded against.
func (c *chunk) base() Fill { return Fill{ID: c.first, OrderID: c.first} }

// fills appends the executions of the chunk to list.
func (c *chunk) fills(list []Fill) ([]Fill, error) {
	r := fillReader{left: c.blob, fill: c.base()}
	from := len(list)
	for len(r.left) > 0 && !r.bad {
		r.next()
		list = append(list, r.fill)
	}
	if n := len(list); r.bad || n == from || list[from].ID != c.first || list[n-1].ID != c.last {
		return list[:from], fmt.Errorf("%w: executions %d to %d", ErrDamaged, c.first, c.last)
	}
	return list, nil
}

// The bits of the byte in front of an execution.
const (
	fillSell byte = 1 << iota
	fillSimple
	fillFeeInCost
	fillCost       // has a cost
	fillFee        // has a fee
	fillSettlement // has a settlement
	fillCorrects   // has a correction and its place
	fillUUID       // the client order id is a UUID in small letters
)

// appendFill encodes an execution: its bits, then numbers in 7 bits a byte (varint of
// encoding/binary), most of them as the difference from the execution before it, then the
// client order id.
func appendFill(b []byte, f, before *Fill) []byte {
	at := len(b)
	b = append(b, 0)
	bits := byte(0)
	b = binary.AppendUvarint(b, f.ID-before.ID)
	b = binary.AppendVarint(b, int64(f.OrderID-before.OrderID))
	b = binary.AppendVarint(b, int64(f.Event-before.Event))
	b = binary.AppendVarint(b, f.Time-before.Time)
	b = binary.AppendUvarint(b, uint64(f.Instrument))
	b = binary.AppendUvarint(b, uint64(f.Quantity))
	b = binary.AppendVarint(b, f.Price)
	if f.Cost != 0 {
		bits |= fillCost
		b = binary.AppendVarint(b, f.Cost)
	}
	if f.Fee != 0 {
		bits |= fillFee
		b = binary.AppendVarint(b, f.Fee)
	}
	if f.Settlement != 0 {
		bits |= fillSettlement
		b = binary.AppendVarint(b, f.Settlement-f.Time)
	}
	if f.Corrects != 0 || f.Place != 0 {
		bits |= fillCorrects
		b = binary.AppendUvarint(b, uint64(f.Corrects))
		b = binary.AppendUvarint(b, uint64(f.Place))
	}
	if f.Side == Sell {
		bits |= fillSell
	}
	if f.Simple {
		bits |= fillSimple
	}
	if f.FeeInCost {
		bits |= fillFeeInCost
	}
	var uuid [uuidBytes]byte
	if packUUID(&uuid, &f.ClientOrderID) {
		bits |= fillUUID
		b = append(b, uuid[:]...)
	} else {
		id := trimmed(&f.ClientOrderID)
		b = append(append(b, byte(len(id))), id...)
	}
	b[at] = bits
	return b
}

// fillReader decodes executions.
type fillReader struct {
	left []byte
	fill Fill // the last one
	bad  bool
}

// next replaces fill by the execution after it. It sets bad if it cannot.
func (r *fillReader) next() {
	f := &r.fill
	bits := r.byte()
	f.ID += r.uvarint()
	f.OrderID += uint64(r.varint())
	f.Event += uint64(r.varint())
	f.Time += r.varint()
	f.Instrument = uint32(r.uvarint())
	f.Quantity = int64(r.uvarint())
	f.Price = r.varint()
	f.Cost, f.Fee, f.Settlement, f.Corrects, f.Place = 0, 0, 0, 0, 0
	if bits&fillCost != 0 {
		f.Cost = r.varint()
	}
	if bits&fillFee != 0 {
		f.Fee = r.varint()
	}
	if bits&fillSettlement != 0 {
		f.Settlement = f.Time + r.varint()
	}
	if bits&fillCorrects != 0 {
		f.Corrects, f.Place = uint32(r.uvarint()), uint32(r.uvarint())
	}
	f.Side = Buy
	if bits&fillSell != 0 {
		f.Side = Sell
	}
	f.Simple, f.FeeInCost = bits&fillSimple != 0, bits&fillFeeInCost != 0
	if bits&fillUUID != 0 {
		unpackUUID(&f.ClientOrderID, r.bytes(uuidBytes))
		return
	}
	n := int(r.byte())
	if n > ClientOrderIDSize {
		r.bad = true
		return
	}
	f.ClientOrderID = [ClientOrderIDSize]byte{}
	copy(f.ClientOrderID[:], r.bytes(n))
}

func (r *fillReader) uvarint() uint64 {
	if len(r.left) > 0 && r.left[0] < 0x80 {
		n := r.left[0]
		r.left = r.left[1:]
		return uint64(n)
	}
	n, size := binary.Uvarint(r.left)
	if size <= 0 {
		r.bad, r.left = true, nil
		return 0
	}
	r.left = r.left[size:]
	return n
}

func (r *fillReader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *fillReader) byte() byte {
	if len(r.left) == 0 {
		r.bad = true
		return 0
	}
	b := r.left[0]
	r.left = r.left[1:]
	return b
}

// bytes returns the next n bytes, or nil if there are fewer.
func (r *fillReader) bytes(n int) []byte {
	if len(r.left) < n {
		r.bad, r.left = true, nil
		return nil
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}
