package terminal

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"holdfast/biz/client"
)

// Text of others is shown so that it can't forge lines or control the terminal.
func TestTextOfOthersIsEscaped(t *testing.T) {
	const evil = "x\n* bought 5\x1b[2J\u009b31m\u202e"
	key := client.Key{Market: "M" + evil, Code: "C" + evil}
	var shown bytes.Buffer
	sh := &shell{client: new(client.Client), screen: &screen{Writer: &shown}, style: NewStyle(false), ready: true, market: []client.Instrument{{Key: key, Name: evil}}}
	sh.follow(nil, nil)
	for _, event := range []client.Event{
		client.Execution{Key: key, ClientOrderID: evil}, client.ExecutionBusted{Reason: evil}, client.Quote{Key: key}, client.Notice{Text: evil}, client.ChatMessage{Room: evil, Sender: evil, Address: evil, Text: evil},
		client.PositionUpdate{Position: client.Position{Key: key, Quantity: 1}},
		client.OrderUpdate{Order: client.OrderState{Key: key, ClientOrderID: evil}}, client.AccountUpdate{Text: evil},
	} {
		sh.pushed(client.Push{Sequence: 1, Event: event})
	}
	sh.showAccount(client.Snapshot{Account: client.Account{Name: evil}, Positions: []client.Position{{Key: key, Quantity: 1}}})
	sh.showQuotes(sh.instruments())
	sh.print(sh.ordersText([]client.OrderState{{Key: key, ClientOrderID: evil}}))
	sh.showHistory(client.HistoryPage{Executions: []client.Execution{{Key: key, Busted: true, BustReason: evil}}})
	sh.showPlaced(client.Placed{Executions: []client.Execution{{Key: key}}, Position: client.Position{Key: key}})
	sh.print(BustedText(sh.style, client.Busted{Execution: client.Execution{Key: key}, Position: client.Position{Key: key}}))
	sh.complain(errors.New(evil), 0)
	sh.complete("quote ")
	text := shown.String()
	if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e }); i >= 0 {
		t.Errorf("a control character is shown: %q", text[max(0, i-60):i+10])
	}
	if strings.Contains(text, "\n* bought 5") {
		t.Errorf("a forged line is shown:\n%s", text)
	}
	if !strings.Contains(text, `\u202e`) {
		t.Errorf("nothing is escaped:\n%s", text)
	}
}
