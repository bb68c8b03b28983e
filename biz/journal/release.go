package journal

// A Release collects what leaves when a commit is done: answers, pushes,
// anything that would show the new state. The caller fills it between Begin
// and End; the committer's goroutine empties it. Both methods must leave it
// empty and ready for another commit, and must not call the Committer.
type Release interface {
	// Release lets go what was collected. Everything recorded before is on
	// the disk.
	Release()
	// Abandon drops what was collected. It will never be known to be durable.
	Abandon()
	// Size returns how many bytes are collected; CommitterOptions.MaxHeldBytes bounds
	// them.
	Size() int
}
