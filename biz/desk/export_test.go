package desk

import "holdfast/biz/ledger"

// RestoreBook is restoreBook, and the bytes that the result is stored as.
func RestoreBook(state []byte) (*Book, []byte, error) {
	b, fills, err := restoreBook(state)
	if err != nil {
		return nil, nil, err
	}
	return b, b.appendState(nil, fills), nil
}

// AppendBook appends the state of a book with these prices.
func AppendBook(dst []byte, b *Book, fills []ledger.Price) []byte { return b.appendState(dst, fills) }

// AppendEntry appends the record of an entry that is no event.
func AppendEntry(dst []byte, e *Entry) []byte { return append(dst, e.record()...) }
