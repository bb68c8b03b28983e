package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawn chooses with rapid.
type drawn struct{ *rapid.T }

func (d drawn) choose(what string, below int) int {
	return rapid.IntRange(0, below-1).Draw(d.T, what)
}

func TestAccountAgainstItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(drawn{t}, rapid.IntRange(1, 20).Draw(t, "recent"))
		actions := make(map[string]func(*rapid.T))
		for name, do := range l.actions() {
			actions[name] = func(t *rapid.T) {
				l.chooser = drawn{t}
				do()
			}
		}
		actions[""] = func(t *rapid.T) {
			l.chooser = drawn{t}
			l.check()
		}
		t.Repeat(actions)
	})
}

// rolled chooses with a random generator.
type rolled struct {
	testing.TB
	random *rand.Rand
}

func (r rolled) choose(_ string, below int) int { return r.random.IntN(below) }

// TestLongLife executes 5,000 random commands, or as many as HOLDFAST_LONG says. The twin is
// slow if there is much to remember: an account is reset after 150 commands, and after 5,000
// there is another one.
func TestLongLife(t *testing.T) {
	commands := 5_000
	if text := os.Getenv("HOLDFAST_LONG"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		commands = n
	}
	const seed = 20_261_126
	t.Logf("seed %d, %d commands", seed, commands)
	start, kinds := time.Now(), make(map[string]int)
	for n := 0; n < commands; n += 5_000 {
		live(t, rolled{t, rand.New(rand.NewPCG(seed, uint64(n)))}, min(5_000, commands-n), kinds)
	}
	var done []string
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		done = append(done, fmt.Sprintf("%s %d", name, kinds[name]))
	}
	t.Logf("%v: %s", time.Since(start).Round(time.Millisecond), strings.Join(done, ", "))
}

// live executes random commands in one account, and counts them by kind.
func live(t *testing.T, c chooser, commands int, kinds map[string]int) {
	t.Helper()
	l := newLife(c, 1+c.choose("recent", 100))
	l.kinds = kinds
	actions := l.actions()
	delete(actions, "reset")
	names := slices.Sorted(maps.Keys(actions))
	for n := range commands {
		if actions[names[l.choose("action", len(names))]](); n%150 == 149 {
			l.reset()
			clear(l.latest)
			clear(l.simple)
		}
		l.check()
	}
}
