package cluster_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/cluster"
	"holdfast/biz/desk"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/codec"
	"holdfast/engine"
)

// tradeAlone runs a server on its own, on which customers trade, and returns its data folder.
func tradeAlone(t *testing.T, s *seed.Seed) (data string) {
	t.Helper()
	data = t.TempDir()
	one, err := server.Start(t.Context(), server.Config{
		Data: data, Seed: s, Log: slog.New(slog.DiscardHandler),
		Listeners: []engine.Listener{{Address: "127.0.0.1:0", Dialect: codec.Packet{}}}, EventLoops: 1,
	})
	must(t, err)
	for customer := client.Customer(100_001); customer <= 100_008; customer++ {
		c, err := client.Dial(t.Context(), one.Addrs[0], client.Options{})
		must(t, err)
		_, err = c.Login(t.Context(), customer, client.DemoToken(customer))
		must(t, err)
		for _, id := range []string{"the same", "", "another", "the same"} {
			place(t, c, id)
		}
		c.Close()
	}
	must(t, one.Stop())
	return data
}

// TestCopy: the accounts of a server on its own are those of a new cluster, whose nodes do not serve before
// the copy is complete. A second copy is refused.
func TestCopy(t *testing.T) {
	s, err := seed.Default()
	must(t, err)
	data := tradeAlone(t, s)
	n := newNodes(t)
	config := cluster.CopyConfig{
		Node: n.configs[0], Journal: filepath.Join(data, "journal"),
		Replica: func(b *desk.Book) (*desk.Replica, error) { return desk.NewReplica(s, b) },
	}
	during := func(do func(context.Context)) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var others sync.WaitGroup
		for i := 1; i < 3; i++ {
			others.Go(func() {
				if err := cluster.TakePart(ctx, &n.configs[i]); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, cluster.ErrNotNew) {
					t.Error(err)
				}
			})
		}
		do(ctx)
		stop()
		others.Wait()
	}
	during(func(whole context.Context) {
		ctx, stop := context.WithCancel(whole)
		defer stop()
		interrupted := config
		interrupted.Progress = func(done, total int64) {
			if done > total/3 {
				stop()
			}
		}
		if found, err := cluster.Copy(ctx, interrupted); !errors.Is(err, context.Canceled) {
			t.Errorf("an interrupted copy: %+v, %v", found, err)
		}
		found, err := cluster.Copy(whole, config)
		must(t, err)
		if found.Streams != 6 || found.Events < 8*3 || found.Records < found.Events/2 {
			t.Errorf("%+v", found)
		}
	})
	during(func(ctx context.Context) {
		if found, err := cluster.Copy(ctx, config); !errors.Is(err, cluster.ErrNotNew) {
			t.Errorf("a second copy: %+v, %v", found, err)
		}
	})
	n.start(0, 1, 2)
	for customer := client.Customer(100_001); customer <= 100_008; customer++ {
		c := n.login(int(customer)%3, customer)
		if again := place(t, c, "the same"); !again.Duplicate {
			t.Errorf("customer %d: an order of before the copy was executed again: %+v", customer, again)
		}
	}
}
