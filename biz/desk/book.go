package desk

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// A HistoryID names a history: the events of one data folder since it was made, or since it
// was restored from a backup. Event numbers and client order ids mean something only
// within a history. Zero means no history.
type HistoryID [16]byte

func newHistoryID() (id HistoryID) {
	_, _ = rand.Read(id[:]) // it never fails
	return id
}

// A Listing defines an instrument. Events have its number, so it must never change.
type Listing struct {
	Key  seed.Key
	Tick ledger.Price
}

// An Opening is what a customer starts with. It must not change once the customer has
// orders.
type Opening struct {
	Customer ledger.Customer
	Cash     ledger.Money
	Holdings uint64 // a digest
}

// A Book is what the events of a journal depend on: which history they are, the
// instruments by number, and what the customers started with. The journal and the
// checkpoints have it, so that the seed file may change in everything else.
//
// Goroutine: one at a time.
type Book struct {
	history  HistoryID
	genesis  [32]byte // SHA-256 of the first seed file; zero if it was not read
	listings []Listing
	openings map[ledger.Customer]Opening
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{openings: make(map[ledger.Customer]Opening)} }

// History returns the identity of the history.
func (b *Book) History() HistoryID { return b.history }

// Key returns the key of an instrument; ok is false if the book lacks it.
func (b *Book) Key(id ledger.InstrumentID) (k seed.Key, ok bool) {
	if int(id) >= len(b.listings) {
		return seed.Key{}, false
	}
	return b.listings[id].Key, true
}

// Complete reports whether the book has all instruments and customers of the events. The
// definitions of a new journal end with its identity. A journal of an earlier release has
// neither until the first start of this one.
func (b *Book) Complete() bool { return b.history != HistoryID{} }

// empty reports whether nothing was added to the book.
func (b *Book) empty() bool {
	return b.history == HistoryID{} && b.genesis == [32]byte{} && len(b.listings) == 0 && len(b.openings) == 0
}

// Add adds what a record defines. It does nothing for an event. A definition may be added
// twice: a replay from a checkpoint repeats some.
func (b *Book) Add(e *Entry) error {
	switch {
	case e.Genesis:
		b.genesis = e.Seed
	case e.History != HistoryID{}:
		b.history = e.History
	case len(e.Listings) > 0:
		return b.list(e.First, e.Listings)
	}
	for _, o := range e.Openings {
		b.openings[o.Customer] = o
	}
	return nil
}

func (b *Book) list(first ledger.InstrumentID, listings []Listing) error {
	if int(first) > len(b.listings) {
		return fmt.Errorf("%w: definitions from instrument %d on follow %d instruments", ledger.ErrMalformed, first, len(b.listings))
	}
	for n, l := range listings {
		switch id := int(first) + n; {
		case id == len(b.listings):
			b.listings = append(b.listings, l)
		case b.listings[id] != l:
			return fmt.Errorf("%w: instrument %d is defined twice, as %s and as %s", ledger.ErrMalformed, id, b.listings[id].Key, l.Key)
		}
	}
	return nil
}

// A Change is what a seed file changes in a book.
type Change struct {
	// Seed is the seed with the instruments in the order of the book, new ones at the end.
	Seed *seed.Seed

	first    ledger.InstrumentID // of listings
	listings []Listing           // new
	openings []Opening           // new, or other than in the book
	frozen   map[ledger.Customer]error
}

