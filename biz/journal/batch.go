package journal

import "iter"

// A Position is the place of a record.
type Position struct {
	Batch  uint64 // number of its batch, from 1
	Record uint64 // number of the record in the entire journal, from 1
}

// A Point is a batch of which someone knows the place and the checksum, such as the last one
// in a checkpoint. The zero value is the point before the first batch.
type Point struct {
	Batch    uint64
	Record   uint64 // the last record in it
	Checksum uint32 // Batch.Checksum
}

// A Batch is one durable, checked batch. It is valid only during the call that received
// it.
type Batch struct {
	// Number is the batch's place in the journal, from 1.
	Number uint64
	// First is the number of its first record in the entire journal, from 1.
	First uint64
	// Count is the number of its records, at least 1.
	Count int
	// Checksum is that of the batch and, through it, of all before it.
	Checksum uint32
	// Time is when the store wrote it, in Unix nanoseconds.
	Time int64
	// Epoch is that of the server that led the shared journal then: the number of its fence. 0 in
	// others.
	Epoch uint64
	// CaughtUp is true if this was the newest durable batch when it was delivered.
	CaughtUp bool

	body []byte
}

// Records yields the records with their numbers, in order. The slices are valid as long
// as the batch.
func (b *Batch) Records() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		body := b.body
		for n := b.First; len(body) > 0; n++ {
			rec, rest, err := nextRecord(body)
			if err != nil {
				panic("journal: unchecked batch: " + err.Error())
			}
			if !yield(n, rec) {
				return
			}
			body = rest
		}
	}
}
