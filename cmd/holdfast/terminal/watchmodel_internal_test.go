package terminal

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/perf/table"
)

var update = flag.Bool("update", false, "rewrite the golden screens")

// noon is when the screens of these tests are drawn.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// desk is a trader that records what it is asked, and answers from fields.
type desk struct {
	orders    []client.Order
	cancelled []client.OrderID
	follows   []bool
	answers   int
	placed    client.Placed
	err       error
}

func (d *desk) place(o client.Order) (client.Placed, error) {
	d.orders = append(d.orders, o)
	return d.placed, d.err
}

func (d *desk) cancel(id client.OrderID) (client.OrderState, error) {
	d.cancelled = append(d.cancelled, id)
	return client.OrderState{ID: id, Status: client.StatusCancelled, Cause: client.CauseClient}, d.err
}

func (d *desk) follow(on bool) error {
	d.follows = append(d.follows, on)
	return d.err
}

func (d *desk) answered() { d.answers++ }

func price(whole float64) client.Price { return client.Price(whole*10000 + 0.5) }

// market has names in wide characters.
func market() []client.Instrument {
	return []client.Instrument{
		{Key: client.Key{Market: "ALFA", Code: "600100"}, Name: "Northern Tin", LotSize: 1, LastPrice: price(10)},
		{Key: client.Key{Market: "ALFA", Code: "600101"}, Name: "贵州茅台酒股份有限公司", LotSize: 100, LastPrice: price(1688.8), LowPrice: price(1519.92), HighPrice: price(1857.68)},
		{Key: client.Key{Market: "ALFA", Code: "600102"}, Name: "서울전자", LotSize: 1, LastPrice: price(6.56)},
		{Key: client.Key{Market: "BETA", Code: "300103"}, Name: "Harbour Freight and Forwarding Holdings", LotSize: 1, LastPrice: price(23.1)},
		{Key: client.Key{Market: "BETA", Code: "600102"}, Name: "東京電機", LotSize: 1, LastPrice: price(99.99)},
	}
}

func holds(i client.Instrument, quantity, sellable, frozen client.Quantity, cost client.Price, realised client.Money) client.Position {
	value := client.Value(quantity, i.LastPrice)
	return client.Position{
		Key: i.Key, Quantity: quantity, Sellable: sellable, Frozen: frozen, AverageCost: cost, LastPrice: i.LastPrice,
		MarketValue: value, Unrealised: value - client.Value(quantity, cost), Realised: realised,
	}
}

