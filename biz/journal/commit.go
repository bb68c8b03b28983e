package journal

// A Commit is the group that is being filled. Owner: whoever called Begin,
// until End.
type Commit[R Release] struct {
	committer *Committer[R]
	draft     draft
	release   R
	filled    bool // there is a record, or the release was handed out
}

func newCommit[R Release](c *Committer[R], r R) *Commit[R] {
	return &Commit[R]{committer: c, draft: newDraft(), release: r}
}

// Record appends a copy of rec. It panics if rec is longer than MaxRecord.
func (g *Commit[R]) Record(rec []byte) {
	g.draft.record(rec)
	g.filled = true
}

// Release is what leaves with this commit. It may be filled without recording
// anything: then it leaves as soon as everything before it is durable, and
// nothing is written. Call it only to put something in.
func (g *Commit[R]) Release() R {
	g.filled = true
	return g.release
}

// Pending reports whether something was handed over before that has not left
// yet: records that are not durable, or releases not yet let go. What shows
// state must then go through Release. Otherwise it may leave at once and still
// comes after everything that was handed over before.
func (g *Commit[R]) Pending() bool {
	return g.filled || g.committer.spare == nil
}

// room reports whether the commit may take more.
func (g *Commit[R]) room() bool {
	limits := &g.committer.options
	return g.draft.records < limits.MaxOpenRecords && g.draft.bytes < limits.MaxOpenBytes &&
		(!g.filled || g.release.Size() < limits.MaxHeldBytes)
}

func (g *Commit[R]) reset() {
	g.draft.reset()
	g.filled = false
}
