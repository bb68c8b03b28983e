package scenario

// readAction reads the words of an action after its verb. It may read names that the step
// assigns.
type readAction = func(l *line, s *statement) action

// readAssertion reads the words of an expectation after its first one.
type readAssertion = func(l *line) assertion

// actions are what a client can do, by verb.
func actions() map[string]verb[readAction] {
	return map[string]verb[readAction]{
		"buy":     {orderUsage("buy"), readOrder},
		"sell":    {orderUsage("sell"), readOrder},
		"cancel":  {"cancel a1, or cancel all [600100] [of alice | of everyone]", readCancel},
		"replace": {"replace a1 [quantity 200] [limit 9.90] [stop 9.80] [gtc] [as a2]", readReplace},
		"repeat":  {"repeat a1", readRepeat},
		"starts":  {"starts with nothing, or starts with 600100 100, 600101 200", readStart},
		"history": {"history [of bob] [600100] [in pages of 2], with one line for each execution below it: sell 100 600100 at 9.90 BUSTED", readHistory},

		"pulls":      {"pulls", readPull},
		"connects":   {"connects", readConnect},
		"logs":       {"logs in [with a wrong token], or logs out", readLog},
		"disconnect": {"alice: disconnects, or operator: disconnect alice [after 3 pushes]", readDisconnect},
		"reconnects": {"reconnects [resumed | with a snapshot [because TOO_OLD]]", readReconnect},

		"price":    {"price 600100 9.90", readPrice},
		"halt":     {"halt 600100, or halt ALFA", readHalt},
		"resume":   {"resume 600100, or resume ALFA", readHalt},
		"step":     {"step 1m, or step to 15:00", readStep},
		"fill":     {"fill a1 [100] [at 9.90] [late]", readFill},
		"reject":   {"reject next 2 of alice [NOT_ENOUGH_CASH]", readReject},
		"hold":     {"hold alice 10s", readHold},
		"deposit":  {`deposit alice 5000.00 ["bonus"]`, readCash},
		"withdraw": {`withdraw alice 5000.00 ["text"]`, readCash},
		"reset":    {`reset alice ["text"]`, readCash},
		"bust":     {`bust a1 or bust a1/2 ["reason"] [reopen] [cascade] [dry-run]`, readBust},
		"correct":  {`correct a1/2 900 at 9.80 ["reason"]`, readCorrect},
	}
}

// assertions are what can be expected, by their first word.
func assertions() map[string]verb[readAssertion] {
	return map[string]verb[readAssertion]{
		"positions": {"positions none, or positions 600100 100, 600101 200", readPositions},
		"position":  {"position 600100 1000 [cost 9.90] [sellable 900] [frozen 100], or position 600100 none", readPosition},
		"orders":    {"orders none, or orders a1, a2", readOrders},
		"order":     {"order a1 [PARTIALLY_FILLED] [filled 1000] [leaves 2000] [average 9.90] [cause CLIENT]", readOrderCheck},
		"account":   {"account [cash 970000.00] [free-cash 970000.00] [frozen-cash 0.00] [fees 5.00] [orders 1]", readAccount},
		"quote":     {"quote 600100 [price 10.00] [low 9.00] [high 11.00] [halted | trading]", readQuote},
		"execution": {`execution a1/2 [1000] [at 9.90] [fee 5.00] [valid | BUSTED | CORRECTED] [because "reason"]`, readExecution},
		"nothing":   {"nothing changes", readNothing},
		"expects":   {expectUsage, readExpect},
	}
}
