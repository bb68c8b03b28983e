package journal

import "fmt"

// A chain is the end of what was read or written: the numbers of the next batch and the
// next record, and the CRC32C of the last batch. In a shared journal it has the epoch, too: the
// number of the newest fence, 0 if there was none or that is unknown.
type chain struct {
	batch  uint64
	record uint64
	crc    uint32
	epoch  uint64
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
func after(number uint64, h header, epoch uint64) chain {
	return chain{batch: number + 1, record: h.first + uint64(h.count), crc: h.crc, epoch: epoch}
}

// pass looks at the epoch of a batch before follow. It reports whether the batch is void, and then
// moves the chain past it: its writer had been fenced. A fence has its own number as epoch.
func (c *chain) pass(number, epoch uint64) (void bool, err error) {
	switch {
	case number != c.batch: // follow refuses it
	case epoch < c.epoch:
		c.batch++
		return true, nil
	case epoch > c.epoch && epoch != number && c.epoch != 0:
		return false, fmt.Errorf("has epoch %d after the fence %d", epoch, c.epoch)
	default:
		c.epoch = epoch
	}
	return false, nil
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
		*c = after(number, h, c.epoch)
		return h, nil
	}
	if h.first != c.record {
		return header{}, fmt.Errorf("starts with record %d instead of %d", h.first, c.record)
	}
	if h.prev != c.crc {
		return header{}, fmt.Errorf("follows a batch with checksum %08x instead of %08x", h.prev, c.crc)
	}
	*c = after(number, h, c.epoch)
	return h, nil
}
