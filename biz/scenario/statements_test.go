package scenario_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/biz/scenario"
)

// wrongExpectations are scenarios, each with one expectation that is wrong in the last line. The
// failed step has its line.
var wrongExpectations = []struct{ name, text, expected, got string }{
	{"state", "alice: buy 100 600100\n  NEW", "NEW", "FILLED"},
	{"two states", "alice: buy 100 600100\n  NEW or PARTIALLY_FILLED", "NEW or PARTIALLY_FILLED", "FILLED"},
	{"refused", "alice: buy 100 600100 limit 9.901", "success", `REJECTED BAD_TICK "`},
	{"not refused", "alice: buy 100 600100\n  REJECTED", "REJECTED", "FILLED"},
	{"reason", "alice: sell 100 600100\n  REJECTED NOT_ENOUGH_CASH", "REJECTED NOT_ENOUGH_CASH", "REJECTED NOT_ENOUGH_SHARES \"not enough"},
	{"message", "alice: sell 100 600100\n  REJECTED NOT_ENOUGH_SHARES \"no money\"", `REJECTED NOT_ENOUGH_SHARES "no money"`, "REJECTED NOT_ENOUGH_SHARES \"not enough"},
	{"result", "alice: history of bob\n  UNAUTHENTICATED", "UNAUTHENTICATED", "FORBIDDEN \"another"},
	{"field of an order", "alice: buy 100 600100 limit 9\n  NEW leaves 99 filled 0", "NEW leaves 99 filled 0", "NEW leaves 100 filled 0"},
	{"field that is not there", "alice: buy 100 600100\n  FILLED cause CLIENT", "FILLED cause CLIENT", "FILLED cause unset"},
	{"field of the account", "alice: buy 100 600100 limit 9\n  NEW frozen-cash 899", "NEW frozen-cash 899.00", "NEW frozen-cash 900.00"},
	{"change", "alice: buy 100 600100\n  FILLED increased", "FILLED increased", "FILLED opened"},
	{"no duplicate", "alice: buy 100 600100\n  DUPLICATE FILLED", "DUPLICATE FILLED", "FILLED"},
	{"duplicate", "alice: buy 100 600100 as a1\nalice: repeat a1\n  FILLED", "FILLED", "DUPLICATE FILLED"},
	{"cancel", "alice: buy 100 600100 limit 9 as a1\nalice: cancel a1\n  EXPIRED", "EXPIRED", "CANCELLED"},
	{"cancel all", "alice: buy 100 600100 limit 9\nalice: cancel all\n  OK count 2", "OK count 2", "OK count 1"},
	{"replace", "alice: buy 100 600100 limit 9 as a1\nalice: replace a1 limit 9.50 as a2\n  NEW limit 9.60", "NEW limit 9.60", "NEW limit 9.50"},
	{"starts", "alice: starts with 600100 100\n  positions 600100 200", "success; alice: positions ALFA/600100 200", "OK; alice: positions ALFA/600100 100"},
	{"start that is refused", "alice: starts with 600100 100000000", "success", "REJECTED NOT_ENOUGH_CASH \""},
	{"positions", "alice: positions 600100 1", "alice: positions ALFA/600100 1", "alice: positions none"},
	{"position", "alice: buy 100 600100\nalice: position 600100 100 cost 9.99 frozen 0", "alice: position ALFA/600100 100 cost 9.99 frozen 0", "alice: position ALFA/600100 100 cost 10.00 frozen 0"},
	{"no position", "alice: position 600100 100 cost 10", "alice: position ALFA/600100 100 cost 10.00", "alice: position ALFA/600100 none cost unset"},
	{"position of another client", "alice: buy 100 600100\n  FILLED\n  bob: position 600100 100", "FILLED; bob: position ALFA/600100 100", "FILLED; bob: position ALFA/600100 none"},
	{"order", "alice: buy 100 600100 limit 9 as a1\nalice: order a1 FILLED leaves 0", "alice: order a1 FILLED leaves 0", "alice: order a1 NEW leaves 100"},
	{"order of another client", "alice: buy 100 600100 limit 9 as a1\noperator: order a1 ioc", "order a1 ioc", "order a1 day"},
	{"orders", "alice: buy 100 600100 limit 9 as a1\nalice: orders none", "alice: orders none", "alice: orders a1"},
	{"account", "alice: account cash 5", "alice: account cash 5.00", "alice: account cash 1,000,000.00"},
	{"quote", "alice: quote 600100 price 10 halted", "alice: quote ALFA/600100 price 10.00 halted", "alice: quote ALFA/600100 price 10.00 trading"},
	{"execution", "alice: buy 100 600100 as a1\nalice: execution a1 100 at 9 valid", "alice: execution a1 100 at 9.00 valid", "alice: execution a1 100 at 10.00 valid"},
	{"execution that is not there", "alice: buy 100 600100 as a1\nalice: execution a1/2", "alice: execution a1/2", "alice: the order a1 has 1 executions, so there is no a1/2"},
	{"nothing changes", "alice: buy 100 600100\n  nothing changes", "success; alice: nothing changes", "FILLED; alice: push 2 follows 0"},
	{"history", "alice: buy 100 600100\nalice: history\n  sell 100 600100", "sell 100 ALFA/600100", "buy 100 ALFA/600100"},
	{"history too short", "alice: buy 100 600100\nalice: history 600100\n  buy 100 600100 at 10\n  buy 1 600100", "buy 100 ALFA/600100 at 10.00, buy 1 ALFA/600100", "buy 100 ALFA/600100 at 10.00, no more"},
	{"expects execution", "alice: buy 100 600100 as a1\nalice: expects execution of a1 99", "alice: execution of a1 99", "alice: no such push came within 5s, only execution of a1 100"},
	{"expects execution twice", "alice: buy 100 600100 as a1\nalice: expects execution of a1\nalice: expects execution of a1", "alice: execution of a1", "alice: no such push came within 5s, only execution of a1"},
	{"expects order", "alice: buy 100 600100 limit 9 as a1\nalice: expects order a1 CANCELLED", "alice: order a1 CANCELLED", "alice: no such push came within 5s, only order a1 NEW"},
	{"expects bust", "alice: buy 100 600100 as a1\nalice: expects bust of a1", "alice: bust of a1", "alice: no such push came within 5s"},
	{"expects another reason", "alice: buy 100 600100 as a1\noperator: bust a1 \"x\"\nalice: expects bust of a1 \"y\"", `alice: bust of a1 "y"`, `alice: no such push came within 5s, only bust of a1 "x"`},
	{"expects correction", "alice: buy 100 600100 as a1\noperator: bust a1 \"x\"\nalice: expects correction of a1", "alice: correction of a1", "alice: no such push came within 5s"},
	{"expects position", "alice: buy 100 600100\nalice: expects position 600100 100 closed", "alice: position ALFA/600100 100 closed", "alice: no such push came within 5s, only position ALFA/600100 100 opened"},
	{"expects repriced", "alice: buy 100 600100\nalice: expects repriced 600100", "alice: repriced ALFA/600100", "alice: no such push came within 5s"},
	{"expects deposit", "operator: deposit alice 5 \"x\"\nalice: expects deposit 6 \"x\"", `alice: deposit 6.00 "x"`, `alice: no such push came within 5s, only deposit 5.00 "x"`},
	{"expects withdrawal", "operator: deposit alice 5\nalice: expects withdrawal", "alice: withdrawal", "alice: no such push came within 5s"},
	{"expects reset", "operator: deposit alice 5\nalice: expects reset", "alice: reset", "alice: no such push came within 5s"},
	{"expects disconnect", "alice: expects disconnect", "alice: disconnect", "alice: still connected"},
	{"expects nothing", "alice: buy 100 600100\nalice: expects nothing", "alice: nothing changes", "alice: push 2 follows 0"},
	{"connects", "alice/x: connects\n  FORBIDDEN", "FORBIDDEN", "OK"},
	{"logs in", "alice/x: logs in\n  UNAUTHENTICATED", "UNAUTHENTICATED", "OK"},
	{"logs in with a wrong token", "alice/x: logs in with a wrong token", "success", "UNAUTHENTICATED \"customer"},
	{"logs out", "alice: logs out\n  FORBIDDEN", "FORBIDDEN", "OK"},
	{"pulls", "alice/x: connects\nalice/x: pulls", "success", "UNAUTHENTICATED \"log in first\""},
	{"reconnects", "alice: buy 1 600100\nalice: disconnects\nalice: reconnects with a snapshot", "success", "resumed"},
	{"operator's disconnect", "operator: disconnect alice\n  OK count 2", "OK count 2", "OK count 1"},
	{"price", "alice: price 600100 9", "success", "FORBIDDEN \""},
	{"price that can't be", "operator: price 600100 0", "success", "REJECTED BAD_TICK"},
	{"halt", "operator: halt ALFA\n  OK count 1", "OK count 1", "OK count 10"},
	{"resume", "operator: resume BETA/300100\n  OK count 10", "OK count 10", "OK count 1"},
	{"step", "step 1s\n  REJECTED NOT_STEPPED", "REJECTED NOT_STEPPED", "OK"},
	{"fill", "alice: buy 100 600100 limit 9 as a1\noperator: fill a1 40 at 8.5\n  FILLED average 9", "FILLED average 9.00", "PARTIALLY_FILLED average 8.50"},
	{"reject", "operator: reject next of alice BAD_LOT\nalice: buy 1 600100\n  REJECTED BAD_TICK", "REJECTED BAD_TICK", "REJECTED BAD_LOT \""},
	{"hold", "operator: hold alice 1s\nalice: buy 1 600100 as a1\nalice: expects execution of a1", "alice: execution of a1", "alice: no such push came within 5s"},
	{"deposit", "operator: deposit alice 1\n  OK deposits 2", "OK deposits 2.00", "OK deposits 1.00"},
	{"withdraw", "operator: withdraw alice 1000001", "success", "REJECTED NOT_ENOUGH_CASH \""},
	{"reset", "operator: reset alice\n  OK cash 0", "OK cash 0.00", "OK cash 1,000,000.00"},
	{"bust", "alice: buy 1 600100 as a1\noperator: bust a1\n  OK count 2", "OK count 2", "OK count 1"},
	{"bust not blocked", "alice: buy 1 600100 as a1\noperator: bust a1\n  REJECTED BUST_BLOCKED by a1", "REJECTED BUST_BLOCKED by a1", "OK; in the way are [], not ["},
	{"blocked by another one", "alice: buy 1 600100 as a1\nalice: sell 1 600100 as a2\noperator: bust a1\n  REJECTED BUST_BLOCKED by a1", "REJECTED BUST_BLOCKED by a1", "REJECTED BUST_BLOCKED \""},
	{"correct", "alice: buy 1 600100 as a1\noperator: correct a1 1 at 9\n  FILLED average 10", "FILLED average 10.00", "FILLED average 9.00"},
}

// TestWrongExpectations: a wrong expectation fails, and its line is reported.
func TestWrongExpectations(t *testing.T) {
	const head = "scenario \"wrong\"\nserver clock stepped\nclients alice alice/x bob\n"
	for _, tc := range wrongExpectations {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := own(t)
			o.Timeout = 5 * time.Second
			text := head + tc.text
			r, err := scenario.Play(t.Context(), []*scenario.Scenario{parse(t, text)}, o)
			must(t, err)
			var failed []string
			for _, s := range r.Steps {
				if !s.OK {
					failed = append(failed, fmt.Sprintf("%s:%d: want %s, got %s", s.File, s.Line, s.Expected, s.Got))
				}
			}
			if want := fmt.Sprintf("test.scenario:%d: want %s, got %s", lines(text), tc.expected, tc.got); len(failed) != 1 || !strings.HasPrefix(failed[0], want) {
				t.Errorf("got  %s\nwant %s", strings.Join(failed, "\n     "), want)
			}
		})
	}
}

func lines(text string) int { return strings.Count(text, "\n") + 1 }
