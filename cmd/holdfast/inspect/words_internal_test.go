package inspect

import (
	"strings"
	"testing"

	"holdfast/biz/client"
)

// TestWords: each type, time in force, status and cause has the word of the client.
func TestWords(t *testing.T) {
	for name, tc := range map[string]struct {
		words  words
		client func(n int32) string
	}{
		"types":          {orderTypes, func(n int32) string { return client.OrderType(n).String() }},
		"times in force": {timesInForce, func(n int32) string { return client.TimeInForce(n).String() }},
		"states":         {orderStates, func(n int32) string { return client.OrderStatus(n).String() }},
		"causes": {causes, func(n int32) string {
			return strings.ToLower(strings.ReplaceAll(client.OrderCause(n).String(), "_", " "))
		}},
	} {
		for n := range tc.words {
			if want := tc.client(int32(n + 1)); tc.words[n] != want {
				t.Errorf("%s: %d is %q, for a client %q", name, n+1, tc.words[n], want)
			}
		}
		if next := int32(len(tc.words) + 1); tc.words.of(uint8(next)) == tc.client(next) {
			t.Errorf("%s: %d has no word", name, next)
		}
	}
	if causes.of(0) != "#0" || causes.of(200) != "#200" {
		t.Errorf("values without a word: %s, %s", causes.of(0), causes.of(200))
	}
}
