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

// guessesPairs is the size from which on the figures of the table count.
const guessesPairs = 11

func guesses() Fault {
	return Fault{
		Name: "guesses", ID: "S2", Short: "10,000 password guesses a second beside live traffic",
		Promise: "five guesses a minute are tried for a customer and address, live p99 is doubled at most, owners get in",
		Long:    Size{Rounds: guessesPairs, Size: 10_000}, Gate: Size{Rounds: 1, Size: 1_000},
		Run: runGuesses,
	}
}

// guessesPerMinute is how many passwords of one customer and address are tried in
// a minute.
const guessesPerMinute = 5

func runGuesses(ctx context.Context, r *Run) error {
	s, err := r.Start(ctx, r.onOneCore(ServerOptions{}))
	if err != nil {
		return err
	}
	g := &guesser{addr: s.Addr, rate: r.Size, random: r.Random()}
	l := live{pairs: r.Rounds, Options: load.Options{Addr: s.Addr, Connections: 200, Rate: 5_000}}
	begin := time.Now()
	c, err := l.sideBySide(ctx, r, g.guess)
	if err != nil {
		return err
	}
	if err := guessInTurn(ctx, r, s); err != nil {
		return err
	}
	took := time.Since(begin)
	c.figures(r)
	c.kept(r)
	r.Figure("guesses", g.sent, "")
	r.Figure("a second", float64(g.sent)/g.took.Seconds(), "")
	r.Figure("tried", g.tried, "")
	r.Figure("told to wait", g.overloaded, "")
	// Five at once, then one in a fifth of a minute.
	if most := guessPairs * (guessesPerMinute + 1 + int(took/(time.Minute/guessesPerMinute))); g.tried > most {
		r.Broken("%d guesses were tried on %d customers from one address in %v; %d were allowed", g.tried, guessPairs, rounded(took), most)
	}
	if g.let > 0 {
		r.Broken("%d wrong passwords were let in", g.let)
	}
	if err := ownerGetsIn(ctx, s); err != nil {
		r.Broken("an owner with the right password: %v", err)
	}
	if r.Rounds >= guessesPairs && c.p99Ratio > 2 {
		r.Broken("live p99 is %.2f times what it is alone", c.p99Ratio)
	}
	return nil
}

// guessPairs is how many customers are guessed at, all from one address.
const guessPairs = 4

// Of guessInTurn: so many guesses at most, in so much time at most. In the time
// the server has to try fewer.
const (
	turnGuesses = guessesPerMinute + 3
	turnTime    = 8 * time.Second
)

// guesser sends wrong passwords at a rate. Goroutine: one.
type guesser struct {
	addr   string
	rate   int // a second
	random *rand.Rand

	sent, tried, overloaded, let int
	took                         time.Duration
}

// guessInTurn guesses at one customer without live traffic, one guess after the
// other: so the limit shows also where the server has no time for all it may try.
func guessInTurn(ctx context.Context, r *Run, s *Server) error {
	const victim = firstCustomer + customers - 1
	c, err := client.Dial(ctx, s.Addr, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	begin := time.Now()
	soon, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	tried := 0
	for tried < turnGuesses && soon.Err() == nil && c.Err() == nil {
		_, err := c.Login(soon, victim, client.Password("wrong"))
		if errors.Is(err, client.ErrUnauthenticated) {
			tried++
			continue
		}
		pause(soon, 20*time.Millisecond) // too many of others wait
	}
	took := time.Since(begin)
	r.Figure("tried in turn", tried, "in "+rounded(took).String())
	if most := guessesPerMinute + int(took/(time.Minute/guessesPerMinute)); tried > most {
		r.Broken("%d guesses at one customer were tried in %v; %d were allowed", tried, rounded(took), most)
	}
	if tried == 0 {
		return fmt.Errorf("%w: no guess was tried", ErrTooLittle)
	}
	return ctx.Err()
}

// guess does so until ctx ends. Each session has one guess open at a time.
func (g *guesser) guess(ctx context.Context) error {
	c, err := newCrowd(g.addr, 7)
	if err != nil {
		return err
	}
	defer c.close()
	var free []*member
	c.onOpen = func(m *member) { free = append(free, m) }
	c.onFrame = func(m *member, message codec.Message) {
		if message.Command == codec.CommandLogin.Reply() {
			g.count(message)
			free = append(free, m)
		}
	}
	for range crowdSources { // one source address
		if _, err := c.join(false); err != nil {
			return err
		}
	}
	begin := time.Now()
	due := func() int { return int(time.Since(begin).Seconds() * float64(g.rate)) }
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
		for _, m := range c.members {
			if m.over {
				if err := c.again(m); err != nil {
					return err
				}
			}
		}
		c.turn(time.Millisecond)
	}
	g.took += time.Since(begin)
	return nil
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

// ownerGetsIn logs in from another address, with the password, as one of those
// whose passwords were guessed.
func ownerGetsIn(ctx context.Context, s *Server) error {
	owner, err := client.Dial(ctx, s.Addr, client.Options{Timeout: patience})
	if err != nil {
		return err
	}
	defer owner.Close()
	_, err = owner.Login(ctx, firstCustomer, client.Password(client.DemoPassword))
	return err
}
