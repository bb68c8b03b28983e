package script

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/jsonfile"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/biz/textfile"
	"holdfast/codec/pb"
)

// parser reads a script.
type parser struct {
	*jsonfile.Reader
	result    *Script
	markets   []string
	ticks     map[seed.Key]ledger.Price
	customers map[ledger.Customer]bool
	event     *Event         // that is being read
	lines     map[string]int // of its keys
}

func newParser(name string, content []byte, s *seed.Seed) *parser {
	p := &parser{
		Reader: jsonfile.New(name, content), result: &Script{Speed: 1, Random: 1},
		ticks: make(map[seed.Key]ledger.Price), customers: make(map[ledger.Customer]bool),
	}
	for n := range s.Instruments {
		i := &s.Instruments[n]
		p.ticks[seed.KeyOf(i)] = i.Tick
		if !slices.Contains(p.markets, i.Market) {
			p.markets = append(p.markets, i.Market)
		}
	}
	for n := range s.Customers {
		p.customers[s.Customers[n].Number] = true
	}
	return p
}

// maxRate is the highest rate of simulated orders and price moves, per second.
const maxRate = 1_000_000

func (p *parser) script() error {
	s, format, speed := p.result, false, false
	err := p.Object("script", func(key string) (err error) {
		if key != "format" && !format {
			return p.Errorf("key %q: \"format\" must come first", jsonfile.Clip(key))
		}
		switch key {
		case "format":
			format = true
			_, err = p.Number(key, 1, 1)
		case "start":
			s.Start, err = p.start(key)
		case "speed":
			speed = true
			s.Speed, err = number[int](p, key, 1, market.MaxSpeed)
		case "stepped":
			s.Stepped, err = p.Bool(key)
		case "random":
			s.Random, err = number[uint64](p, key, 0, math.MaxInt64)
		case "preset":
			s.Preset, err = p.preset(key)
		case "orders_per_second":
			s.Orders, err = p.rate(key)
		case "price_moves_per_second":
			s.PriceMoves, err = p.rate(key)
		case "events":
			if s.Start.IsZero() {
				return p.Errorf(`"start" must come before "events"`)
			}
			err = p.Array(key, p.nextEvent)
		default:
			err = p.unknown("script", key, []string{
				"format", "start", "speed", "stepped", "random", "preset", "orders_per_second", "price_moves_per_second", "events",
			})
		}
		return err
	})
	if err == nil {
		err = p.End()
	}
	switch {
	case err != nil:
		return err
	case s.Start.IsZero():
		return p.Errorf(`script: key "start" is missing`)
	case speed && s.Stepped:
		return p.Errorf(`script: "speed" is for a clock that runs by itself: remove it, or "stepped"`)
	}
	return nil
}

func (p *parser) unknown(what, key string, keys []string) error {
	return p.Errorf("%s: unknown key %q%s; the keys are %s", what, jsonfile.Clip(key), textfile.Suggestion(key, keys), strings.Join(keys, ", "))
}

func (p *parser) preset(key string) (string, error) {
	name, err := p.Text(key)
	if err != nil {
		return "", err
	}
	if _, err := market.ParsePreset(name); err != nil {
		return "", p.oneOf(key, name, presetNames())
	}
	return name, nil
}

func presetNames() (names []string) {
	for _, preset := range market.Presets() {
		names = append(names, preset.Name)
	}
	return names
}

// oneOf returns the error for a word that is not one of words.
func (p *parser) oneOf(key, got string, words []string) error {
	return p.Errorf("%s wants one of %s, got %q%s", key, strings.Join(words, ", "), jsonfile.Clip(got), textfile.Suggestion(got, words))
}

// rate reads a number that may have decimals.
func (p *parser) rate(key string) (float64, error) {
	token, err := p.Next()
	if err != nil {
		return 0, err
	}
	n, isNumber := token.(json.Number)
	rate, err := n.Float64()
	if !isNumber || err != nil || rate < 0 || rate > maxRate {
		return 0, p.Errorf("%s wants a number from 0 to %d such as 0.5, got %s", key, maxRate, jsonfile.Describe(token))
	}
	return rate, nil
}

