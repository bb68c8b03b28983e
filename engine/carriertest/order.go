package carriertest

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

func eachClassAnswers(t *testing.T, start New) {
	s := start.serve(t, engine.Config{}, Options{})
	for _, cmd := range []codec.Command{OnLane, OnLoop, OffLane} {
		Dial(t, s.Addr).Echoes(cmd)
	}
	p := Dial(t, s.Addr)
	p.Send(Unknown, 9, "")
	p.Expect(Unknown.Reply(), 9, string(rune(codec.ResultUnknownCommand)))
	p.Echoes(OnLane)
}

func repliesKeepTheOrder(t *testing.T, start New) {
	s := start.serve(t, engine.Config{}, Options{})
	const sessions, requests = 8, 1000
	var wg sync.WaitGroup
	for range sessions {
		p := Dial(t, s.Addr)
		wg.Go(func() {
			for i := range uint64(requests) {
				cmd := []codec.Command{OnLane, OnLoop, Unknown}[i%3]
				if _, err := p.Write(Frame(cmd, i, "")); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wg.Go(func() {
			for i := range uint64(requests) {
				if m, err := p.Next(); err != nil || m.ID != i {
					t.Errorf("reply %d has id %d, %v", i, m.ID, err)
					return
				}
			}
		})
	}
	wg.Wait()
	const frames, replies = sessions * requests * codec.PacketHeaderLen, sessions * requests * (codec.PacketHeaderLen + 1)
	want := engine.Traffic{Requests: sessions * requests, Replies: sessions * requests, BytesIn: frames, BytesOut: replies}
	Eventually(t, "the count of all", func() bool { return t.Failed() || s.Traffic() == want })
}

func repliesQueueBehindADeferredOne(t *testing.T, start New) {
	var deferred Deferred
	s := start.serve(t, engine.Config{Router: Router(deferred.Defer)}, Options{})
	p, other := Dial(t, s.Addr), Dial(t, s.Addr)
	p.MustWrite(append(append(append(Frame(OnLane, 1, "a"), Frame(Special, 2, "")...), Frame(OnLane, 3, "c")...), Frame(OnLoop, 4, "d")...))
	p.Expect(OnLane.Reply(), 1, "\x00a")
	other.Echoes(OnLane) // another session does not wait
	other.Echoes(OnLoop)
	Eventually(t, "the replies that wait", func() bool { return s.Traffic().Replies == 5 })
	deferred.Answer(s.Core)
	p.Expect(Special.Reply(), 2, "\x00")
	p.Expect(OnLane.Reply(), 3, "\x00c")
	p.Expect(OnLoop.Reply(), 4, "\x00d")
	p.Echoes(OnLoop)
	p.Echoes(OnLane)
}

// Deferred and other replies alternate, while other goroutines answer the deferred ones
// at any time and in any order, with pushes in between.
func deferredRepliesKeepTheOrder(t *testing.T, start New) {
	const requests = 6000
	var deferred Deferred
	s := start.serve(t, engine.Config{Router: Router(deferred.Defer), Limits: wideLimits()}, Options{})
	p := Dial(t, s.Addr)
	answered := startAnswering(s.Core, &deferred)
	var wg sync.WaitGroup
	wg.Go(func() {
		var all []byte
		for i := range uint64(requests) {
			all = append(all, Frame([]codec.Command{Special, OnLane, OnLoop}[i%3], i, "")...)
		}
		if _, err := p.Write(all); err != nil {
			t.Error(err)
		}
	})
	pushes := 0
	for i := uint64(0); i < requests || pushes < requests/3; {
		m, err := p.Next()
		if err != nil || m.Command.IsReply() && m.ID != i {
			t.Errorf("reply %d has id %d, %v", i, m.ID, err)
			break
		}
		if m.Command.IsReply() {
			i++
		} else {
			pushes++
		}
	}
	answered()
	wg.Wait()
}

// startAnswering starts two goroutines that answer deferred requests, with a push each,
// until the returned function is called.
func startAnswering(core *engine.Core, deferred *Deferred) (end func()) {
	var wg sync.WaitGroup
	ended := make(chan struct{})
	for seed := range uint64(2) {
		random := rand.New(rand.NewPCG(seed, seed))
		wg.Go(func() {
			out := core.NewOutbox()
			defer out.Free()
			for {
				select {
				case <-ended:
					return
				default:
				}
				all := deferred.Take()
				random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				for _, r := range all {
					out.Reply(r, codec.ResultOK, nil)
					out.Push(r.Session, codec.PushExecution, r.ID, nil)
				}
				out.Post()
				runtime.Gosched()
			}
		})
	}
	return func() {
		close(ended)
		wg.Wait()
	}
}

// In the packet dialect a detached reply is unordered.
func detachedRepliesHoldNobodyUp(t *testing.T, start New) {
	var detached Deferred
	unblock := make(chan struct{})
	router := Router(detached.Detach)
	router.Handle(0x20, engine.OffLane, func(c *engine.Context) { <-unblock; Echo(c) })
	s := start.serve(t, engine.Config{Router: router}, Options{})
	p := Dial(t, s.Addr)
	p.Send(Special, 1, "late")
	p.Send(0x20, 2, "later")
	for range 3 {
		p.Echoes(OnLane)
		p.Echoes(OnLoop)
	}
	detached.Answer(s.Core)
	p.Expect(Special.Reply(), 1, "\x00")
	p.Echoes(OnLane)
	close(unblock)
	p.Expect(codec.Command(0x20).Reply(), 2, "\x00later")
	p.Echoes(OnLoop)
}

func noticeQueuesBehindADeferredReply(t *testing.T, start New) {
	var deferred Deferred
	opened := make(chan *engine.Session, 1024)
	s := start.serve(t, engine.Config{
		Router: Router(deferred.Defer), OnOpen: func(s *engine.Session) { opened <- s },
	}, Options{})
	for _, end := range []struct {
		name   string
		frame  string
		notice pb.NoticeCode
	}{
		{"bad length", "\x00\x00\x00\x03", pb.NoticeCode_NOTICE_CODE_MALFORMED},
		{"panic", string(Frame(Panics, 3, "")), pb.NoticeCode_NOTICE_CODE_INTERNAL},
	} {
		t.Run(end.name, func(t *testing.T) {
			p := Dial(t, s.Addr)
			session := <-opened
			other := Dial(t, s.Addr)
			<-opened
			p.Send(OnLane, 1, "a")
			p.Send(Special, 2, "")
			p.MustWrite([]byte(end.frame))
			p.Expect(OnLane.Reply(), 1, "\x00a")
			Eventually(t, "the end on its way", session.Closing)
			other.Echoes(OnLane)
			deferred.Answer(s.Core)
			p.Expect(Special.Reply(), 2, "\x00")
			p.ExpectNotice(end.notice)
		})
	}
}
