package goconn

// textbookConn reads and writes frame by frame without a buffer.
//
// If a client keeps several requests in flight, the next one has usually arrived when a
// reply is written. Then the goroutine never waits and runs until Go preempts it after
// about 10 ms; on one processor all other connections wait that long. This is part of the
// design, so no code here yields to hide it.
type textbookConn struct {
	inlineConn
}

func (t *textbookConn) serve() error {
	for {
		frame, err := t.readFrame(t.stream)
		if err != nil {
			return err
		}
		t.execute(frame)
	}
}
