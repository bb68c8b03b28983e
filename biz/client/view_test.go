package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"holdfast/biz/client"
)

func position(code string, q client.Quantity, p client.Price) client.Position {
	return client.Position{Key: client.Key{Market: "ALFA", Code: code}, Quantity: q, LastPrice: p, MarketValue: client.Value(q, p)}
}

func execution(n uint32) client.Execution {
	return client.Execution{ID: client.NewExecutionID(100001, n)}
}

func update(change client.Change, p client.Position, total client.Money) client.PositionUpdate {
	return client.PositionUpdate{Change: change, Position: p, MarketValue: total}
}

// listing returns what a view shows as one line. Busted executions have a "!".
func listing(d client.Display) string {
	text := ""
	for _, p := range d.Positions {
		text += fmt.Sprintf("%s %s@%s ", p.Key.Code, p.Quantity, p.LastPrice)
	}
	text += "| "
	for _, x := range d.Executions {
		text += strconv.FormatUint(uint64(x.ID.Number()), 10)
		if x.Busted {
			text += "!"
		}
		text += " "
	}
	return text + "| " + d.MarketValue.String()
}

func TestView(t *testing.T) {
	type push = client.Push
	start := client.Snapshot{
		Positions: []client.Position{position("B", 100, 10_0000), position("D", 50, 2_0000)}, MarketValue: 1_100_0000, Sequence: 10,
	}
	cases := []struct {
		name   string
		pushes []push
		want   string
		broken string
	}{
		{"nothing", nil, "B 100@10.00 D 50@2.00 | | 1,100.00", ""},
		{"opened, in its place", []push{{11, execution(1)}, {12, update(client.Opened, position("C", 7, 1_0000), 5)}},
			"B 100@10.00 C 7@1.00 D 50@2.00 | 1 | 0.0005", ""},
		{"closed", []push{{11, execution(1)}, {12, update(client.Closed, position("B", 0, 10_0000), 100_0000)}}, "D 50@2.00 | 1 | 100.00", ""},
		{"increased", []push{{11, execution(1)}, {12, update(client.Increased, position("B", 200, 11_0000), 7)}}, "B 200@11.00 D 50@2.00 | 1 | 0.0007", ""},
		{"decreased", []push{{11, execution(1)}, {12, update(client.Decreased, position("D", 1, 2_0000), 7)}}, "B 100@10.00 D 1@2.00 | 1 | 0.0007", ""},
		{"repriced", []push{{0, update(client.Repriced, position("B", 100, 12_0000), 8)}}, "B 100@12.00 D 50@2.00 | | 0.0008", ""},
		{"repriced, of another moment", []push{{0, update(client.Repriced, position("B", 99, 12_0000), 8)}}, "B 100@10.00 D 50@2.00 | | 1,100.00", ""},
		{"repriced, not held", []push{{0, update(client.Repriced, position("A", 1, 12_0000), 8)}}, "B 100@10.00 D 50@2.00 | | 1,100.00", ""},
		{"newest first", []push{{11, execution(1)}, {12, update(client.Increased, position("B", 101, 1), 7)}, {13, execution(2)}},
			"B 101@0.0001 D 50@2.00 | 2 1 | 0.0007", ""},
		{"taken back", []push{{11, execution(1)}, {12, update(client.Opened, position("C", 7, 1), 1)},
			{13, client.ExecutionBusted{ID: execution(1).ID, Position: position("C", 0, 1)}}, {14, update(client.Closed, position("C", 0, 1), 2)}},
			"B 100@10.00 D 50@2.00 | 1! | 0.0002", ""},
		{"taken back among others", []push{{11, execution(1)}, {12, execution(2)}, {13, execution(3)}, {14, client.ExecutionBusted{ID: execution(2).ID}}},
			"B 100@10.00 D 50@2.00 | 3 2! 1 | 1,100.00", ""},
		{"pushed again after its bust", []push{{11, client.ExecutionBusted{ID: execution(1).ID}}, {12, execution(1)}}, "B 100@10.00 D 50@2.00 | 1! | 1,100.00", ""},
		{"unknown pushes count", []push{{11, client.UnknownPush{Command: 0x7e}}, {12, execution(1)}}, "B 100@10.00 D 50@2.00 | 1 | 1,100.00", ""},
		{"taken back, never shown", []push{{11, client.ExecutionBusted{ID: execution(1).ID, Position: position("B", 90, 1)}}},
			"B 90@0.0001 D 50@2.00 | | 1,100.00", ""},
		{"quotes change nothing", []push{{0, client.Quote{Key: client.Key{Market: "ALFA", Code: "B"}, LastPrice: 1}}, {0, client.Notice{}}},
			"B 100@10.00 D 50@2.00 | | 1,100.00", ""},
		{"gap", []push{{13, execution(2)}}, "B 100@10.00 D 50@2.00 | 2 | 1,100.00", "pushes 11 to 12 are missing"},
		{"double", []push{{11, execution(1)}, {11, execution(2)}}, "B 100@10.00 D 50@2.00 | 1 | 1,100.00", "push 11 came twice"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			v := client.NewView()
			v.Reset(start)
			broken := ""
			for _, p := range tc.pushes {
				if b, found := v.Apply(p); found {
					broken = b.String()
				}
			}
			d := v.Display()
			if got := listing(d); got != tc.want || broken != tc.broken {
				t.Errorf("got  %s %q\nwant %s %q", got, broken, tc.want, tc.broken)
			}
			if (tc.broken != "") != (d.Gaps+d.Doubles == 1) {
				t.Errorf("%d gaps, %d doubles", d.Gaps, d.Doubles)
			}
		})
	}
}

