package terminal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"holdfast/biz/client"
)

// trader sends the orders of a watch. Its calls wait for the reply.
type trader interface {
	place(o client.Order) (client.Placed, error)
	cancel(id client.OrderID) (client.OrderState, error)
	follow(on bool) error // starts or ends the pushes of prices
	answered()            // the terminal has drawn a frame
}

// watchModel is a watch: what it shows, and what the keys do. Goroutine: bubbletea's.
type watchModel struct {
	trader trader
	zone   *time.Location
	style  Style

	width, height int
	frame
	codes   map[string]int              // how many instruments have a code
	opening map[client.Key]client.Price // at the start, or when the prices were opened
	frames  uint64                      // drawn

	focus    pane
	lists    [paneCount]list
	topLines int  // above the panes so far
	prices   bool // there is a pane of prices

	help    bool
	ticket  *ticket        // the order that is being typed; nil: none
	ask     *question      // nil: none
	sending map[any]string // requests without a reply yet, in words
	said    string         // the last message, escaped
	tone    string         // its style
	tidings uint64         // number of the last tiding that was said

	asked   bool // the terminal is to say where its cursor is, which it does after it has drawn
	answers bool // it has done so
	leaving bool
	// suspending: the process is to be stopped once the terminal has answered.
	suspending bool
}

// question is asked before a request is sent: y sends it.
type question struct {
	text string // escaped
	yes  func() tea.Cmd
}

// stopWatch ends a watch.
type stopWatch struct{}

func newWatchModel(t trader, first frame, zone *time.Location) *watchModel {
	m := &watchModel{trader: t, zone: zone, style: NewStyle(true), width: 80, height: 24, sending: make(map[any]string)}
	m.show(first)
	m.arrange()
	return m
}

// Init implements tea.Model.
func (m *watchModel) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m *watchModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height, m.topLines = msg.Width, msg.Height, 0
		for p := range m.lists {
			m.lists[p].most, m.lists[p].needs = 0, nil
		}
	case frame:
		if m.show(msg); !m.asked && !m.leaving && !m.suspending {
			m.asked = true
			cmd = tea.RequestCursorPosition
		}
	case tea.CursorPositionMsg:
		m.asked, m.answers = false, true
		if m.trader.answered(); m.leaving {
			cmd = tea.Quit
		} else {
			cmd = m.suspendNow()
		}
	case placedMsg:
		m.placed(msg)
	case cancelledMsg:
		m.cancelled(msg)
	case followedMsg:
		if msg.err != nil {
			m.say(Red, "prices: "+OneLine(Advise(msg.err).Error()))
		}
	case tea.KeyPressMsg:
		if msg.Code != tea.KeyF3 { // which looks like an answer of the terminal
			cmd = m.press(msg)
		}
	case tea.PasteMsg:
		if m.ticket != nil && m.ask == nil {
			m.ticket.insert(msg.Content)
		}
	case suspendWatch:
		cmd = m.suspendNow()
	case resumeWatch:
		cmd = m.resume()
	case stopWatch:
		cmd = tea.Quit
	}
	m.arrange()
	return m, cmd
}

// show takes the next frame.
func (m *watchModel) show(next frame) {
	if m.codes == nil || next.listed != m.listed {
		m.codes, m.opening = make(map[string]int), make(map[client.Key]client.Price)
		for _, i := range next.market {
			m.codes[i.Key.Code]++
			m.opening[i.Key] = i.LastPrice
		}
	}
	if m.frame, m.frames = next, m.frames+1; next.tiding.number > m.tidings {
		m.tidings = next.tiding.number
		m.say(next.tiding.style, next.tiding.text)
	}
}

func (m *watchModel) say(style, text string) { m.said, m.tone = text, style }

// press handles a key.
func (m *watchModel) press(key tea.KeyPressMsg) tea.Cmd {
	name := key.String()
	switch {
	case name == "ctrl+c" || m.leaving:
		return m.leave()
	case name == "ctrl+z":
		return m.suspend()
	case name == "ctrl+l":
		return tea.ClearScreen
	case m.help:
		m.help = false
		return nil
	case m.ask != nil:
		return m.answer(name)
	case m.ticket != nil:
		return m.typeTicket(key)
	}
	m.say("", "")
	switch name {
	case "q", "ctrl+d":
		return m.leave()
	case "?", "f1":
		m.help = true
	case "b":
		m.ticket = m.newTicket(client.Buy)
	case "s":
		m.ticket = m.newTicket(client.Sell)
	case "c", "delete":
		m.askCancel()
	case "p":
		return m.togglePrices()
	case "tab", "right":
		m.focus = (m.focus + 1) % m.panes()
	case "shift+tab", "left":
		m.focus = (m.focus + m.panes() - 1) % m.panes()
	default:
		m.move(name)
	}
	return nil
}

