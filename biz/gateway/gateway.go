package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/engine"
)

// Config configures a Gateway.
type Config struct {
	// Desk has the accounts. It has not been started. Close it after the Gateway.
	Desk *desk.Desk
	// Seed has the customers and their credentials.
	Seed *seed.Seed
	// Heartbeat is the interval that Conn tells clients.
	Heartbeat time.Duration
	// Version is the server's version, for Conn.
	Version string
	// SubmitOnLoop runs Submit on the event loop instead of the lane.
	SubmitOnLoop bool
	// PasswordGuesses is how many wrong passwords for one customer may come from one
	// address in a minute before further ones are delayed. 0 means 5.
	PasswordGuesses int
	// SessionsPerAccount is how many sessions may be logged in to one account; a further
	// login is answered OVERLOADED. 0 means 1,024.
	SessionsPerAccount int
	// LoginQueue is how many logins may wait for their password to be verified; one
	// address may have half of them. A further login is answered OVERLOADED. 0 means
	// 8,192.
	LoginQueue int
	// LoginWait is how long a login may wait; then it is answered OVERLOADED. 0 means
	// 30 s.
	LoginWait time.Duration
	// Chat handles the command Chat; nil means that the server does not have it.
	Chat Chat
	// Preset is how the simulated broker behaves; Random is the seed of what is random in it.
	Preset market.Preset
	Random uint64
	// ReloadSettings loads the settings and the seed file again, and applies them with
	// Gateway.Reload. Its errors are for operators. nil means that a reload is refused.
	ReloadSettings func() (Reloaded, error)
	// FIXCompID is the server's CompID on FIX listeners; "" means HOLDFAST.
	FIXCompID string
	// FIXEcho takes the FIX sessions that are addressed to it, for tests of the session level; nil: nobody
	// does.
	FIXEcho FIXEcho
	// Clock is the trading clock. Required.
	Clock Clock
	// Log receives what operators should know; nil means slog.Default.
	Log *slog.Logger
	// Now is the computer's clock; nil means time.Now.
	Now func() time.Time
}

// defaultSessionsPerAccount is the default of Config.SessionsPerAccount.
const defaultSessionsPerAccount = 1024

// Gateway is the half of the server that deals with sessions.
type Gateway struct {
	config   Config
	log      *slog.Logger
	desk     *desk.Desk
	market   *market.Market
	accounts atomic.Pointer[map[ledger.Customer]*account] // replaced by Reload

	historyID []byte // desk.Desk.HistoryID

	core     *engine.Core // of Start
	state    engine.Property[*sessionState]
	presence presence
	quotes   quoteBoard
	catchUps catchUpBoard
	guesses  *guesses
	passes   passes
	fix      fixDoor
	queries  fixQueries

	demanding bool          // the preset delays or rejects
	draws     atomic.Uint64 // of random numbers
	delays    delays

	refusedSessions atomic.Uint64
	attempts        attempts

	// Clients can cause these log lines as often as they like; one per warnPause is logged.
	warnedAhead, warnedHistory engine.LogLimiter

	reloading sync.Mutex // held by Reload

	stop    context.CancelFunc
	running sync.WaitGroup
}

// warnPause is the shortest time between two log lines that clients cause.
const warnPause = time.Minute

// New returns a gateway to the accounts of a desk and becomes their watcher.
func New(c Config) *Gateway {
	if c.SessionsPerAccount <= 0 {
		c.SessionsPerAccount = defaultSessionsPerAccount
	}
	if c.LoginQueue <= 0 {
		c.LoginQueue = defaultLoginQueue
	}
	if c.LoginWait <= 0 {
		c.LoginWait = defaultLoginWait
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	g := &Gateway{
		config: c, log: c.Log, desk: c.Desk, market: c.Desk.Market(),
		demanding: c.Preset.LatencyMax > 0 || c.Preset.RejectRate > 0,
	}
	g.config.FIXCompID = cmp.Or(c.FIXCompID, "HOLDFAST")
	g.fix.reload(c.Seed)
	g.guesses = newGuesses(&c, g.refuseGuess)
	g.passes.tickets = make(map[ticketKey]ticket)
	g.delays.waiting = make(map[*delayedRequest]struct{})
	id := c.Desk.HistoryID()
	g.historyID = id[:]
	accounts := make(map[ledger.Customer]*account, len(c.Desk.Accounts()))
	for _, d := range c.Desk.Accounts() {
		accounts[d.Customer()] = g.watch(d)
	}
	g.accounts.Store(&accounts)
	g.quotes.subscribers = make(map[*engine.Session]*subscription)
	return g
}

// watch returns the gateway's account of one of the desk, and becomes its watcher.
func (g *Gateway) watch(d *desk.Account) *account {
	a := &account{Account: d, gateway: g}
	d.Watch(a)
	return a
}

// account returns the account of a customer, or nil.
func (g *Gateway) account(c ledger.Customer) *account { return (*g.accounts.Load())[c] }

// Start creates the engine's core, starts the desk and starts to push prices.
func (g *Gateway) Start(limits engine.Limits) (*engine.Core, error) {
	core, err := engine.NewCore(engine.Config{
		Router:     g.router(),
		Limits:     limits,
		NewLocal:   func() any { return g.newWorkspace() },
		Overloaded: overloaded,
		Malformed:  unreadable,
		OnOpen:     g.sessionOpened,
		OnClose:    g.sessionClosed,
		OnCatchUp:  g.caughtUp,
		Log:        g.log,
	})
	if err != nil {
		return nil, err
	}
	g.core = core
	g.state = engine.NewProperty[*sessionState](core)
	g.quotes.feed = core.NewFeed(engine.FeedOptions{Droppable: true})
	if g.config.Chat != nil {
		g.config.Chat.Start(core)
	}
	if g.config.FIXEcho != nil {
		g.config.FIXEcho.Start(core)
	}
	if err := g.desk.Start(desk.Hooks{
		NewOutbound: func() desk.Outbound { return newOutbound(core) },
		Failed:      func(error) { core.CloseAll(engine.ReasonUnavailable) },
	}); err != nil {
		_ = core.Close(context.Background()) // it has not done anything yet
		return nil, err
	}
	g.startFIX()
	g.delays.w = g.newWorkspace()
	ctx, cancel := context.WithCancel(context.Background())
	g.stop = cancel
	g.queries.start(ctx.Done())
	for range cap(g.guesses.slots) {
		g.running.Go(func() { g.verify(ctx) })
	}
	g.running.Go(func() { g.publish(ctx) })
	g.running.Go(func() { g.keepTime(ctx) })
	g.running.Go(func() { g.readPast(ctx) })
	return core, nil
}

// Drain returns when everything that was accepted is durable and its replies are posted.
// It is the reactor's OnDrain. Logins that wait for their password to be verified are
// answered OVERLOADED, requests that a preset or a directive delays UNAVAILABLE. FIX clients get a Logout.
func (g *Gateway) Drain(ctx context.Context) error {
	if err := g.guesses.drain(ctx); err != nil {
		return err
	}
	g.delays.stop()
	g.endFIX()
	return g.desk.Durable(ctx)
}

// Close stops the gateway's goroutines. There must be no sessions any more.
func (g *Gateway) Close() {
	g.guesses.giveUp()
	g.stop()
	g.running.Wait()
}

// RefusedSessions returns how many logins were refused because of SessionsPerAccount.
func (g *Gateway) RefusedSessions() uint64 { return g.refusedSessions.Load() }
