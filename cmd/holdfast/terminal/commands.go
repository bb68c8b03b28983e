package terminal

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/biz/client"
)

// login logs in, shows the account and starts to show pushes.
func (sh *shell) login(customer client.Customer, credential client.Credential) error {
	snapshot, err := sh.connection().Login(sh.ctx, customer, credential)
	if err != nil {
		return err
	}
	if sh.market, err = sh.connection().Quotes(sh.ctx, nil, false); err != nil {
		return err
	}
	slices.SortFunc(sh.market, func(x, y client.Instrument) int { return x.Key.Compare(y.Key) })
	hello := sh.connection().Hello()
	sh.print(fmt.Sprintf("connected to %s, holdfast %s, session %d\n", sh.connection().Addr(), hello.ServerVersion, hello.UID))
	sh.showAccount(snapshot)
	if sh.screen.interactive {
		sh.print("\"help\" lists the commands\n")
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.ready, sh.tape.total = true, snapshot.MarketValue
	return nil
}

func (sh *shell) holding(args []string) error {
	if len(args) > 0 {
		return errors.New("usage: holding")
	}
	snapshot, err := sh.connection().Positions(sh.ctx)
	if err == nil {
		sh.showAccount(snapshot)
	}
	return err
}

func (sh *shell) buy(args []string) error { return sh.order(client.Buy, args) }

func (sh *shell) sell(args []string) error { return sh.order(client.Sell, args) }

func (sh *shell) order(side client.Side, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: %s CODE QUANTITY", side)
	}
	key, err := sh.find(args[0])
	if err != nil {
		return err
	}
	quantity, err := parseQuantity(args[1])
	if err != nil {
		return err
	}
	o := client.Order{ClientOrderID: client.NewClientOrderID(), Side: side, Key: key, Quantity: quantity}
	sh.expect(o.ClientOrderID)
	placed, err := sh.connection().PlaceOrder(sh.ctx, o)
	if err != nil {
		sh.forget(o.ClientOrderID)
	}
	if errors.Is(err, client.ErrTimeout) || err != nil && sh.connection().Err() != nil {
		return fmt.Errorf("%w; the order may have been filled: see \"history\"", err)
	}
	if err != nil {
		return err
	}
	sh.showPlaced(placed)
	return nil
}

// parseQuantity reads a number of shares, also with separators: "1,000".
func parseQuantity(text string) (client.Quantity, error) {
	q, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
	if err != nil || q <= 0 {
		return 0, fmt.Errorf("%q is not a number of shares", text)
	}
	return client.Quantity(q), nil
}

// find returns the instrument that a text names: its code, or MARKET/CODE.
func (sh *shell) find(text string) (client.Key, error) {
	market, code, _ := strings.Cut(text, "/")
	var found []string
	var key client.Key
	for _, i := range sh.market {
		if strings.EqualFold(i.Key.Market, market) && strings.EqualFold(i.Key.Code, code) ||
			strings.EqualFold(i.Key.Code, text) {
			found, key = append(found, i.Key.String()), i.Key
		}
	}
	switch len(found) {
	case 0:
		return key, fmt.Errorf("unknown instrument %q; \"quote\" lists them all", text)
	case 1:
		return key, nil
	}
	return key, fmt.Errorf("%q is ambiguous: use %s", text, strings.Join(found, " or "))
}

func (sh *shell) findAll(texts []string) ([]client.Key, error) {
	var keys []client.Key
	for _, text := range texts {
		key, err := sh.find(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// defaultHistory is how many executions history shows.
const defaultHistory = 20

func (sh *shell) history(args []string) error {
	limit := defaultHistory
	if len(args) > 0 {
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 1 || n > 1000 || len(args) > 1 {
			return errors.New("usage: history [N], N from 1 to 1000")
		}
		limit = n
	}
	page, err := sh.connection().History(sh.ctx, client.HistoryQuery{Limit: limit})
	if err == nil {
		sh.showHistory(page)
	}
	return err
}

func (sh *shell) quote(args []string) error {
	keys, err := sh.findAll(args)
	if err != nil {
		return err
	}
	list, err := sh.connection().Quotes(sh.ctx, keys, false)
	if err != nil {
		return err
	}
	sh.showQuotes(list)
	watching := sh.watched()
	if watching == nil {
		return nil
	}
	_, err = sh.connection().Quotes(sh.ctx, watching, true) // the request above has ended the watch
	return err
}

func (sh *shell) watch(args []string) error {
	if len(args) == 1 && strings.EqualFold(args[0], "off") {
		sh.follow(nil)
		_, err := sh.connection().Quotes(sh.ctx, sh.oneKey(), false)
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
	sh.follow(list)
	sh.showQuotes(list)
	return nil
}

// oneKey returns one instrument, for the smallest possible request.
func (sh *shell) oneKey() []client.Key {
	if len(sh.market) == 0 {
		return nil
	}
	return []client.Key{sh.market[0].Key}
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
		sh.print(BustedText(busted))
	}
	return err
}
