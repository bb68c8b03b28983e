package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/perf/load"
)

func guesses() Fault {
	return Fault{
		Name: "guesses", ID: "S2", Short: "10,000 password guesses a second beside live traffic",
		Promise: "the server checks five guesses a minute for each customer and address; live p99 at most doubles, and the owners of the accounts can log in",
		Long:    Size{Rounds: fullPairs, Size: 10_000}, Gate: Size{Rounds: 1, Size: 1_000},
		RoundsHelp: "windows without the fault, and as many with it",
		SizeHelp:   "guesses a second",
		Run:        runGuesses,
	}
}

// guessesPerMinute is how many passwords per customer and address the server checks in a
// minute.
const guessesPerMinute = 5

func runGuesses(ctx context.Context, r *Run) error {
	s := must(r.Start(ctx, r.onOneCore(ServerOptions{})))
	g := &guesser{addr: s.Addr, rate: r.Size, random: r.Random()}
	l := live{pairs: r.Rounds, Options: load.Options{Addr: s.Addr, Connections: 200, Rate: 5_000}}
	start := time.Now()
	c := l.sideBySide(ctx, r, g.guess)
	guessOneByOne(ctx, r, s)
	took := time.Since(start)
	c.figures(r, 2)
	r.Figure("guesses", g.sent, "")
	r.Figure("guesses a second", float64(g.sent)/g.took.Seconds(), "")
	r.Figure("guesses checked", g.tried, "")
	r.Figure("guesses refused: try later", g.overloaded, "")
	// Five at once, then one every twelve seconds.
	if most := guessPairs * (guessesPerMinute + 1 + int(took/(time.Minute/guessesPerMinute))); g.tried > most {
		r.Broken("the server checked %d guesses for %d customers from one address in %v; %d were allowed", g.tried, guessPairs, rounded(took), most)
	}
	if g.let > 0 {
		r.Broken("%d wrong passwords were accepted", g.let)
	}
	if err := ownerGetsIn(ctx, s); err != nil {
		r.Broken("the login of an owner with the right password failed: %v", err)
	}
	return nil
}

// guessPairs is how many customers are attacked, all from one address.
const guessPairs = 4

// Limits of guessOneByOne. In that time the server must check fewer guesses.
const (
	oneByOneGuesses = guessesPerMinute + 3
	oneByOneTime    = 8 * time.Second
)

// guesser sends wrong passwords at a rate. Goroutine: one.
type guesser struct {
	addr   string
	rate   int // a second
	random *rand.Rand

	sent, tried, overloaded, let int
	took                         time.Duration
}

// guessOneByOne attacks one customer without live traffic, one guess after the other. So
// the limit also shows on a machine that is too slow to check all allowed guesses.
func guessOneByOne(ctx context.Context, r *Run, s *Server) {
	const victim = firstCustomer + customers - 1
	c := must(client.Dial(ctx, s.Addr, client.Options{}))
	defer c.Close()
	start := time.Now()
	soon, cancel := context.WithTimeout(ctx, oneByOneTime)
	defer cancel()
	tried := 0
	for tried < oneByOneGuesses && soon.Err() == nil && c.Err() == nil {
		_, err := c.Login(soon, victim, client.Password("wrong"))
		if errors.Is(err, client.ErrUnauthenticated) {
			tried++
			continue
		}
		sleep(soon, 20*time.Millisecond) // too many other guesses are waiting
	}
	took := time.Since(start)
	r.Figure("guesses checked one after the other", tried, "in "+rounded(took).String())
	if most := guessesPerMinute + int(took/(time.Minute/guessesPerMinute)); tried > most {
		r.Broken("the server checked %d guesses for one customer in %v; %d were allowed", tried, rounded(took), most)
	}
	if tried == 0 {
		check(fmt.Errorf("%w: the server checked no guess", ErrTooLittle))
	}
	check(ctx.Err())
}

// guess sends wrong passwords until ctx ends. Each session has one guess in flight.
func (g *guesser) guess(ctx context.Context) {
	c := newCrowd(g.addr, 7)
	defer c.close()
	var free []*member
	c.onOpen = func(m *member) { free = append(free, m) }
	c.onFrame = func(m *member, message codec.Message) {
		if message.Command == codec.CommandLogin.Reply() {
			g.count(message)
			free = append(free, m)
		}
	}
	c.joinAll(crowdSources) // one source address
	start := time.Now()
	due := func() int { return int(time.Since(start).Seconds() * float64(g.rate)) }
	for sent := 0; ctx.Err() == nil; {
		for sent < due() && len(free) > 0 {
			m := free[len(free)-1]
			free = free[:len(free)-1]
			if m.over {
				continue
			}
			c.send(m, g.next(m))
			sent++
			g.sent++
		}
		c.reconnectAll()
		c.poll(time.Millisecond)
	}
	g.took += time.Since(start)
}

func (g *guesser) next(m *member) []byte {
	return codec.AppendRequest(nil, codec.CommandLogin, 3, &pb.LoginRequest{
		Customer:   uint32(firstCustomer + m.number%guessPairs),
		Credential: &pb.LoginRequest_Password{Password: fmt.Sprintf("guess %d", g.random.Uint64())},
	})
}

func (g *guesser) count(message codec.Message) {
	if len(message.Body) == 0 {
		return
	}
	switch codec.Result(message.Body[0]) {
	case codec.ResultOK:
		g.let++
	case codec.ResultUnauthenticated:
		g.tried++
	default:
		g.overloaded++
	}
}

// ownerGetsIn logs in as one of the attacked customers, with the right password and from
// another address.
func ownerGetsIn(ctx context.Context, s *Server) error {
	owner, err := client.Dial(ctx, s.Addr, client.Options{Timeout: patience})
	if err != nil {
		return err
	}
	defer owner.Close()
	_, err = owner.Login(ctx, firstCustomer, client.Password(client.DemoPassword))
	return err
}