// busyFrame is an account with a bust, a correction and working orders.
func busyFrame() frame {
	const me = 100020
	list := market()
	d := client.Display{
		Account: client.Account{
			Customer: me, Name: "Customer 20 有限公司", Cash: 1_234_567_8900, FrozenCash: 98_765_0000, FreeCash: 1_135_802_8900,
			Realised: 12_345_6700, Fees: 321_0000, WorkingOrders: 3,
		},
		Positions: []client.Position{
			holds(list[0], 1200, 1100, 100, price(9.8), 40_0000), holds(list[1], 300, 0, 0, price(1700), 0),
			holds(list[2], 25_000, 25_000, 0, price(6.56), -12_3400), holds(list[3], 70, 70, 0, price(22.95), 0),
			holds(list[4], 5, 5, 0, price(101), 0),
		},
		Sequence: 1234,
	}
	for i := range d.Positions {
		d.MarketValue += d.Positions[i].MarketValue
	}
	order := func(n uint32, side client.Side, i int, quantity, filled client.Quantity, limit, stop client.Price, inForce client.TimeInForce) {
		o := client.OrderState{
			ID: client.NewOrderID(me, n), Side: side, Key: list[i].Key, Quantity: quantity, Filled: filled, Leaves: quantity - filled,
			Price: limit, Stop: stop, TimeInForce: inForce, Status: client.StatusNew, Time: noon.Add(-time.Duration(100-n) * time.Minute),
		}
		if filled > 0 {
			o.Status = client.StatusPartiallyFilled
		}
		d.Orders = append(d.Orders, o)
	}
	order(12, client.Buy, 1, 200, 100, price(1650), 0, client.Day)
	order(15, client.Sell, 0, 100, 0, price(10.5), 0, client.GoodTillCancelled)
	order(16, client.Sell, 4, 5, 0, 0, price(95), client.Day)
	x := func(n uint32, side client.Side, i int, quantity client.Quantity, p client.Price) *client.Execution {
		d.Executions = append(d.Executions, client.Execution{
			ID: client.NewExecutionID(me, n), Side: side, Key: list[i].Key, Quantity: quantity, Price: p, Time: noon.Add(-time.Duration(30-n) * 77 * time.Second),
		})
		return &d.Executions[len(d.Executions)-1]
	}
	x(22, client.Buy, 1, 100, price(1650)).Corrects = client.NewExecutionID(me, 20)
	x(21, client.Sell, 0, 100, price(10.02))
	corrected := x(20, client.Buy, 1, 1000, price(1650))
	corrected.Busted, corrected.BustReason, corrected.CorrectedBy = true, "quantity keyed in wrong", client.NewExecutionID(me, 22)
	x(19, client.Buy, 3, 70, price(22.95))
	busted := x(18, client.Sell, 2, 25_000, price(65.6))
	busted.Busted, busted.BustReason = true, "erroneous price"
	for n := uint32(17); n > 0; n-- {
		x(n, client.Buy, int(n)%5, client.Quantity(n)*10, price(10+float64(n)/10))
	}
	return frame{
		now: noon, shown: d, market: list, listed: 1, pushes: 2345,
		link:   link{server: "127.0.0.1:8888", session: 7, latency: 412 * time.Microsecond},
		tiding: tiding{1, "execution #18 was busted: erroneous price", Red},
	}
}