// nextEvent reads an event.
func (p *parser) nextEvent() error {
	p.event, p.lines = &Event{Line: p.Line, given: make(map[string]bool)}, make(map[string]int)
	e := p.event
	err := p.Object("event", func(key string) error {
		read, found := keys[key]
		if !found {
			return p.unknown("event", key, slices.Sorted(maps.Keys(keys)))
		}
		if len(p.lines) == 0 {
			e.Line = p.Line
		}
		e.given[key], p.lines[key] = true, p.Line
		return read(p, e, key)
	})
	switch {
	case err != nil:
		return err
	case e.Do == "":
		return p.Errorf(`event: key "do" is missing`)
	case !e.given["at"]:
		return p.Errorf(`event: key "at" is missing`)
	case len(p.result.Events) == MaxEvents:
		return p.Errorf("over %d events", MaxEvents)
	}
	if err := p.checkOrder(e); err != nil {
		return err
	}
	if err := p.checkKeys(e, commands[e.Do]); err != nil {
		return err
	}
	if err := p.checkSeed(e); err != nil {
		return err
	}
	p.result.Events = append(p.result.Events, *e)
	return nil
}

// checkOrder returns an error for an event that is due too early.
func (p *parser) checkOrder(e *Event) error {
	if e.At.Before(p.result.Start) {
		return p.ErrorAt(p.lines["at"], "at: %s is before the start %s", p.clockText(e.At), p.clockText(p.result.Start))
	}
	if n := len(p.result.Events); n > 0 && e.At.Before(p.result.Events[n-1].At) {
		above := &p.result.Events[n-1]
		return p.ErrorAt(p.lines["at"], "at: %s is before %s of the event on line %d: sort the events by time",
			p.clockText(e.At), p.clockText(above.At), above.Line)
	}
	return nil
}

func (p *parser) clockText(t time.Time) string {
	return t.In(p.result.Start.Location()).Format("2006-01-02 15:04:05.999999999")
}

// checkKeys returns an error for keys that a command lacks or does not take.
func (p *parser) checkKeys(e *Event, c command) error {
	for _, key := range slices.Sorted(maps.Keys(p.lines)) {
		if key != "at" && key != "do" && !slices.Contains(c.keys(), key) {
			return p.ErrorAt(p.lines[key], "%s takes no %q; its keys are %s", e.Do, key, strings.Join(c.keys(), ", "))
		}
	}
	for _, key := range c.needs {
		if !e.given[key] {
			return p.ErrorAt(e.Line, "%s: key %q is missing", e.Do, key)
		}
	}
	if err := p.checkOneOf(e, c.oneOf); err != nil {
		return err
	}
	switch {
	case e.Do == "cancel" && e.given["market"] && !e.all:
		return p.ErrorAt(p.lines["market"], `cancel: "market" belongs to "all": true`)
	case e.given["code"] && !e.given["market"]:
		return p.ErrorAt(p.lines["code"], `%s: key "market" is missing`, e.Do)
	case e.Do != "halt" && e.Do != "resume" && e.given["market"] && !e.given["code"]:
		return p.ErrorAt(p.lines["market"], `%s: key "code" is missing`, e.Do)
	case e.Do == "place" && (e.timeInForce == ledger.GoodTillDate) != e.given["expires"]:
		return p.ErrorAt(e.Line, `place: "expires" and the time in force "gtd" belong together`)
	case e.given["expires"] && !e.expires.After(e.At):
		return p.ErrorAt(p.lines["expires"], "place: expires: %s is not after %s", p.clockText(e.expires), p.clockText(e.At))
	}
	return p.checkReason(e)
}

// checkOneOf returns an error unless exactly one of the keys is there.
func (p *parser) checkOneOf(e *Event, keys []string) error {
	first := ""
	for _, key := range keys {
		switch {
		case !e.given[key] || key == "all" && !e.all:
		case first != "":
			return p.ErrorAt(p.lines[key], "%s takes only one of the keys %s", e.Do, strings.Join(keys, ", "))
		default:
			first = key
		}
	}
	if keys != nil && first == "" {
		return p.ErrorAt(e.Line, "%s: one of the keys %s is missing", e.Do, strings.Join(keys, ", "))
	}
	return nil
}

// checkReason reads the reason: that of a refusal is one of the protocol.
func (p *parser) checkReason(e *Event) error {
	if e.Do == "reject" && e.given["reason"] {
		n, found := pb.Reason_value[reasonPrefix+e.text]
		if !found || n == 0 {
			p.Line = p.lines["reason"]
			return p.oneOf("reason", e.text, reasonNames())
		}
		e.refusal = ledger.Refusal(n)
	}
	return nil
}

const reasonPrefix = "REASON_"

