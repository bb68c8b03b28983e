package journal

// A Commit is a group of records that become durable together. Owner: the caller of
// Begin, until End.
type Commit[H Held] struct {
	draft draft
	held  H
	used  bool // it has a record, or Held was called
}

func newCommit[H Held](held H) *Commit[H] { return &Commit[H]{draft: newDraft(), held: held} }

// Record appends a copy of rec. It panics if rec is longer than MaxRecord.
func (g *Commit[H]) Record(rec []byte) {
	g.draft.record(rec)
	g.used = true
}

// Together makes the next n records, at least 1, which have that many bytes in all, come into one
// batch, so that a crash keeps all or none of them. It has no effect for more than MaxBatchRecords
// or MaxRecord bytes.
func (g *Commit[H]) Together(n, bytes int) { g.draft.together(n, bytes) }

// Held returns the collection that this commit releases. The caller may add to it
// without recording anything: it is then released as soon as everything before it is
// durable, and nothing is written. Call Held only to add something.
func (g *Commit[H]) Held() H {
	g.used = true
	return g.held
}

// within reports whether the commit is below the limits.
func (g *Commit[H]) within(limits *CommitterOptions) bool {
	return g.draft.records < limits.MaxOpenRecords && g.draft.bytes < limits.MaxOpenBytes &&
		(!g.used || g.held.SizeBytes() < limits.MaxHeldBytes)
}

func (g *Commit[H]) reset() {
	g.draft.reset()
	g.used = false
}