// watching returns a model of a size.
func watching(t *testing.T, d trader, width, height int, f frame) *watchModel {
	t.Helper()
	m := newWatchModel(d, f, time.UTC)
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return m
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// text returns a screen without styles, and checks its size.
func text(t *testing.T, m *watchModel) string {
	t.Helper()
	shown := escapes.ReplaceAllString(m.View().Content, "")
	lines := strings.Split(shown, "\n")
	if len(lines) > max(m.height, 1) {
		t.Errorf("%d lines on %d:\n%s", len(lines), m.height, shown)
	}
	for i, line := range lines {
		if n := table.Width(line); n > m.width {
			t.Errorf("line %d has %d columns on %d: %q", i, n, m.width, line)
		}
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// golden compares a screen with a file: NAME.txt as people read it, NAME.ansi with its styles.
func golden(t *testing.T, name string, m *watchModel) {
	t.Helper()
	for suffix, got := range map[string]string{".txt": text(t, m), ".ansi": m.View().Content + "\n"} {
		file := filepath.Join("testdata", "watch", name+suffix)
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is now\n%s", file, got)
		}
	}
}

// press presses keys: a name in <> or characters. It runs what they start, and returns false
// after a key that quits.
func press(t *testing.T, m *watchModel, keys string) (goesOn bool) {
	t.Helper()
	goesOn = true
	for keys != "" {
		var key tea.KeyPressMsg
		named := map[string]rune{"<tab>": tea.KeyTab, "<enter>": tea.KeyEnter, "<esc>": tea.KeyEscape, "<up>": tea.KeyUp, "<down>": tea.KeyDown, "<end>": tea.KeyEnd, "<home>": tea.KeyHome, "<back>": tea.KeyBackspace}
		if end := strings.IndexByte(keys, '>'); keys[0] == '<' && end > 0 {
			key = tea.KeyPressMsg{Code: named[keys[:end+1]]}
			if keys[:end+1] == "<ctrl+c>" {
				key = tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
			}
			keys = keys[end+1:]
		} else {
			key = tea.KeyPressMsg{Code: rune(keys[0]), Text: keys[:1]}
			keys = keys[1:]
		}
		_, cmd := m.Update(key)
		if cmd == nil {
			continue
		}
		msg := cmd()
		if _, quits := msg.(tea.QuitMsg); quits {
			return false
		}
		m.Update(msg)
	}
	return goesOn
}

// TestWatchScreens compares whole screens with files.
func TestWatchScreens(t *testing.T) {
	for _, tc := range []struct {
		name          string
		width, height int
		keys          string
		change        func(f *frame)
	}{
		{"40", 40, 30, "<tab><tab>", nil},
		{"80", 80, 30, "<tab><tab>", nil},
		{"140", 140, 36, "<tab><tab>", nil},
		{"80-short", 80, 12, "<tab>", nil},
		{"40-short", 40, 9, "<tab><tab>", nil},
		{"tiny", 10, 3, "", nil},
		{"80-ticket", 80, 24, "b300<down><down>9.9", nil},
		{"40-ticket", 40, 24, "s50", nil},
		{"80-ask", 80, 24, "b100<enter>", nil},
		{"80-help", 80, 24, "?", nil},
		{"40-help", 40, 24, "?", nil},
		{"80-away", 80, 24, "", func(f *frame) {
			f.link.state, f.link.until, f.link.why = linkWaiting, noon.Add(3200*time.Millisecond), "the server closed the connection"
		}},
		{"140-prices", 140, 36, "p<down>", nil},
		{"40-prices", 40, 40, "p<down>", nil},
		{"80-empty", 80, 24, "", func(f *frame) {
			f.shown.Positions, f.shown.Orders, f.shown.Executions, f.shown.MarketValue = nil, nil, nil, 0
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := busyFrame()
			if tc.change != nil {
				tc.change(&f)
			}
			m := watching(t, new(desk), tc.width, tc.height, f)
			if tc.keys != "" {
				press(t, m, tc.keys)
			}
			if strings.HasPrefix(tc.keys, "<tab>") {
				m.say(Red, "execution #18 was busted: erroneous price")
				m.arrange()
			}
			golden(t, tc.name, m)
		})
	}
}

// TestWatchMarks: a bust and a correction are marked without colours, too, in all widths, and
// stay in their places.
func TestWatchMarks(t *testing.T) {
	for _, width := range []int{40, 60, 80, 140, 200} {
		m := watching(t, new(desk), width, 60, busyFrame())
		shown := text(t, m)
		for _, row := range []string{"was #20 .*buy +100 ", "now #22 .*buy +1,000 ", "BUSTED .*sell +25,000 "} {
			if !regexp.MustCompile(row).MatchString(shown) {
				t.Errorf("no %q at %d columns:\n%s", row, width, shown)
			}
		}
		if !strings.Contains(m.View().Content, Faint+Struck+"25,000") {
			t.Errorf("the busted execution is not struck out at %d columns", width)
		}
	}
}

// TestWatchFitsEverySize: no line is too long, no screen too high, and nothing panics.
func TestWatchFitsEverySize(t *testing.T) {
	for _, keys := range []string{"", "?", "b", "b1<enter>", "<tab>c", "<tab><tab><end>", "p", "p<tab>"} {
		for _, width := range []int{0, 1, 2, 5, 10, 23, 24, 39, 59, 60, 109, 110, 300} {
			for _, height := range []int{0, 1, 2, 3, 5, 6, 7, 10, 11, 24, 80} {
				m := watching(t, new(desk), width, height, busyFrame())
				press(t, m, keys)
				if text(t, m); t.Failed() {
					t.Fatalf("%d x %d after %q", width, height, keys)
				}
			}
		}
	}
}

// TestWatchShowsHostileText: names, reasons and notices can't control the terminal.
func TestWatchShowsHostileText(t *testing.T) {
	const evil = "x\n* bought\x1b[2J\u009b31m\u202e\xff"
	f := busyFrame()
	f.shown.Account.Name, f.link.server, f.link.why = evil, table.Escape(evil), table.Escape(evil)
	for i := range f.market {
		f.market[i].Name, f.market[i].Key = evil, client.Key{Market: evil, Code: evil}
	}
	for i := range f.shown.Positions {
		f.shown.Positions[i].Key = f.market[0].Key
	}
	for i := range f.shown.Orders {
		f.shown.Orders[i].Key, f.shown.Orders[i].ClientOrderID = f.market[0].Key, evil
	}
	for i := range f.shown.Executions {
		f.shown.Executions[i].Key, f.shown.Executions[i].BustReason, f.shown.Executions[i].ClientOrderID = f.market[0].Key, evil, evil
	}
	for _, event := range []client.Event{
		client.ExecutionBusted{Reason: evil}, client.ExecutionBusted{Reason: evil, CorrectedBy: 5}, client.AccountUpdate{Change: client.AccountDeposit, Text: evil},
		client.Notice{Text: evil}, client.OrderUpdate{Order: client.OrderState{Key: f.market[0].Key, Status: client.StatusCancelled}},
	} {
		f.tiding.number++
		f.tiding.style, f.tiding.text = tidingOf(event)
		for _, keys := range []string{"", "?", "b<esc>", "b1<enter>", "p<down>", "<tab><down>", "<tab>c", "<tab><tab><down><down>"} {
			m := watching(t, &desk{err: &client.Error{Result: codec.ResultRejected, Message: evil}}, 600, 60, f)
			press(t, m, keys)
			if keys == "<tab>c" {
				press(t, m, "y")
			}
			m.placed(placedMsg{err: errors.New(evil)})
			shown := text(t, m)
			if i := strings.IndexFunc(shown, func(r rune) bool { return r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e }); i >= 0 {
				t.Fatalf("a control character after %q: %q", keys, shown[max(0, i-60):i+10])
			}
			if strings.Contains(shown, "\n* bought") {
				t.Fatalf("a forged line after %q:\n%s", keys, shown)
			}
		}
	}
}

// TestWatchOrders: what the keys send, after a question.
func TestWatchOrders(t *testing.T) {
	for _, tc := range []struct {
		name string
		keys string
		sent string // the order; "": none
		says string
	}{
		{"market order of the selected instrument", "b100<enter>y", "buy 100 ALFA/600100 market day", "order #9: buy 100 ALFA/600100, filled, 100 filled"},
		{"another instrument", "<down>s1<enter>y", "sell 1 ALFA/600101 market day", "filled"},
		{"limit", "b100<tab>9.95<enter>y", "buy 100 ALFA/600100 @ 9.95 limit day", "filled"},
		{"stop", "b100<tab><tab>10.5<enter>y", "buy 100 ALFA/600100 stop 10.50 stop day", "filled"},
		{"in force", "s100<tab>9.95<tab><tab><back><back><back>gtc<enter>y", "sell 100 ALFA/600100 @ 9.95 limit good till cancelled", "filled"},
		{"not after n", "b100<enter>n", "", "not sent"},
		{"not without a yes", "b100<enter><enter>", "", ""},
		{"not after esc", "b100<esc><enter>y", "", ""},
		{"bad quantity", "b1.5<enter>", "", "\"1.5\" is not a number of shares"},
		{"bad price", "b1<tab>x<enter>", "", "\"x\" is not a price"},
		{"bad stop", "b1<tab><tab>-1<enter>", "", "is not a price"},
		{"bad time in force", "b1<tab><tab><tab>s<enter>", "", "\"days\" is not one of day, gtc, ioc, fok"},
		{"unknown instrument", "b1<up>9<enter>", "", "unknown instrument \"6001009\""},
		{"two markets have the code", "b1<up><back>2<enter>", "", "\"600102\" is ambiguous: use ALFA/600102 or BETA/600102"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &desk{placed: client.Placed{Order: client.NewOrderID(100020, 9), Status: client.StatusFilled, Filled: 100, AveragePrice: price(10)}}
			f := busyFrame()
			f.tiding = tiding{}
			m := watching(t, d, 100, 40, f)
			press(t, m, tc.keys)
			sent := ""
			for _, o := range d.orders {
				sent += strings.TrimSpace(fmt.Sprintf("%s %s %s%s %s %s", o.Side, o.Quantity, o.Key, priceText(client.OrderState{Price: o.Price, Stop: o.Stop}), o.Type, o.TimeInForce))
			}
			if sent != tc.sent {
				t.Errorf("sent %q", sent)
			}
			if !strings.Contains(m.said, strings.TrimSuffix(tc.says, ", 100 filled")) || tc.says == "" && m.said != "" {
				t.Errorf("says %q", m.said)
			}
		})
	}
}

// TestWatchRefusal: an order that the server refuses comes back to be changed, with the reason,
// and is then another order.
func TestWatchRefusal(t *testing.T) {
	d := &desk{err: &client.Error{Result: codec.ResultRejected, Message: "not enough cash"}}
	m := watching(t, d, 80, 24, busyFrame())
	press(t, m, "b100<enter>y")
	if shown := text(t, m); !strings.Contains(shown, "> quantity   100") || !strings.Contains(shown, "refused: not enough cash") {
		t.Errorf("shows\n%s", shown)
	}
	press(t, m, "<enter>y")
	if len(d.orders) != 2 || d.orders[0].ClientOrderID == d.orders[1].ClientOrderID || d.orders[0].ClientOrderID == "" {
		t.Errorf("sent %v", d.orders)
	}
}

// TestWatchUnclear: an order without a reply can be sent again, with the same id as long as it is
// the same order.
func TestWatchUnclear(t *testing.T) {
	d := &desk{err: client.ErrTimeout}
	m := watching(t, d, 80, 24, busyFrame())
	press(t, m, "b100<enter>y")
	if !strings.Contains(m.said, "it may have been accepted: ") {
		t.Errorf("says %q", m.said)
	}
	press(t, m, "<enter>")
	if want := "send again: buy 100 ALFA/600100, market, day, value 1,000.00? It is executed once."; m.ask == nil || m.ask.text != want {
		t.Errorf("asks %v", m.ask)
	}
	press(t, m, "y0<enter>y")
	if len(d.orders) != 3 || d.orders[0] != d.orders[1] || d.orders[1].ClientOrderID == d.orders[2].ClientOrderID || d.orders[2].Quantity != 1000 {
		t.Errorf("sent %v", d.orders)
	}
}

// TestWatchCancel: c cancels the order that is selected when it asks, whatever comes in between.
func TestWatchCancel(t *testing.T) {
	d := new(desk)
	f := busyFrame()
	m := watching(t, d, 80, 24, f)
	press(t, m, "c")
	if m.focus != paneOrders || m.ask != nil || m.said != "select an order with the arrow keys, then c" {
		t.Errorf("the first c asks %v and says %q", m.ask, m.said)
	}
	press(t, m, "<down>c")
	if want := "cancel order #15: sell 100 ALFA/600100 @ 10.50?"; m.ask == nil || m.ask.text != want {
		t.Fatalf("asks %v", m.ask)
	}
	f.shown.Orders = f.shown.Orders[1:] // the first one ends
	m.Update(f)
	press(t, m, "y")
	if len(d.cancelled) != 1 || d.cancelled[0].Number() != 15 || !strings.Contains(m.said, "cancelled: at the request of a client") {
		t.Errorf("cancelled %v and says %q", d.cancelled, m.said)
	}
	d.err = &client.Error{Result: codec.ResultRejected, Reason: client.ReasonTooLate, Message: "the order is filled"}
	press(t, m, "cy")
	if want := "order #15 is not cancelled: the order is filled"; m.said != want {
		t.Errorf("says %q, want %q", m.said, want)
	}
	f.shown.Orders = nil
	m.Update(f)
	press(t, m, "c")
	if m.ask != nil || m.said != "there is no working order to cancel" {
		t.Errorf("without orders it asks %v and says %q", m.ask, m.said)
	}
}

// TestWatchSelectionFollows: a selected row stays selected while others come and go; the first
// row of the tape is always the newest execution.
func TestWatchSelectionFollows(t *testing.T) {
	f := busyFrame()
	m := watching(t, new(desk), 80, 24, f)
	next := func(n uint32) {
		x := f.shown.Executions[0]
		x.ID = client.NewExecutionID(100020, n)
		f.shown.Executions = append([]client.Execution{x}, f.shown.Executions...)
		m.Update(f)
	}
	selected := func() uint32 { return f.shown.Executions[m.lists[paneTape].at].ID.Number() }
	press(t, m, "<tab><tab>")
	if next(23); selected() != 23 {
		t.Errorf("#%d is selected, not the newest", selected())
	}
	press(t, m, "<down><down>")
	if next(24); selected() != 21 || !strings.Contains(m.said, "100020-21") {
		t.Errorf("#%d is selected, and it says %q", selected(), m.said)
	}
	press(t, m, "<end>")
	if shown := text(t, m); selected() != 1 || !strings.Contains(shown, " #1 ") {
		t.Errorf("#%d is selected in\n%s", selected(), shown)
	}
	f.shown.Executions = f.shown.Executions[:5] // what was selected is gone
	if m.Update(f); selected() != f.shown.Executions[4].ID.Number() {
		t.Errorf("#%d is selected", selected())
	}
	press(t, m, "<home>")
	if next(25); selected() != 25 {
		t.Errorf("#%d is selected, not the newest", selected())
	}
}

// TestWatchWithoutConnection: what is sent while there is no connection is not sent, and the state
// is shown.
func TestWatchWithoutConnection(t *testing.T) {
	f := busyFrame()
	f.tiding = tiding{}
	f.link.state, f.link.why = linkConnecting, "the server is gone"
	d := new(desk)
	m := watching(t, d, 80, 24, f)
	if shown := text(t, m); !strings.HasPrefix(shown, "reconnecting  customer") || !strings.Contains(shown, "\nthe server is gone\n") {
		t.Errorf("shows\n%s", shown)
	}
	press(t, m, "b100<enter>y")
	if len(d.orders) > 0 || m.said != "not sent: there is no connection to the server now" {
		t.Errorf("sent %v and says %q", d.orders, m.said)
	}
	f.link = link{since: "resumed"}
	f.tiding = tiding{9, "reconnected and resumed: 4 pushes had been missed", Green}
	m.Update(f)
	if shown := text(t, m); !strings.HasPrefix(shown, "connected, resumed  customer") || !strings.Contains(shown, "4 pushes had been missed\n") {
		t.Errorf("shows\n%s", shown)
	}
}

// TestWatchPrices: the prices of all instruments, with their changes since the watch has started,
// also of those that are not held.
func TestWatchPrices(t *testing.T) {
	d := new(desk)
	f := busyFrame()
	f.shown.Positions = f.shown.Positions[:2]
	m := watching(t, d, 80, 30, f)
	press(t, m, "<tab>p")
	f.market = market()
	f.market[3].LastPrice, f.market[4].Halted = price(23), true
	m.Update(f)
	if shown := text(t, m); !regexp.MustCompile(`BETA/300103 .* 23.00 +-0.10`).MatchString(shown) || !strings.Contains(shown, "halted") {
		t.Errorf("shows\n%s", shown)
	}
	press(t, m, "<down><down><down>b")
	if shown := text(t, m); !strings.Contains(shown, "instrument 300103") || !strings.Contains(shown, " BUY  BETA/300103 Harbour Freight") {
		t.Errorf("the ticket is\n%s", shown)
	}
	press(t, m, "<esc>p")
	if shown := text(t, m); strings.Contains(shown, "PRICES") || m.focus != panePositions || len(d.follows) != 2 || !d.follows[0] || d.follows[1] {
		t.Errorf("requested %v, and shows\n%s", d.follows, shown)
	}
}

// TestWatchColumnsStay: a shorter number does not move the columns.
func TestWatchColumnsStay(t *testing.T) {
	f := busyFrame()
	m := watching(t, new(desk), 80, 24, f)
	head := func() string { return strings.Split(text(t, m), "\n")[3] }
	before := head()
	for i := range f.shown.Positions {
		f.shown.Positions[i].MarketValue, f.shown.Positions[i].Unrealised = 0, 0
	}
	if m.Update(f); head() != before {
		t.Errorf("the heading was %q and is %q", before, head())
	}
}

// TestWatchQuits: which keys quit.
func TestWatchQuits(t *testing.T) {
	for keys, want := range map[string]bool{"q": false, "<ctrl+c>": false, "b<ctrl+c>": false, "bq": true, "?q": true, "?qq": false} {
		if got := press(t, watching(t, new(desk), 80, 24, busyFrame()), keys); got != want {
			t.Errorf("after %q it goes on: %v", keys, got)
		}
	}
}

// TestWatchLeavesAfterTheAnswer: what the terminal was asked is answered before the watch quits,
// unless the key is pressed again.
func TestWatchLeavesAfterTheAnswer(t *testing.T) {
	for _, tc := range []struct {
		name string
		next tea.Msg
	}{
		{"answer", tea.CursorPositionMsg{}},
		{"again", tea.KeyPressMsg{Code: 'q', Text: "q"}},
		{"no answer", stopWatch{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := new(desk)
			m := watching(t, d, 80, 24, busyFrame())
			if _, cmd := m.Update(busyFrame()); cmd == nil {
				t.Fatal("the terminal is not asked")
			}
			if _, cmd := m.Update(busyFrame()); cmd != nil {
				t.Error("the terminal is asked twice")
			}
			if _, cmd := m.Update(tea.KeyPressMsg{Code: 'q', Text: "q"}); cmd == nil || !m.leaving {
				t.Error("q does not quit")
			}
			_, cmd := m.Update(tc.next)
			if cmd == nil {
				t.Fatal("it does not quit")
			}
			if _, quits := cmd().(tea.QuitMsg); !quits {
				t.Error("it does not quit")
			}
		})
	}
}

// TestWatchFrames: frames come at most every frameTime, and a terminal that answers is waited for.
func TestWatchFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &feed{changed: make(chan struct{}, 1), drawn: make(chan struct{}, 1)}
		ctx, cancel := context.WithCancel(t.Context())
		var frames atomic.Int64
		shown := frames.Load
		go f.frames(ctx, func() { frames.Add(1) })
		for range 10 { // a second of 1,000 changes
			for range 100 {
				f.touch()
				time.Sleep(time.Millisecond)
			}
		}
		if time.Sleep(time.Minute); shown() < 10 || shown() > 20 {
			t.Errorf("%d frames in a second", shown())
		}
		before := shown()
		if time.Sleep(time.Hour); shown() != before {
			t.Errorf("%d frames without a change", shown()-before)
		}
		f.touch()
		f.answered()
		time.Sleep(time.Second)
		before = shown()
		for range 20 {
			f.touch()
			time.Sleep(frameTime)
		}
		if shown() > before+1 {
			t.Errorf("%d frames while the terminal draws one", shown()-before)
		}
		for range 3 {
			before = shown()
			f.answered()
			f.touch()
			if time.Sleep(2 * frameTime); shown() != before+1 {
				t.Errorf("%d frames after an answer", shown()-before)
			}
		}
		cancel()
		synctest.Wait()
	})
}