func reasonNames() (names []string) {
	for _, n := range slices.Sorted(maps.Keys(pb.Reason_name)) {
		if n != 0 {
			names = append(names, strings.TrimPrefix(pb.Reason_name[n], reasonPrefix))
		}
	}
	return names
}

// checkSeed returns an error for a market, an instrument or a customer that the seed lacks, and
// for a price that its instrument can't have.
func (p *parser) checkSeed(e *Event) error {
	if e.given["market"] && !slices.Contains(p.markets, e.instrument.Market) {
		return p.ErrorAt(p.lines["market"], "unknown market %q%s", jsonfile.Clip(e.instrument.Market), textfile.Suggestion(e.instrument.Market, p.markets))
	}
	if e.given["code"] {
		tick, found := p.ticks[e.instrument]
		if !found {
			var names []string
			for key := range p.ticks {
				names = append(names, key.String())
			}
			return p.ErrorAt(p.lines["code"], "unknown instrument %q%s", jsonfile.Clip(e.instrument.String()), textfile.Suggestion(e.instrument.String(), names))
		}
		if e.Do == "jump" && e.price%tick != 0 {
			return p.ErrorAt(p.lines["price"], "price: %s is not a multiple of the tick %s of %s", e.price, tick, e.instrument)
		}
	}
	if e.given["customer"] && !p.customers[e.customer] {
		var names []string
		for c := range p.customers {
			names = append(names, fmt.Sprint(c))
		}
		return p.ErrorAt(p.lines["customer"], "unknown customer %d%s", e.customer, textfile.Suggestion(fmt.Sprint(e.customer), names))
	}
	return nil
}

// number reads a whole number.
func number[T ~int | ~int64 | ~uint32 | ~uint64](p *parser, key string, low, high int64) (T, error) {
	n, err := p.Number(key, low, high)
	return T(n), err
}

// positive reads a decimal above 0.
func positive[T ledger.Price | ledger.Money](p *parser, key string, parse func(string) (T, error), most T) (T, error) {
	s, err := p.Text(key)
	if err != nil {
		return 0, err
	}
	v, err := parse(s)
	if err != nil || v <= 0 || v > most {
		return 0, p.Errorf("%s wants a decimal above 0 such as \"10.5\", at most %v and with at most 4 decimals, got %q", key, most, jsonfile.Clip(s))
	}
	return v, nil
}

// word reads one of the words.
func word[T any](p *parser, key string, words map[string]T) (v T, err error) {
	s, err := p.Text(key)
	if err != nil {
		return v, err
	}
	v, found := words[s]
	if !found {
		return v, p.oneOf(key, s, slices.Sorted(maps.Keys(words)))
	}
	return v, nil
}

// start reads the start: years in which every time of a script fits into nanoseconds.
func (p *parser) start(key string) (time.Time, error) {
	s, err := p.Text(key)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1971 || t.Year() > 2200 {
		return time.Time{}, p.Errorf("%s wants a time of the years 1971 to 2200 such as \"2026-01-05T09:00:00+08:00\", got %q", key, jsonfile.Clip(s))
	}
	_, offset := t.Zone()
	return t.In(time.FixedZone("", offset)), nil // not the computer's zone, which may change its offset
}

// maxDays is how many days after its start a script may end.
const maxDays = 366

// time reads a time: of the start's day, of a later day, or in full.
func (p *parser) time(key string) (time.Time, error) {
	s, err := p.Text(key)
	if err != nil {
		return time.Time{}, err
	}
	t, ok := parseTime(s, p.result.Start)
	if !ok {
		return t, p.Errorf("%s wants a time such as \"09:30:00\", \"+1d 09:30:00\" or \"2026-01-05T09:30:00+08:00\", at most %d days after the start, got %q",
			key, maxDays, jsonfile.Clip(s))
	}
	return t, nil
}

func parseTime(s string, start time.Time) (time.Time, bool) {
	latest := start.AddDate(0, 0, maxDays)
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.In(start.Location()), !t.After(latest)
	}
	days := uint64(0)
	if rest, later := strings.CutPrefix(s, "+"); later {
		count, clock, found := strings.Cut(rest, "d ")
		var err error
		if days, err = strconv.ParseUint(count, 10, 16); !found || err != nil || days > maxDays {
			return start, false
		}
		s = clock
	}
	clock, err := time.Parse("15:04:05", s)
	if err != nil {
		if clock, err = time.Parse("15:04", s); err != nil {
			return start, false
		}
	}
	year, month, day := start.Date()
	t := time.Date(year, month, day+int(days), clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), start.Location())
	return t, !t.After(latest)
}
