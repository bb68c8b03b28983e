package journal

import "fmt"

// A chain is the end of what was read or written: the numbers of the next batch and the
// next record, and the CRC32C of the last batch.
type chain struct {
	batch  uint64
	record uint64
	crc    uint32
}

// startOfChain returns the end of an empty journal.
func startOfChain() chain { return chain{batch: 1, record: 1} }

// chainFrom returns the chain after the batch of p.
func chainFrom(p Point) chain {
	return chain{batch: p.Batch + 1, record: p.Record + 1, crc: p.Checksum}
}

// point returns the last batch of the chain.
func (c chain) point() Point { return Point{Batch: c.batch - 1, Record: c.record - 1, Checksum: c.crc} }

// after returns the chain after a batch.
func after(number uint64, h header) chain {
	return chain{batch: number + 1, record: h.first + uint64(h.count), crc: h.crc}
}

// follow checks that msg, stored under number, continues the chain, and moves the chain
// past it.
func (c *chain) follow(number uint64, msg []byte) (header, error) {
	if number != c.batch {
		return header{}, fmt.Errorf("missing, the next batch found is %d", number)
	}
	h, err := parseMessage(msg)
	if err != nil {
		return header{}, err
	}
	if !checksChain {
		*c = after(number, h)
		return h, nil
	}
	if h.first != c.record {
		return header{}, fmt.Errorf("starts with record %d instead of %d", h.first, c.record)
	}
	if h.prev != c.crc {
		return header{}, fmt.Errorf("follows a batch with checksum %08x instead of %08x", h.prev, c.crc)
	}
	*c = after(number, h)
	return h, nil
}