// TestWatchSuspendsAfterTheAnswer: what the terminal was asked is answered before the process stops,
// and it is asked again when the watch goes on.
func TestWatchSuspendsAfterTheAnswer(t *testing.T) {
	for name, next := range map[string]tea.Msg{"answer": tea.CursorPositionMsg{}, "no answer": suspendWatch{}} {
		t.Run(name, func(t *testing.T) {
			m := watching(t, new(desk), 80, 24, busyFrame())
			m.Update(busyFrame())
			if _, cmd := m.Update(tea.KeyPressMsg{Code: 'z', Mod: tea.ModCtrl}); cmd == nil || !m.suspending {
				t.Error("it does not wait for the answer")
			}
			if _, cmd := m.Update(busyFrame()); cmd != nil {
				t.Error("the terminal is asked again before the stop")
			}
			if _, cmd := m.Update(next); cmd == nil || m.suspending {
				t.Error("it does not stop")
			}
			if _, cmd := m.Update(suspendWatch{}); cmd != nil {
				t.Error("it stops twice")
			}
			if _, cmd := m.Update(resumeWatch{}); cmd == nil {
				t.Error("it does not draw the screen again")
			}
			if _, cmd := m.Update(busyFrame()); cmd == nil {
				t.Error("the terminal is not asked any more")
			}
		})
	}
}