// leave quits, after the terminal has answered: else the shell would take the answer for typed
// text. A second time it does not wait.
func (m *watchModel) leave() tea.Cmd {
	if !m.asked || m.leaving {
		return tea.Quit
	}
	m.leaving = true
	return tea.Tick(m.patience(), func(time.Time) tea.Msg { return stopWatch{} })
}

// patience is how long to wait for an answer of the terminal.
func (m *watchModel) patience() time.Duration {
	if m.answers {
		return drawTime
	}
	return 200 * time.Millisecond
}

// panes returns how many panes there are.
func (m *watchModel) panes() pane {
	if m.prices {
		return paneCount
	}
	return panePrices
}

// followedMsg is the outcome of a request to follow prices.
type followedMsg struct{ err error }

// togglePrices opens or closes the pane of prices.
func (m *watchModel) togglePrices() tea.Cmd {
	m.prices = !m.prices
	if m.focus = panePositions; m.prices {
		m.focus = panePrices
	}
	trader, on := m.trader, m.prices
	return func() tea.Msg { return followedMsg{trader.follow(on)} }
}

// move moves the selection in the pane with the focus.
func (m *watchModel) move(key string) {
	l := &m.lists[m.focus]
	to := l.at
	switch key {
	case "up", "k":
		to--
	case "down", "j":
		to++
	case "pgup":
		to -= max(l.rows, 1)
	case "pgdown", "space":
		to += max(l.rows, 1)
	case "home", "g":
		to = 0
	case "end", "G":
		to = m.count(m.focus) - 1
	default:
		return
	}
	to = max(min(to, m.count(m.focus)-1), 0)
	l.at, l.selected = to, nil
	if to > 0 {
		l.selected = m.rowKey(m.focus, to)
	}
	if m.count(m.focus) > 0 {
		m.say("", m.rowText(m.focus, to))
	}
}

// answer handles a key after a question.
func (m *watchModel) answer(key string) tea.Cmd {
	ask := m.ask
	switch key {
	case "y", "Y":
		m.ask = nil
		if m.link.state != linkConnected {
			m.say(Red, "not sent: there is no connection to the server now")
			return nil
		}
		return ask.yes()
	case "n", "N", "esc", "q":
		m.ask = nil
		m.say("", "not sent")
	}
	return nil
}

// cancelledMsg is the outcome of a cancel.
type cancelledMsg struct {
	id    client.OrderID
	order client.OrderState
	err   error
}

// askCancel asks whether to cancel the selected order.
func (m *watchModel) askCancel() {
	switch {
	case m.count(paneOrders) == 0:
		m.say(Yellow, "there is no working order to cancel")
		return
	case m.focus != paneOrders:
		m.focus = paneOrders
		m.say("", "select an order with the arrow keys, then c")
		return
	}
	o := m.shown.Orders[m.lists[paneOrders].at]
	text := "cancel " + orderInWords(o)
	if o.Filled > 0 {
		text += fmt.Sprintf(", %s filled, %s left", o.Filled, o.Leaves)
	}
	m.ask = &question{text + "?", func() tea.Cmd {
		m.sending[o.ID] = "cancel " + orderInWords(o)
		trader := m.trader
		return func() tea.Msg {
			order, err := trader.cancel(o.ID)
			return cancelledMsg{o.ID, order, err}
		}
	}}
}

func (m *watchModel) cancelled(c cancelledMsg) {
	delete(m.sending, c.id)
	if c.err != nil {
		m.say(Red, fmt.Sprintf("order #%d is not cancelled: %s", c.id.Number(), OneLine(Advise(c.err).Error())))
		return
	}
	m.say(Green, orderInWords(c.order)+", "+ended(c.order))
}

// instrumentIn returns an instrument of a sorted list, or nil.
func instrumentIn(market []client.Instrument, key client.Key) *client.Instrument {
	at, found := slices.BinarySearchFunc(market, key, func(i client.Instrument, key client.Key) int { return i.Key.Compare(key) })
	if !found {
		return nil
	}
	return &market[at]
}

// unsent returns the requests without a reply, in words.
func (m *watchModel) unsent() string {
	var list []string
	for _, text := range m.sending {
		list = append(list, text)
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}
