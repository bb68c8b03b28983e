package gateway_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/codec"
)

// A panic after an order was applied and before it is recorded ends the process; the order is
// not in the journal.
func TestPanicInATurnEndsTheProcess(t *testing.T) {
	const child = "HOLDFAST_TEST_LEDGER"
	if os.Getenv(child) != "" {
		s := start(t, setup{})
		w := s.wire()
		w.login(alice)
		s.service.BreakPushes(ledger.Customer(alice))
		w.ask(codec.CommandPlaceOrder, 2, buyOne())
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), child+"=1")
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(said), "not wholly applied and recorded") {
		t.Errorf("ended with %v, saying\n%s", err, said)
	}
}
