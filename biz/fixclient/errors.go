package fixclient

import "errors"

var (
	// ErrEnded means that the connection has ended; the text after it says why.
	ErrEnded = errors.New("the FIX session has ended")
	// ErrNotLoggedOn means that a message can't be sent: the client is not logged on any more.
	ErrNotLoggedOn = errors.New("not logged on")
	// ErrStore means that a file is not one of a Store.
	ErrStore = errors.New("this is no file of a FIX session")
)
