package chaos

import (
	"context"
	"math/rand/v2"
	"time"

	"holdfast/biz/client"
)

// Moves of prices, in ticks around the price at the start.
const (
	moveReach = 20
	moveEvery = 5 * time.Millisecond
)

// prices are those of the instruments that are traded. An operator moves them, so that they
// reach resting orders. start is set before any trade. Goroutine: of move, one at a time.
type prices struct {
	start  []client.Instrument
	random *rand.Rand
	depths map[string]int // by code: how much a price step offers at each price; 0: any quantity
}

// atCheck returns the prices after moveBack of instruments whose steps offer any quantity; 0 for
// the others, which may leave orders unexecuted.
func (p *prices) atCheck() (all []client.Price) {
	for _, i := range p.start {
		price := i.LastPrice
		if p.depths[i.Key.Code] > 0 {
			price = 0
		}
		all = append(all, price)
	}
	return all
}

// near returns a random price near that at the start.
func (p *prices) near(random *rand.Rand, key int) client.Price {
	i := &p.start[key]
	return i.LastPrice + client.Price(random.IntN(2*moveReach+1)-moveReach)*i.PriceTick
}

// moveBack moves all prices to those at the start: a limit that they reach is then executed.
func (p *prices) moveBack(ctx context.Context, addr string) error {
	c, _, err := login(ctx, addr, operatorID, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	for _, i := range p.start {
		if _, err := c.Operate(ctx, client.Jump{Key: i.Key, Price: i.LastPrice}); err != nil {
			return err
		}
	}
	return nil
}

// move moves prices until ctx or the connection ends. While the server can't make orders
// durable, it refuses moves.
func (p *prices) move(ctx context.Context, addr string) {
	c, _, err := login(ctx, addr, operatorID, client.Options{})
	if err != nil {
		return // the server was killed
	}
	defer c.Close()
	for ctx.Err() == nil && c.Err() == nil {
		key := p.random.IntN(len(p.start))
		jump := client.Jump{Key: p.start[key].Key, Price: p.near(p.random, key)}
		_, _ = c.Operate(ctx, jump) // what was reached by it is in the histories
		sleep(ctx, moveEvery)
	}
}