func TestViewRefresh(t *testing.T) {
	v := client.NewView()
	v.Reset(client.Snapshot{Sequence: 2})
	v.Apply(client.Push{Sequence: 3, Event: execution(1)})
	v.Refresh(client.Snapshot{Positions: []client.Position{position("A", 1, 1)}, Sequence: 2}, false)
	if d := v.Display(); len(d.Positions) != 0 {
		t.Errorf("an older snapshot is shown: %s", listing(d))
	}
	v.Refresh(client.Snapshot{Positions: []client.Position{position("A", 9, 1)}, Sequence: 6}, false)
	v.Apply(client.Push{Sequence: 4, Event: update(client.Opened, position("A", 1, 1), 1)})
	v.Apply(client.Push{Sequence: 5, Event: execution(2)})
	v.Apply(client.Push{Sequence: 6, Event: update(client.Increased, position("A", 9, 1), 1)})
	d := v.Display()
	if got := listing(d); got != "A 9@0.0001 | 2 1 | 0.00" || d.Gaps+d.Doubles != 0 {
		t.Errorf("pushes that a snapshot had: %s, %d gaps, %d doubles", got, d.Gaps, d.Doubles)
	}
	v.Apply(client.Push{Sequence: 7, Event: update(client.Closed, position("A", 0, 1), 1)})
	if d := v.Display(); len(d.Positions) != 0 || d.Sequence != 7 {
		t.Errorf("the push after it: %s", listing(d))
	}
}

func TestViewMergeNeverBringsBack(t *testing.T) {
	v := client.NewView()
	v.Apply(client.Push{Sequence: 1, Event: execution(1)})
	v.Apply(client.Push{Sequence: 2, Event: client.ExecutionBusted{ID: execution(1).ID}})
	busted := execution(2)
	busted.Busted = true
	v.Merge([]client.Execution{execution(3), busted, execution(1)})
	if got := listing(v.Display()); got != "| 3 2! 1! | 0.00" {
		t.Errorf("got %s", got)
	}
	v.Merge([]client.Execution{execution(2)})
	if got := listing(v.Display()); got != "| 3 2! 1! | 0.00" {
		t.Errorf("an older history brought it back: %s", got)
	}
}

// A bust marks the execution where it is; a correction links both.
func TestViewBustInPlace(t *testing.T) {
	v := client.NewView()
	first, second, third := execution(1), execution(2), execution(3)
	first.Quantity, third.Corrects = 100, first.ID
	v.Apply(client.Push{Sequence: 1, Event: first})
	v.Apply(client.Push{Sequence: 2, Event: second})
	v.Apply(client.Push{Sequence: 3, Event: client.ExecutionBusted{ID: second.ID, Reason: "typo"}})
	v.Apply(client.Push{Sequence: 4, Event: client.ExecutionBusted{ID: first.ID, Reason: "price", CorrectedBy: third.ID}})
	v.Apply(client.Push{Sequence: 5, Event: third})
	d := v.Display()
	first.Busted, first.BustReason, first.CorrectedBy = true, "price", third.ID
	second.Busted, second.BustReason = true, "typo"
	if want := []client.Execution{third, second, first}; !slices.Equal(d.Executions, want) {
		t.Errorf("got  %+v\nwant %+v", d.Executions, want)
	}
	if d.Shows(first.ID) || d.Shows(second.ID) || !d.Shows(third.ID) || d.Shows(execution(4).ID) {
		t.Error("Shows is wrong")
	}
	if x, found := d.FindExecution(second.ID); !found || x != second {
		t.Errorf("found %+v", x)
	}
	if _, found := d.FindExecution(execution(4).ID); found {
		t.Error("found what is not there")
	}
}

