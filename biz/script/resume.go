package script

import (
	"fmt"
	"time"

	"holdfast/biz/desk"
)

// Place is where a script starts or goes on.
type Place struct {
	// Start is when the clock starts.
	Start time.Time
	// Done is how many events an earlier run has executed.
	Done int
	// Resumed is true if the script was running before.
	Resumed bool
}

// Enter returns where the script starts on a desk: where the desk's journal says that a script with
// the same text has come, else at its start. The error is ErrFolderIsAhead.
func (s *Script) Enter(d *desk.Desk) (Place, error) {
	newest := time.Unix(0, d.NewestEvent()).In(s.Start.Location())
	at := d.ScriptPosition()
	switch {
	case at.Script == s.hash:
		p := Place{Start: s.Start, Done: at.Done, Resumed: true}
		if newest.After(p.Start) {
			p.Start = newest
		}
		return p, nil
	case !newest.Before(s.Start):
		return Place{}, fmt.Errorf("%w: its newest event is from %s, the script starts at %s",
			ErrFolderIsAhead, newest.Format(time.RFC3339), s.Start.Format(time.RFC3339))
	}
	return Place{Start: s.Start}, nil
}
