package terminal

import (
	"testing"

	"holdfast/biz/client"
)

// A price can be pushed before the list of the watch is complete, which may come in many
// replies: there is no earlier price to compare with.
func TestQuoteBeforeList(t *testing.T) {
	sh := &shell{style: NewStyle(false)}
	key := client.Key{Market: "M", Code: "1"}
	quote := func(p client.Price) string {
		return sh.pushText(client.Push{Event: client.Quote{Key: key, LastPrice: p}})
	}
	if got, want := quote(100_100), "M/1 10.01"; got != want {
		t.Errorf("before the list: %q, want %q", got, want)
	}
	sh.follow([]client.Key{}, []client.Instrument{{Key: key, LastPrice: 100_100}})
	if got, want := quote(100_200), "M/1 10.02 (+0.01)"; got != want {
		t.Errorf("after the list: %q, want %q", got, want)
	}
}
