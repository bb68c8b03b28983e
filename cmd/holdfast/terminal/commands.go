package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/biz/client"
	"holdfast/perf/table"
)

// welcome shows the account after the login, and starts to show pushes.
func (sh *shell) welcome(snapshot client.Snapshot) (err error) {
	if err := sh.listMarket(); err != nil {
		return err
	}
	hello := sh.connection().Hello()
	addr := sh.connection().Addr()
	sh.say(fmt.Sprintf("connected to %s, holdfast %s, session %d\n", addr, table.Escape(hello.ServerVersion), hello.UID),
		event{Event: "connected", Server: addr, Body: hello})
	sh.showAccount(snapshot)
	if sh.screen.interactive {
		sh.print("\"help\" lists the commands\n")
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.ready, sh.starting, sh.tape.total = true, false, snapshot.MarketValue
	sh.showLate()
	return nil
}

// listMarket asks for the list of all instruments.
func (sh *shell) listMarket() error {
	list, err := sh.quotes(nil)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(x, y client.Instrument) int { return x.Key.Compare(y.Key) })
	sh.marketUse.Lock()
	defer sh.marketUse.Unlock()
	sh.market = list
	return nil
}

// quotes returns instruments with their last prices, all without keys. What is watched stays.
func (sh *shell) quotes(keys []client.Key) ([]client.Instrument, error) {
	list, err := sh.connection().Quotes(sh.ctx, keys, false)
	if watching := sh.watched(); err == nil && watching != nil {
		_, err = sh.connection().Quotes(sh.ctx, watching, true) // the request above has ended the watch
	}
	return list, err
}

func (sh *shell) holding(args []string) error {
	if len(args) > 0 {
		return errors.New("usage: holding")
	}
	snapshot, err := sh.connection().Positions(sh.ctx)
	if err == nil {
		sh.reply(sh.accountText(snapshot), "Positions", snapshot)
	}
	return err
}

func (sh *shell) buy(args []string) error { return sh.order(client.Buy, args) }

func (sh *shell) sell(args []string) error { return sh.order(client.Sell, args) }

func (sh *shell) order(side client.Side, args []string) error {
	usage := fmt.Errorf("usage: %s CODE QUANTITY [PRICE] [TERMS]; \"help\" lists the TERMS", side)
	if len(args) < 2 {
		return usage
	}
	key, err := sh.find(args[0])
	if err != nil {
		return err
	}
	quantity, t, err := quantityAndTerms(args[1:], usage)
	if err != nil {
		return err
	}
	o := client.Order{
		ClientOrderID: cmp.Or(t.clientOrderID, client.NewClientOrderID()), Side: side, Key: key, Quantity: quantity,
		Type: t.orderType(), Price: t.price, Stop: t.stop, TimeInForce: t.inForce, Expires: t.expires,
	}
	sh.expect(o.ClientOrderID)
	placed, err := sh.connection().PlaceOrder(sh.ctx, o)
	if err != nil {
		sh.forget(o.ClientOrderID)
	}
	if errors.Is(err, client.ErrTimeout) || err != nil && sh.connection().Err() != nil {
		return fmt.Errorf("%w; the order may have been accepted: see \"history\" and \"orders\"", err)
	}
	if err != nil {
		return err
	}
	sh.replied(o.ClientOrderID, placed)
	sh.showPlaced(placed)
	return nil
}

// parseQuantity reads a number of shares: digits only, since a separator is a decimal
// point to some and a thousands separator to others.
func parseQuantity(text string) (client.Quantity, error) {
	q, err := digits(text)
	if err != nil || q == 0 {
		return 0, fmt.Errorf("%q is not a number of shares: digits only, such as 1500", text)
	}
	return client.Quantity(q), nil
}

// digits reads a whole number without sign, blanks or separators.
func digits(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err
}

