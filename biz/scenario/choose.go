package scenario

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/biz/client"
)

// text returns a step as the file has it, with the instruments of the variables.
func (p *player) text(s *statement) string {
	words := slices.Clone(s.text)
	if strings.Contains(s.client, "/") {
		words = append([]string{s.client + ":"}, words...)
	}
	for i, w := range words {
		if key, found := p.keys[w]; found {
			words[i] = key.String()
		} else if w == "," && i > 0 {
			words[i-1], words[i] = words[i-1]+",", ""
		}
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	return strings.Join(words, " ")
}

// key returns the instrument that a file names.
func (p *player) key(i instrument) client.Key {
	if key, found := p.keys[i.text]; found {
		return key
	}
	if market, code, found := strings.Cut(i.text, "/"); found {
		return client.Key{Market: market, Code: code}
	}
	for _, listed := range p.market {
		if listed.Key.Code == i.text {
			return listed.Key
		}
	}
	first := ""
	if len(p.market) > 0 {
		first = p.market[0].Key.Market
	}
	return client.Key{Market: first, Code: i.text} // the server refuses it
}

// choose returns the first instruments, by market and code, of which the money can buy 1,000
// shares each and which trade in hundreds, one for each variable.
func choose(variables []string, all []client.Instrument, money client.Money) (map[string]client.Key, error) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(x, y client.Instrument) int { return x.Key.Compare(y.Key) })
	keys := make(map[string]client.Key)
	for _, i := range all {
		hundreds := i.LotSize <= 1 || 100%i.LotSize == 0
		if len(keys) == len(variables) || !hundreds || i.MinimumLot > 100 || i.Halted || i.LastPrice <= 0 ||
			client.Value(1000, i.LastPrice) > money/client.Money(len(variables)) {
			continue
		}
		keys[variables[len(keys)]] = i.Key
	}
	if len(keys) < len(variables) {
		return nil, fmt.Errorf("%w: the scenario needs %d, the server has %d of %d", ErrInstruments, len(variables), len(keys), len(all))
	}
	return keys, nil
}
