package journal

// Held collects what may leave only after a commit is durable: replies, pushes,
// everything that shows the new state. The caller adds to it between Begin and End; the
// committer's goroutine empties it. Release and Abandon must leave it empty and reusable,
// and must not call the Committer.
type Held interface {
	// Release sends what was collected: everything recorded before is on the disk.
	Release()
	// Abandon drops what was collected: its records may not be durable.
	Abandon()
	// SizeBytes returns how many bytes are collected. CommitterOptions.MaxHeldBytes
	// limits them.
	SizeBytes() int
}