// Compare returns what s changes in the book; the book stays as it is. Errors are
// ErrForeignData with what may not change in any case: an instrument is missing or has
// another tick, or the book is not complete and s is not the seed of the first start.
// What may change only for customers without orders is left to Change.Check.
func (b *Book) Compare(s *seed.Seed) (*Change, error) {
	if !b.Complete() && b.genesis != [32]byte{} && b.genesis != s.SHA256 {
		return nil, fmt.Errorf("%w yet: an earlier release wrote the folder; start it once with the very seed file of before (SHA-256 %x), then change the file", ErrForeignData, b.genesis)
	}
	order := make([]seed.Key, len(b.listings))
	for n := range b.listings {
		order[n] = b.listings[n].Key
	}
	aligned, err := s.Align(order)
	if err != nil {
		return nil, misfit("%w", err)
	}
	c := &Change{Seed: aligned, first: ledger.InstrumentID(len(b.listings)), frozen: make(map[ledger.Customer]error)}
	for n := range aligned.Instruments {
		i := &aligned.Instruments[n]
		if n >= len(b.listings) {
			c.listings = append(c.listings, Listing{seed.KeyOf(i), i.Tick})
		} else if was := b.listings[n].Tick; was != i.Tick {
			return nil, misfit("instrument %s: tick %s instead of %s", seed.KeyOf(i), i.Tick, was)
		}
	}
	b.compareCustomers(c)
	return c, nil
}

func (b *Book) compareCustomers(c *Change) {
	here := make(map[ledger.Customer]bool, len(c.Seed.Customers))
	for n := range c.Seed.Customers {
		o := openingOf(&c.Seed.Customers[n])
		here[o.Customer] = true
		was, listed := b.openings[o.Customer]
		if listed && was == o {
			continue
		}
		c.openings = append(c.openings, o)
		switch {
		case !listed:
		case was.Cash != o.Cash:
			c.frozen[o.Customer] = misfit("customer %d: cash %s, but the data folder was started with %s", o.Customer, o.Cash, was.Cash)
		default:
			c.frozen[o.Customer] = misfit("customer %d: other positions than the data folder was started with", o.Customer)
		}
	}
	for customer := range b.openings {
		if !here[customer] {
			c.frozen[customer] = misfit("customer %d %w, but has orders", customer, seed.ErrMissing)
		}
	}
}

// Check returns nil, or an ErrForeignData with the first change that is refused because
// the customer has orders, which traded reports.
func (c *Change) Check(traded func(ledger.Customer) bool) error {
	first := ledger.Customer(0)
	for customer := range c.frozen {
		if (first == 0 || customer < first) && traded(customer) {
			first = customer
		}
	}
	return c.frozen[first]
}

// Refused returns why the customer may have no orders with this seed, or nil.
func (c *Change) Refused(customer ledger.Customer) error {
	if len(c.frozen) == 0 {
		return nil
	}
	return c.frozen[customer]
}

// misfit returns an ErrForeignData.
func misfit(format string, args ...any) error {
	return fmt.Errorf("%w: %w; correct the seed file, or use another data folder", ErrForeignData, fmt.Errorf(format, args...))
}

// entries returns the definitions that the change adds to the book, in pieces that each fit
// in a record.
func (c *Change) entries() []Entry {
	var entries []Entry
	first := c.first
	for chunk := range slices.Chunk(c.listings, listingsPerRecord) {
		entries = append(entries, Entry{First: first, Listings: chunk})
		first += ledger.InstrumentID(len(chunk))
	}
	for chunk := range slices.Chunk(c.openings, openingsPerRecord) {
		entries = append(entries, Entry{Openings: chunk})
	}
	return entries
}

// openingOf returns what a customer of a seed starts with.
func openingOf(c *seed.Customer) Opening {
	holdings := c.Holdings
	byInstrument := func(x, y ledger.Holding) int { return cmp.Compare(x.Instrument, y.Instrument) }
	if !slices.IsSortedFunc(holdings, byInstrument) {
		holdings = slices.SortedFunc(slices.Values(holdings), byInstrument)
	}
	sum, field := fnv.New64a(), make([]byte, 8)
	for _, h := range holdings {
		for _, n := range [...]uint64{uint64(h.Instrument), uint64(h.Quantity), uint64(h.Cost)} {
			binary.BigEndian.PutUint64(field, n)
			_, _ = sum.Write(field) // it never fails
		}
	}
	return Opening{Customer: c.Number, Cash: c.Cash, Holdings: sum.Sum64()}
}
