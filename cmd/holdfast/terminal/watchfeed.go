package terminal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

const (
	// frameTime is the least time between two frames of a watch: pushes in between are in the
	// next one.
	frameTime = time.Second / 15
	// pollEvery is how often a watch measures the latency, and after pushes requests the totals
	// that no push has.
	pollEvery = 5 * time.Second
	// drawTime is how long a watch waits for a terminal to have drawn a frame before it sends the
	// next one: on a slow link frames would otherwise queue up, and what is shown would be old.
	drawTime = 3 * time.Second
)

// linkState is the state of the connection of a watch.
type linkState int

const (
	linkConnected linkState = iota
	linkWaiting             // lost, until the next attempt
	linkConnecting
)

// link is what a watch shows of its connection.
type link struct {
	state   linkState
	until   time.Time // linkWaiting: when the next attempt starts
	why     string    // why the connection was lost; escaped
	since   string    // how the view has continued after a reconnect
	server  string
	session uint64
	latency time.Duration // of the last heartbeat; 0: none yet
	dropped uint64        // pushes that the client has dropped
}

// tiding is something that has happened and is said in words. The newer has the larger number.
type tiding struct {
	number uint64
	text   string // escaped
	style  string
}

// frame is what a watch shows next. Pushes since the last frame are in it.
type frame struct {
	now    time.Time
	shown  client.Display
	market []client.Instrument // sorted; not changed any more. With prices as of a request, or after follow as pushed
	listed int                 // which list of instruments it is, from 1
	link   link
	tiding tiding // the last one
	pushes uint64 // received so far
}

// feed is the connection of a watch: it logs in and reconnects.
//
// Goroutines: those of the client, and run's. mu guards what they share.
type feed struct {
	ctx     context.Context
	options *Options
	changed chan struct{} // holds a value when there is something to show
	drawn   chan struct{} // receives a value when the terminal has drawn a frame

	mu     sync.Mutex
	client *client.Client
	link   link
	market []client.Instrument
	listed int
	shared bool // a frame has market
	prices bool // they are to be pushed
	tiding tiding
	pushes uint64
	missed uint64 // dropped pushes of earlier connections
	lost   error  // why the feed does not reconnect any more
}

// openFeed logs in and requests what a watch shows at its start. ctx bounds all requests of the feed.
func openFeed(ctx context.Context, o *Options) (*feed, error) {
	f := &feed{ctx: ctx, options: o, changed: make(chan struct{}, 1), drawn: make(chan struct{}, 1)}
	c, _, err := enter(ctx, o, func() client.Options { return client.Options{OnPush: f.pushed} })
	if err != nil {
		return nil, err
	}
	if err := f.use(c, ""); err != nil {
		_ = c.Close() // always nil
		return nil, Advise(err)
	}
	return f, nil
}

// use continues with a connection whose view restarts: it requests the instruments and the last
// executions.
func (f *feed) use(c *client.Client, since string) error {
	market, err := c.Quotes(f.ctx, nil, f.follows())
	if err != nil {
		return err
	}
	slices.SortFunc(market, func(x, y client.Instrument) int { return x.Key.Compare(y.Key) })
	page, err := c.History(f.ctx, client.HistoryQuery{Limit: client.MaxShown})
	if err != nil && c.Err() != nil {
		return err
	}
	if err != nil { // the history may be away while the server trades
		f.say(Red, "earlier executions: "+OneLine(Advise(err).Error()))
	}
	c.View().Merge(page.Executions)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.market, f.listed, f.shared = market, f.listed+1, false
	f.connected(c, since)
	return nil
}

// connected records a connection. The caller holds mu.
func (f *feed) connected(c *client.Client, since string) {
	f.client = c
	f.link = link{server: table.Escape(c.Addr()), session: c.Hello().UID, since: since, latency: f.link.latency}
	f.touch()
}

// touch makes the next frame come.
func (f *feed) touch() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// connection returns the present connection.
func (f *feed) connection() *client.Client {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.client
}

// frame returns what is to be shown now.
func (f *feed) frame() frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := frame{now: time.Now(), shown: f.client.View().Display(), market: f.market, listed: f.listed, link: f.link, tiding: f.tiding, pushes: f.pushes}
	f.shared = true
	now.link.dropped = f.missed + f.client.Dropped()
	return now
}