// find returns the instrument that a text names: its code, or MARKET/CODE.
func (sh *shell) find(text string) (client.Key, error) {
	found := sh.named(text)
	if len(found) == 0 { // it may be new, or the server was reset
		if err := sh.listMarket(); err != nil {
			return client.Key{}, err
		}
		found = sh.named(text)
	}
	switch len(found) {
	case 0:
		return client.Key{}, fmt.Errorf("unknown instrument %q; \"quote\" lists all of them", text)
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, key := range found {
		names[i] = key.String()
	}
	return client.Key{}, fmt.Errorf("%q is ambiguous: use %s", text, strings.Join(names, " or "))
}

// named returns the instruments of the last list that a text names.
func (sh *shell) named(text string) (found []client.Key) {
	market, code, _ := strings.Cut(text, "/")
	for _, i := range sh.instruments() {
		if strings.EqualFold(i.Key.Market, market) && strings.EqualFold(i.Key.Code, code) ||
			strings.EqualFold(i.Key.Code, text) {
			found = append(found, i.Key)
		}
	}
	return found
}

// findAll returns the instruments that texts name; it never returns nil.
func (sh *shell) findAll(texts []string) ([]client.Key, error) {
	keys := []client.Key{}
	for _, text := range texts {
		key, err := sh.find(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// defaultHistory is how many executions history shows, maxHistory how many it can show.
const (
	defaultHistory = 20
	maxHistory     = 1000
)

func (sh *shell) history(args []string) error {
	usage := fmt.Errorf("usage: history [N [ID]] [FILTERS], N from 1 to %d; \"help\" lists the FILTERS", maxHistory)
	limit, before, words, err := pageWords(args, usage)
	if err != nil {
		return err
	}
	f, err := sh.parseFilter(words, usage)
	if err != nil {
		return err
	}
	if f.all || len(f.statuses) > 0 { // those are of orders
		return usage
	}
	query := client.HistoryQuery{Limit: limit, Key: f.key, Side: f.side, From: f.from, To: f.to, State: f.state}
	if before != "" {
		if query.Before, err = client.ParseExecutionID(before); err != nil {
			return err
		}
	}
	page, err := sh.connection().History(sh.ctx, query)
	if err == nil {
		sh.showHistory(page, words...)
	}
	return err
}

// pageWords reads [N [ID]] and returns the words after it.
func pageWords(args []string, usage error) (limit int, before string, rest []string, err error) {
	limit = defaultHistory
	if len(args) == 0 || !startsWithDigit(args[0]) {
		return limit, "", args, nil
	}
	n, err := digits(args[0])
	if err != nil || n < 1 || n > maxHistory {
		return 0, "", nil, usage
	}
	limit, rest = int(n), args[1:]
	if len(rest) > 0 && startsWithDigit(rest[0]) {
		before, rest = rest[0], rest[1:]
	}
	return limit, before, rest, nil
}

func startsWithDigit(word string) bool { return word[0] >= '0' && word[0] <= '9' }

func (sh *shell) quote(args []string) error {
	keys, err := sh.findAll(args)
	if err != nil {
		return err
	}
	list, err := sh.quotes(keys)
	if err == nil {
		sh.showQuotes(list)
	}
	return err
}

func (sh *shell) watch(args []string) error {
	if len(args) == 1 && strings.EqualFold(args[0], "off") {
		sh.follow(nil, nil)
		_, err := sh.connection().Quotes(sh.ctx, sh.oneKey(), false)
		if err == nil {
			sh.reply("", "Quotes", nil)
		}
		return err
	}
	keys, err := sh.findAll(args)
	if err != nil {
		return err
	}
	list, err := sh.connection().Quotes(sh.ctx, keys, true)
	if err != nil {
		return err
	}
	sh.follow(keys, list)
	sh.showQuotes(list)
	return nil
}

// oneKey returns one instrument, for the smallest possible request.
func (sh *shell) oneKey() []client.Key {
	list := sh.instruments()
	if len(list) == 0 {
		return nil
	}
	return []client.Key{list[0].Key}
}

func (sh *shell) bust(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: bust ID REASON, as in \"bust 100001-17 keyed in by mistake\"")
	}
	id, err := client.ParseExecutionID(args[0])
	if err != nil {
		return err
	}
	busted, err := sh.connection().Bust(sh.ctx, id, strings.Join(args[1:], " "))
	if err == nil {
		sh.reply(BustedText(sh.style, busted), "Bust", busted)
	}
	return err
}
