package goconn

// textbook reads and writes frame by frame without a buffer.
//
// With several requests open at once on a connection the next one has mostly come
// when a reply is out, so that its goroutine never waits, and runs until Go preempts
// it, for some 10 ms: on one processor all other connections wait as long, each.
// That belongs to the design, and nothing here yields to hide it.
type textbook struct {
	direct
}

func (t *textbook) serve() error {
	for {
		frame, err := t.readFrame(t.tcp)
		if err != nil {
			return err
		}
		t.execute(frame)
	}
}