func TestViewLimit(t *testing.T) {
	v := client.NewView()
	for i := range uint32(client.MaxShown + 10) {
		v.Apply(client.Push{Sequence: uint64(i + 1), Event: execution(i + 1)})
	}
	d := v.Display()
	if len(d.Executions) != client.MaxShown || d.Executions[0].ID.Number() != client.MaxShown+10 {
		t.Errorf("%d shown, newest %s", len(d.Executions), d.Executions[0].ID)
	}
}

// What Display returns does not change with the view.
func TestDisplayIsACopy(t *testing.T) {
	v := client.NewView()
	v.Reset(client.Snapshot{Positions: []client.Position{position("A", 1, 1)}})
	d := v.Display()
	v.Apply(client.Push{Sequence: 1, Event: update(client.Increased, position("A", 2, 1), 1)})
	if p, found := d.Find(client.Key{Market: "ALFA", Code: "A"}); !found || p.Quantity != 1 {
		t.Errorf("the copy shows %s", p.Quantity)
	}
	if _, found := d.Find(client.Key{Market: "ALFA", Code: "Z"}); found {
		t.Error("found what is not there")
	}
}

func TestViewWait(t *testing.T) {
	v := client.NewView()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Wait(ended, func(*client.Display) bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	got := make(chan client.Display)
	go func() {
		d, _ := v.Wait(t.Context(), func(d *client.Display) bool { return d.Sequence == 3 })
		got <- d
	}()
	for i := range uint32(3) {
		v.Apply(client.Push{Sequence: uint64(i + 1), Event: execution(i + 1)})
	}
	if d := <-got; len(d.Executions) != 3 {
		t.Errorf("shown: %s", listing(d))
	}
}

// A page replaces what is older, whatever comes first: the page or the pushes before it.
func TestViewExtend(t *testing.T) {
	type snapshot = client.Snapshot
	list := func(p ...client.Position) []client.Position { return p }
	v := client.NewView()
	v.Reset(snapshot{Sequence: 6, Positions: list(position("B", 1, 1), position("D", 1, 1), position("X", 1, 1))})
	v.Refresh(snapshot{Sequence: 8, Positions: list(position("B", 2, 1), position("C", 2, 1))}, true)
	step := func(what, want string) {
		t.Helper()
		if got := listing(v.Display()); got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	step("first page", "B 2@0.0001 C 2@0.0001 D 1@0.0001 X 1@0.0001 | | 0.00")
	v.Apply(client.Push{Sequence: 7, Event: update(client.Increased, position("B", 9, 1), 0)})
	step("push that the first page has", "B 2@0.0001 C 2@0.0001 D 1@0.0001 X 1@0.0001 | | 0.00")
	v.Extend(snapshot{Sequence: 12, Positions: list(position("A", 3, 1), position("D", 3, 1))})
	step("second page", "A 3@0.0001 B 2@0.0001 C 2@0.0001 D 3@0.0001 X 1@0.0001 | | 0.00")
	v.Apply(client.Push{Sequence: 10, Event: update(client.Increased, position("D", 2, 1), 0)})
	step("push that the second page has", "A 3@0.0001 B 2@0.0001 C 2@0.0001 D 3@0.0001 X 1@0.0001 | | 0.00")
	v.Apply(client.Push{Sequence: 11, Event: update(client.Increased, position("C", 4, 1), 0)})
	step("push that it does not have", "A 3@0.0001 B 2@0.0001 C 4@0.0001 D 3@0.0001 X 1@0.0001 | | 0.00")
	v.Apply(client.Push{Sequence: 14, Event: update(client.Increased, position("D", 5, 1), 0)})
	v.Extend(snapshot{Sequence: 13, Positions: list(position("D", 4, 1), position("E", 4, 1))})
	step("push that is newer than a page", "A 3@0.0001 B 2@0.0001 C 4@0.0001 D 5@0.0001 E 4@0.0001 X 1@0.0001 | | 0.00")
	if p, whole := v.Trim(8); len(p) != 5 || whole { // there was a gap
		t.Errorf("%d positions, whole: %t", len(p), whole)
	}
	step("end", "A 3@0.0001 B 2@0.0001 C 4@0.0001 D 5@0.0001 E 4@0.0001 | | 0.00")
}
