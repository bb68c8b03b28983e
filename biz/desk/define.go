package desk

import (
	"context"
	"time"
)

// defineTimeout bounds the writing of definitions at a start.
const defineTimeout = 30 * time.Second

// HistoryID returns the identity of the history. It does not change after New.
func (d *Desk) HistoryID() HistoryID { return d.historyID }

// chooseHistory sets the identity of the history: the one of the journal, or a new one. If
// there is no journal, the history ends with the process.
func (d *Desk) chooseHistory() {
	d.historyID = d.book.History()
	if !d.book.Complete() || d.config.NewHistory || d.config.NewCommitLog != nil {
		if d.historyID = d.config.HistoryID; d.historyID == (HistoryID{}) {
			d.historyID = newHistoryID()
		}
	}
}

// defineSeed makes what this start adds to the book durable: first the hash of the seed file
// in a new journal, then instruments and customers, then a new identity. So a journal
// with an identity has all definitions of its first start.
func (d *Desk) defineSeed(ctx context.Context) error {
	d.bookUse.Lock()
	defer d.bookUse.Unlock()
	entries := d.change.entries()
	if d.journal.LastBatch() == 0 || d.config.Lead && d.book.empty() { // a fence may be there
		entries = append([]Entry{{Genesis: true, Seed: d.config.Seed.SHA256}}, entries...)
	}
	if d.historyID != d.book.History() {
		entries = append(entries, Entry{History: d.historyID})
	}
	ctx, cancel := context.WithTimeout(ctx, defineTimeout)
	defer cancel()
	return d.define(ctx, entries)
}

// define makes entries durable, if there is a journal, and adds them to the book.
func (d *Desk) define(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if d.group != nil {
		if err := d.group.define(ctx, entries); err != nil {
			return err
		}
	}
	for n := range entries {
		if err := d.book.Add(&entries[n]); err != nil {
			return err
		}
	}
	if d.group != nil {
		d.group.setInstruments(len(d.book.listings))
	}
	return nil
}
