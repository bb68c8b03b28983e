// Package script reads and executes scripts of a trading day: what happens at which time, so
// that a tester gets the same day again and again.
//
// # The file
//
// JSON, UTF-8. Prices and amounts are strings with up to four decimals, quantities are whole
// numbers.
//
//	{
//	  "format": 1,
//	  "start": "2026-01-05T09:00:00Z",
//	  "speed": 60,
//	  "random": 7,
//	  "preset": "thin",
//	  "orders_per_second": 0.5,
//	  "price_moves_per_second": 2,
//	  "events": [
//	    {"at": "09:30:00", "do": "halt", "market": "ALFA", "code": "600100"},
//	    {"at": "09:35:00", "do": "resume", "market": "ALFA"},
//	    {"at": "09:35:00", "do": "jump", "market": "ALFA", "code": "600100", "price": "11.20"},
//	    {"at": "09:40:00", "do": "place", "customer": 100001, "side": "buy", "market": "ALFA", "code": "600100",
//	     "quantity": 100, "price": "11.00", "time_in_force": "day", "client_order_id": "a"},
//	    {"at": "09:41:00", "do": "fill", "customer": 100001, "client_order_id": "a", "quantity": 40, "price": "10.99"},
//	    {"at": "09:42:00", "do": "cancel", "customer": 100001, "client_order_id": "a"},
//	    {"at": "09:43:00", "do": "fill", "customer": 100001, "client_order_id": "a", "quantity": 10, "late": true},
//	    {"at": "09:44:00", "do": "correct", "customer": 100001, "market": "ALFA", "code": "600100",
//	     "quantity": 12, "price": "10.98", "reason": "typing error"},
//	    {"at": "09:45:00", "do": "bust", "customer": 100001, "execution": 1, "reason": "bad print", "cascade": true},
//	    {"at": "10:00:00", "do": "reject", "customer": 100002, "count": 3, "reason": "MARKET_CLOSED"},
//	    {"at": "10:05:00", "do": "deposit", "customer": 100003, "amount": "5000.00", "text": "bonus"},
//	    {"at": "10:05:00", "do": "withdraw", "customer": 100003, "amount": "250.50"},
//	    {"at": "10:10:00", "do": "disconnect", "customer": 100002, "after_push": 12},
//	    {"at": "10:15:00", "do": "hold", "customer": 100004, "duration": "30s"},
//	    {"at": "10:20:00", "do": "fault", "customer": 100004, "fault": "drop", "count": 2},
//	    {"at": "+1d 09:00:00", "do": "reset", "customer": 100005, "text": "a new round"}
//	  ]
//	}
//
// "format" comes first, "start" before "events". A key that is unknown or there twice, a
// market, instrument or customer that the seed lacks, any value out of range and a time before
// that of the event above is a jsonfile.Error that names file, line and value.
//
// "start" is when the clock starts, with its UTC offset. "speed" is how many seconds pass in
// one of real time, 1 to 1000 (1 without it); with "stepped": true instead, time passes only
// in steps that an operator asks for. "random" (1 without it) decides simulated orders and
// price moves, whose rates are per second of the clock, and what is random in a preset
// (frictionless, realistic, thin or brutal).
//
// "at" is a time of the start's day at the start's UTC offset ("09:30", "09:30:00",
// "09:30:00.250"), of a later day ("+1d 09:30:00"), or a full time such as
// "2026-01-05T09:30:00+08:00". Events at the same time are executed in the order of the file.
//
// # Commands
//
//	halt, resume  market [code]              an instrument, or all of the market
//	jump          market code price          moves the last price
//	place         customer side market code  an order of the customer; "price" makes it a limit
//	              quantity                   order, "stop" a stop order; "time_in_force" is day,
//	              [price stop time_in_force  gtc, gtd (with "expires", a time like "at"), ioc or
//	              expires client_order_id    fok; with "held": true only fill executes it
//	              held]
//	cancel        customer, order or         or "all": true, of an instrument if market and code
//	              client_order_id            are there
//	fill          customer, order or         executes a working order, or a part of it; price is
//	              client_order_id            the last price without it; "late": true executes an
//	              [quantity price late]      order that was cancelled or has expired
//	reject        customer count [reason]    refuses the customer's next orders; reason is one of
//	                                         the protocol, such as NOT_ENOUGH_CASH
//	bust          customer, execution or     without a number the newest execution of the
//	              market code                instrument that is not busted yet
//	              [reason reopen cascade]
//	correct       customer, execution or     replaces an execution
//	              market code
//	              quantity price [reason]
//	deposit,      customer amount [text]     cash
//	withdraw
//	reset         customer [text]            the account as when it was opened
//	disconnect    customer [after_push]      cuts the customer's connections: at once, or once
//	                                         the push with this number was sent
//	hold          customer duration          holds the customer's pushes
//	fault         customer fault             makes the customer's FIX sessions misbehave; fault is
//	              [count duration session]   drop, delay (by duration), skip, check_sum,
//	                                         body_length, poss_dup, repeat, swap, cut or reject, of
//	                                         the next count messages (1 without it), logout or
//	                                         disconnect; none ends all; session is one CompID
//
// "order" and "execution" are numbers in the account: 17 for 100001-17.
//
// # Running
//
// The trading clock's driver executes the events in its goroutine, each with its due time as
// the time of what it causes. So the same script, seed file and random number lead to the
// same events of every account, byte for byte, at any speed, as long as no client trades.
//
// A command that is refused, because there is not enough cash or the order is filled already,
// is logged with file and line and counted; the script goes on.
//
// # Restarts
//
// The journal says how far a script has come, in one batch with what its newest event has caused.
// At the next start with the same text the script goes on there: each event is executed once,
// also if the server was killed. Only a jump that was cut off between its executions is repeated, and
// so is a halt or resume that the journal has just got. The clock starts at the newest event of an
// account, the market or the script; prices and simulated orders go on from there with the first of
// their random numbers. What is in memory only is lost: orders still to be rejected, held pushes.
// A script with another text is refused if the folder has events after its start.
//
// # Goroutines and limits
//
// Parse may be called by any goroutine. A file has at most MaxFileSize bytes and MaxEvents
// events.
package script
