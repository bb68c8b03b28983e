package desk_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// TestPanicAfterAnEvent: a panic in a turn after an order was applied ends the process, even
// if the panic is recovered. The journal has the turns before it, but not this one.
func TestPanicAfterAnEvent(t *testing.T) {
	const child = "HOLDFAST_TEST_DESK"
	if dir := os.Getenv(child); dir != "" {
		d := open(t, setup{dir: dir})
		a := d.Account(alice)
		place := func(turn *desk.Turn) {
			order := marketOrder(ledger.Buy, tin, 1, 1)
			if _, err := turn.Place(&order); err != nil {
				t.Error(err)
			}
		}
		must(t, a.Do(d.turn, place))
		must(t, d.Durable(t.Context()))
		defer func() { _ = recover() }()
		_ = a.Do(d.turn, func(turn *desk.Turn) {
			place(turn)
			panic("a bug")
		})
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), child+"="+dir)
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(said), "not wholly applied and recorded: a bug") {
		t.Fatalf("ended with %v, saying\n%s", err, said)
	}
	open(t, setup{dir: dir}).Account(alice).View(func(l *ledger.Account) {
		if l.LastNumber() != 1 {
			t.Errorf("the account has %d events, want the one before the panic", l.LastNumber())
		}
	})
}