// pushed counts a push. Its effect is in the view already.
func (f *feed) pushed(p client.Push) {
	style, text := tidingOf(p.Event)
	if text != "" {
		f.say(style, text)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pushes++
	if q, ok := p.Event.(client.Quote); ok {
		f.reprice(q)
	}
	f.touch()
}

// reprice takes a new price. The caller holds mu.
func (f *feed) reprice(q client.Quote) {
	if f.shared {
		f.market, f.shared = slices.Clone(f.market), false
	}
	if i := instrumentIn(f.market, q.Key); i != nil {
		i.LastPrice = q.LastPrice
	}
}

// say records what has happened.
func (f *feed) say(style, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tiding = tiding{f.tiding.number + 1, text, style}
	f.touch()
}

// tidingOf returns a push in words, "" if the panes say enough. The text is escaped.
func tidingOf(e client.Event) (style, text string) {
	switch e := e.(type) {
	case client.ExecutionBusted:
		if e.CorrectedBy != 0 {
			return Yellow, fmt.Sprintf("execution #%d was corrected by #%d: %s", e.ID.Number(), e.CorrectedBy.Number(), table.Escape(e.Reason))
		}
		return Red, fmt.Sprintf("execution #%d was busted: %s", e.ID.Number(), table.Escape(e.Reason))
	case client.OrderUpdate:
		if o := e.Order; o.Status == client.StatusCancelled || o.Status == client.StatusExpired {
			return Yellow, orderInWords(o) + ", " + ended(o)
		}
	case client.AccountUpdate:
		text := "account " + e.Change.String()
		if e.Amount != 0 {
			text += " " + signed(e.Amount)
		}
		if e.Text != "" {
			text += ": " + table.Escape(e.Text)
		}
		return Yellow, text
	case client.Notice:
		return Red, "notice: " + table.Escape(e.Text)
	case client.SequenceBreak:
		return Red, e.String() + ": reloading the account"
	}
	return "", ""
}

// run reconnects and polls until ctx, which ends with that of openFeed, has ended or a login is
// refused; then it calls over. It calls show with each frame. stop waits until its goroutines have
// ended, which ctx ends.
func (f *feed) run(ctx context.Context, show func(frame), over func()) (stop func()) {
	kept := keepConnected(ctx, func() <-chan struct{} { return f.connection().Done() }, f.reconnect, over)
	var work sync.WaitGroup
	work.Go(func() { f.poll(ctx) })
	work.Go(func() { f.frames(ctx, func() { show(f.frame()) }) })
	return func() {
		kept()
		work.Wait()
	}
}

// frames calls show when something has changed, until ctx ends. It waits for a terminal that
// answers.
func (f *feed) frames(ctx context.Context, show func()) {
	answers := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.changed:
		}
		show()
		if !pause(ctx, frameTime) {
			return
		}
		if !answers {
			select {
			case <-f.drawn:
				answers = true
			default:
			}
			continue
		}
		late := time.NewTimer(drawTime)
		select {
		case <-ctx.Done():
		case <-f.drawn:
		case <-late.C:
			answers = false
		}
		late.Stop()
	}
}

// answered records that the terminal has drawn a frame.
func (f *feed) answered() {
	select {
	case f.drawn <- struct{}{}:
	default:
	}
}

// pause waits for a time. It returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// poll measures the latency and brings the totals up to date, until ctx ends.
func (f *feed) poll(ctx context.Context) {
	var asOf uint64
	for first := true; first || pause(ctx, pollEvery); first = false {
		c := f.connection()
		start := time.Now()
		if c.Heartbeat(ctx) != nil {
			continue // the connection has ended, or will
		}
		f.mu.Lock()
		f.link.latency = time.Since(start)
		f.touch()
		pushes := f.pushes
		f.mu.Unlock()
		if pushes != asOf {
			if _, err := c.Positions(ctx); err == nil {
				asOf = pushes
				f.touch()
			}
		}
	}
}

func (f *feed) follows() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.prices
}

// follow starts or ends the pushes of prices.
func (f *feed) follow(on bool) error {
	f.mu.Lock()
	f.prices = on
	c, keys := f.client, []client.Key(nil)
	if !on && len(f.market) > 0 {
		keys = []client.Key{f.market[0].Key} // the smallest request
	}
	f.mu.Unlock()
	list, err := c.Quotes(f.ctx, keys, on)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range list {
		f.reprice(client.Quote{Key: i.Key, LastPrice: i.LastPrice})
	}
	f.touch()
	return err
}

// place places an order.
func (f *feed) place(o client.Order) (client.Placed, error) {
	return f.connection().PlaceOrder(f.ctx, o)
}

// cancel cancels an order.
func (f *feed) cancel(id client.OrderID) (client.OrderState, error) {
	cancelled, err := f.connection().CancelOrder(f.ctx, client.OrderRef{ID: id})
	return cancelled.Order, err
}

// close logs out and closes the connection, and returns why the feed has given up.
func (f *feed) close() error {
	c := f.connection()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.ctx), goodbye)
	defer cancel()
	_ = c.Logout(ctx) // the connection ends next
	_ = c.Close()     // always nil
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}
