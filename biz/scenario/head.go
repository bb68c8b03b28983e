package scenario

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/biz/client"
)

func (p *parser) name(l *line) {
	if p.s.Name != "" {
		l.failf("this is the second name: a file has one scenario")
		return
	}
	p.s.Name = l.text("the name of the scenario")
	if p.s.Name == "" && !l.wrong {
		l.failf("the name is empty")
	}
}

func (p *parser) server(l *line) {
	if p.s.Server != nil {
		l.failf("the server is described twice: write one line")
		return
	}
	s := &Server{Seed: "default", Start: defaultStart(), Random: 1, line: l.number}
	p.s.Server = s
	options := []string{"seed", "clock", "start", "depth", "moves", "orders", "random", "preset"}
	started := false
	for len(l.words) > 0 && !l.wrong {
		switch l.oneOf("option of the server", options) {
		case "seed":
			if l.textNext() {
				s.Seed = filepath.Join(filepath.Dir(p.s.File), l.text("a file"))
			} else {
				s.Seed = l.oneOf("seed", []string{"default", "mainland"})
			}
		case "clock":
			s.Stepped = l.oneOf("clock", []string{"stepped", "wall"}) == "stepped"
		case "start":
			started = true
			t, err := time.Parse(time.RFC3339, l.peek())
			if err != nil {
				l.wants("a time such as 2026-01-05T09:30:00+08:00")
			}
			s.Start = t
			l.accept(l.peek())
		case "depth":
			s.Depth = l.quantity()
			if s.Depth < 1 && !l.wrong {
				l.failf("the depth must be 1 or more; without it there is no limit")
			}
		case "moves":
			s.Moves = l.rate()
		case "orders":
			s.Orders = l.rate()
		case "random":
			s.Random = uint64(l.count("a number", 1<<31-1))
		case "preset":
			s.Preset = l.oneOf("preset", []string{"frictionless", "realistic", "thin", "brutal"})
		}
	}
	switch {
	case started && !s.Stepped:
		l.failf("a start is for a stepped clock: add clock stepped")
	case s.Stepped && s.Preset != "" && s.Preset != "frictionless":
		l.failf("the orders of the preset %q take time, which a stepped clock never has: remove one of both", s.Preset)
	}
}

// defaultStart is a Monday morning.
func defaultStart() time.Time {
	return time.Date(2026, 1, 5, 9, 30, 0, 0, time.FixedZone("", 8*60*60))
}

func (p *parser) clients(l *line) {
	for first := true; first || len(l.words) > 0 && !l.wrong; first = false {
		if l.accept(",") {
			continue
		}
		name, number, numbered := strings.Cut(l.word("the name of a client"), "=")
		if l.wrong {
			return
		}
		c := clientName{name: name}
		c.customer, _, _ = strings.Cut(name, "/")
		switch {
		case !isName(c.customer) || c.extra() && !isName(name[len(c.customer)+1:]):
			l.failf("client %q: a name has small letters, digits and -, as in alice or alice/phone", clip(name))
		case p.hasClient(name) && name != Operator:
			l.failf("client %q is there twice", name)
		case len(p.s.clients) == MaxClients:
			l.failf("more than %d clients", MaxClients)
		case numbered:
			var n uint32
			if _, err := fmt.Sscanf(number+" ", "%d ", &n); err != nil || n == 0 || fmt.Sprint(n) != number || c.extra() {
				l.failf("client %q: want a customer number such as %s=100001", clip(name+"="+number), c.customer)
			}
			c.number = client.Customer(n)
		}
		if name == Operator || l.wrong {
			continue
		}
		if c.extra() && !p.hasClient(c.customer) {
			p.s.clients = append(p.s.clients, clientName{name: c.customer, customer: c.customer})
		}
		p.s.clients = append(p.s.clients, c)
	}
}

// isName reports whether text can be the name of a client.
func isName(text string) bool {
	return text != "" && text[0] >= 'a' && text[0] <= 'z' && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func (p *parser) hasClient(name string) bool {
	return name == Operator || slices.ContainsFunc(p.s.clients, func(c clientName) bool { return c.name == name })
}

// clientNames returns the names of all clients.
func (p *parser) clientNames() (list []string) {
	for _, c := range p.s.clients {
		list = append(list, c.name)
	}
	return append(list, Operator)
}

func (p *parser) account(l *line) {
	a := Account{Name: l.customer(), Cash: defaultCash}
	switch {
	case l.wrong:
		return
	case p.s.Server == nil:
		l.failf(`an account needs a server of its scenario: write a "server" line before it`)
		return
	case slices.ContainsFunc(p.s.Server.Accounts, func(other Account) bool { return other.Name == a.Name }):
		l.failf("the account of %s is there twice", a.Name)
	}
	for len(l.words) > 0 && !l.wrong {
		switch {
		case l.accept(","):
		case l.accept("cash"):
			a.Cash = l.money()
		case l.accept("directives"):
			a.Directives = true
		default:
			i := l.instrument()
			h := Holding{Instrument: i.text, Quantity: l.quantity(), line: l.number}
			l.require("at")
			h.Cost = l.price()
			a.Holdings = append(a.Holdings, h)
			if h.Quantity <= 0 && !l.wrong {
				l.failf("want a number of shares above 0")
			}
		}
	}
	p.s.Server.Accounts = append(p.s.Server.Accounts, a)
}

// defaultCash is the cash of a new account.
const defaultCash client.Money = 1_000_000 * 10_000

func (p *parser) instruments(l *line) {
	for first := true; first || len(l.words) > 0 && !l.wrong; first = false {
		if l.accept(",") {
			continue
		}
		name := l.word("the name of a variable such as X")
		switch {
		case l.wrong:
		case strings.Contains(name, "/") || strings.Trim(name, "0123456789") == "":
			l.failf("variable %q: want a name such as X", clip(name))
		case slices.Contains(p.s.variables, name):
			l.failf("variable %q is there twice", name)
		}
		p.s.variables = append(p.s.variables, name)
	}
}

// addAccounts adds the accounts that no statement describes, and puts all in the order of the
// clients.
func (p *parser) addAccounts() {
	if p.s.Server == nil {
		return
	}
	described := p.s.Server.Accounts
	p.s.Server.Accounts = nil
	for _, c := range p.s.clients {
		if c.extra() {
			continue
		}
		a := Account{Name: c.name, Cash: defaultCash}
		if at := slices.IndexFunc(described, func(d Account) bool { return d.Name == c.name }); at >= 0 {
			a = described[at]
		}
		a.Customer = c.number
		p.s.Server.Accounts = append(p.s.Server.Accounts, a)
	}
}
