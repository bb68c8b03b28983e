package engine

import "context"

// detachedTask is a message that left its lane, with its own context.
type detachedTask struct {
	ctx     *Context
	handler Handler
	body    []byte
	run     func() // bound once
}

// startOffLane runs h on a worker with a copy of the message; h replies. It returns false
// if too many tasks are running.
func (c *Core) startOffLane(from *Context, h Handler) bool {
	if c.offLaneTasks.Add(1) > int64(c.limits.OffLaneTasks) {
		c.offLaneTasks.Add(-1)
		return false
	}
	t, ok := c.detached.Get().(*detachedTask)
	if !ok {
		t = &detachedTask{ctx: c.NewContext()}
		t.ctx.offLane = true
		t.run = func() { c.runOffLane(t) }
	}
	t.handler = h
	t.body = append(t.body[:0], from.Message.Body...)
	r := from.Detach()
	t.ctx.Session, t.ctx.number, t.ctx.taken, t.ctx.unordered = r.Session, r.number, r.taken, r.unordered
	t.ctx.Message = from.Message
	t.ctx.Message.Body = t.body
	t.ctx.replied = false
	r.Session.due.Add(c.offLaneShare())
	if err := c.workers.Submit(t.run); err != nil {
		t.handler = c.config.Overloaded
		t.run()
	}
	return true
}

func (c *Core) runOffLane(t *detachedTask) {
	defer c.offLaneTasks.Add(-1)
	c.callOffLane(t)
	if !t.ctx.replied {
		t.ctx.unanswered()
	}
	t.ctx.out.Post()
	t.ctx.Session.due.Add(-c.offLaneShare()) // its reply counts by itself
	t.ctx.Session, t.handler = nil, nil
	c.detached.Put(t)
}

func (c *Core) callOffLane(t *detachedTask) {
	defer c.recoverPanic(t.ctx)
	t.handler(t.ctx)
}

// WaitOffLane returns when no task runs off the lane, or ErrDrainTimeout if ctx ends
// first. Tasks may start meanwhile.
func (c *Core) WaitOffLane(ctx context.Context) error {
	for c.offLaneTasks.Load() > 0 {
		if !sleep(ctx, shortestLook) {
			return ErrDrainTimeout
		}
	}
	return nil
}
