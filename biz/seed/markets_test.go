package seed_test

import (
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// goodMarkets is the file that the cases below spoil, one line at a time.
const goodMarkets = `{
  "format": 1,
  "markets": [
    {"market": "SH", "lot": 100, "band": "10%",
     "utc_offset": "+08:00",
     "hours": ["09:30-11:30", "13:00-15:00"],
     "weekdays": "Mon-Fri",
     "holidays": [
       "2026-10-02",
       "2026-10-01"
     ],
     "commission": "0.025%", "commission_minimum": "5.00",
     "sell_tax": "0.05%",
     "fee_per_share": "0.001", "fees_in_cost": true,
     "shares_settle": "T+1",
     "cash_settle": "T+2",
     "depth": 500},
    {"market": "STAR", "lot": 1, "minimum_lot": 200, "utc_offset": "-03:30", "hours": ["00:00-24:00"]},
    {"market": "FREE", "fees_in_cost": true}
  ],
  "instruments": [
    {"market": "SH", "code": "1", "last": "10.00"},
    {"market": "SH", "code": "2", "last": "10.00", "lot": 10, "depth": 7},
    {"market": "SH", "code": "3", "last": "10.00", "minimum_lot": 300, "depth": 0},
    {"market": "STAR", "code": "1", "last": "10.00"},
    {"market": "STAR", "code": "2", "last": "10.00", "lot": 1, "depth": 0},
    {"market": "FREE", "code": "1", "last": "10.00"}
  ],
  "customers": [
    {"customer": 1, "directives": true, "positions": [{"market": "SH", "code": "1", "quantity": 50}]}
  ]
}
`

func TestParseMarkets(t *testing.T) {
	s, err := seed.Parse("good", []byte(goodMarkets))
	if err != nil {
		t.Fatal(err)
	}
	sh := &market.Rules{
		Name: "SH", Lots: ledger.Lots{Step: 100}, Band: 10_000_000, Offset: 8 * 3600, SharesDays: 1, CashDays: 2, Depth: 500,
		Hours: &market.Hours{
			Weekdays: market.MondayToFriday, Holidays: []int32{20727, 20728},
			Sessions: []market.Session{{Open: 34_200, Close: 41_400}, {Open: 46_800, Close: 54_000}},
		},
		Fees: &ledger.Fees{Commission: 25_000, Minimum: 50_000, SellTax: 50_000, PerShare: 10, InCost: true},
	}
	star := &market.Rules{
		Name: "STAR", Lots: ledger.Lots{Minimum: 200, Step: 1}, Offset: -12_600,
		Hours: &market.Hours{Weekdays: market.MondayToFriday, Sessions: []market.Session{{Open: 0, Close: 86_400}}},
	}
	free := &market.Rules{Name: "FREE"}
	equal(t, s.Markets, []*market.Rules{sh, star, free})
	if text := market.FormatDate(20727); text != "2026-10-01" {
		t.Errorf("the holiday is %s", text)
	}
	instrument := func(id ledger.InstrumentID, r *market.Rules, code string, minimum, step, depth ledger.Quantity) market.Instrument {
		return market.Instrument{
			ID: id, Market: r.Name, Code: code, Rules: r, Tick: 100, Last: 100_000, Depth: depth,
			Lots: ledger.Lots{Minimum: minimum, Step: step},
		}
	}
	equal(t, s.Instruments, []market.Instrument{
		instrument(0, sh, "1", 100, 100, 500),
		instrument(1, sh, "2", 10, 10, 7),
		instrument(2, sh, "3", 300, 100, ledger.MaxQuantity),
		instrument(3, star, "1", 200, 1, 0),
		instrument(4, star, "2", 1, 1, 0),
		instrument(5, free, "1", 1, 1, 0),
	})
	if c := s.Customers[0]; !c.Directives || c.Holdings[0].Quantity != 50 {
		t.Errorf("customer %+v", c)
	}
	order := []seed.Key{{Market: "FREE", Code: "1"}}
	aligned, err := s.Align(order)
	if err != nil {
		t.Fatal(err)
	}
	if i := aligned.Instruments[0]; i.Rules != s.Markets[2] || aligned.Instruments[1].Rules != s.Markets[0] || len(aligned.Markets) != 3 {
		t.Errorf("aligned %+v", i)
	}
}

func TestWeekdays(t *testing.T) {
	for text, want := range map[string]market.Weekdays{
		"Mon": 1, "Mon-Fri": market.MondayToFriday, "Mon-Sun": market.AllWeekdays, "Sat,Mon": 0b0100001, "Sun-Thu": 0b1001111,
		"Fri-Mon": 0b1110001, "Tue-Tue": 0b10, "Mon-Tue,Sat-Sun": 0b1100011,
	} {
		s, err := seed.Parse("it", []byte(`{"format": 1, "markets": [{"market": "A", "hours": ["09:00-10:00"], "weekdays": "`+text+`"}],
			"instruments": [{"market": "A", "code": "1", "last": "1"}], "customers": [{"customer": 1}]}`))
		if err != nil || s.Markets[0].Hours.Weekdays != want {
			t.Errorf("%s: %v, %+v", text, err, s)
		}
	}
}

// Each case replaces a text in the good file; the error must name line and value.
func TestBadMarkets(t *testing.T) {
	const wantsPercent = ` wants a percentage such as "0.025%" from 0% to 100% with at most 6 decimals, got `
	const wantsHours = `6: hours wants sessions such as "09:30-11:30", each inside one day (00:00 to 24:00), got `
	const wantsOffset = `5: utc_offset wants an offset such as "+08:00" from -14:00 to +14:00, got `
	for _, c := range []struct{ name, old, with, want string }{
		{"market missing", `"market": "SH", "lot"`, `"lot"`, `17: market: key "market" is missing or empty`},
		{"market with a blank", `{"market": "SH", "lot"`, `{"market": "S H", "lot"`, `4: market: market "S H": must be 1 to 64 printable characters without blanks`},
		{"market twice", `"market": "STAR", "lot"`, `"market": "SH", "lot"`, `18: market "SH" is already on line 4`},
		{"unknown key", `"sell_tax"`, `"sel_tax"`, `13: market: unknown key "sel_tax" (did you mean "sell_tax"?); the keys are market, lot,`},
		{"key far from all", `"sell_tax"`, `"stamp"`, `13: market: unknown key "stamp"; the keys are market, lot,`},
		{"lot zero", `"lot": 100`, `"lot": 0`, `4: lot wants a whole number from 1 to 1000000000000, got the number 0`},
		{"minimum lot not in lots", `"lot": 1, "minimum_lot": 200`, `"lot": 100, "minimum_lot": 250`, `18: market: minimum_lot 250: must be a multiple of the lot 100`},
		{"band a number", `"10%"`, `10`, `4: band wants a string, got the number 10`},
		{"band without a sign", `"10%"`, `"10"`, `4: band` + wantsPercent + `"10"`},
		{"band negative", `"10%"`, `"-10%"`, `4: band` + wantsPercent + `"-10%"`},
		{"band over 100", `"10%"`, `"100.000001%"`, `4: band` + wantsPercent + `"100.000001%"`},
		{"commission too fine", `"0.025%"`, `"0.0250001%"`, `12: commission` + wantsPercent + `"0.0250001%"`},
		{"commission minimum negative", `"5.00"`, `"-5.00"`, `12: commission_minimum wants an amount`},
		{"sell tax without digits", `"0.05%"`, `"%"`, `13: sell_tax` + wantsPercent + `"%"`},
		{"fee per share too large", `"0.001"`, `"1000000001"`, `14: market: fee_per_share "1000000001.0000": must be 0 to 1000000000.0000`},
		{"fees in cost a text", `"fees_in_cost": true,`, `"fees_in_cost": "yes",`, `14: fees_in_cost wants true or false, got the string "yes"`},
		{"offset without a sign", `"+08:00"`, `"08:00"`, wantsOffset + `"08:00"`},
		{"offset too far", `"+08:00"`, `"+14:01"`, wantsOffset + `"+14:01"`},
		{"offset empty", `"+08:00"`, `""`, wantsOffset + `""`},
		{"offset not a time", `"+08:00"`, `"+8:00"`, wantsOffset + `"+8:00"`},
		{"hours empty", `["09:30-11:30", "13:00-15:00"]`, `[]`, `6: market: hours 0: must be 1 to 16 sessions`},
		{"hours a text", `["09:30-11:30", "13:00-15:00"]`, `"09:30-11:30"`, `6: hours wants a list, got the string "09:30-11:30"`},
		{"hours backwards", `"09:30-11:30"`, `"11:30-09:30"`, wantsHours + `"11:30-09:30"`},
		{"hours overnight", `"13:00-15:00"`, `"21:00-02:30"`, wantsHours + `"21:00-02:30"`},
		{"hours after midnight", `"13:00-15:00"`, `"13:00-24:01"`, wantsHours + `"13:00-24:01"`},
		{"hours with 60 minutes", `"13:00-15:00"`, `"13:60-15:00"`, wantsHours + `"13:60-15:00"`},
		{"hours with a sign", `"13:00-15:00"`, `"+3:00-15:00"`, wantsHours + `"+3:00-15:00"`},
		{"hours without an end", `"13:00-15:00"`, `"13:00"`, wantsHours + `"13:00"`},
		{"hours overlap", `"13:00-15:00"`, `"11:29-15:00"`, `6: hours: session 11:29-15:00 must come after 09:30-11:30`},
		{"weekday misspelled", `"Mon-Fri"`, `"Mon-Fry"`, `7: weekdays wants days such as "Mon-Fri" or "Mon,Wed", got "Mon-Fry" (did you mean "Fri"?)`},
		{"weekdays empty", `"Mon-Fri"`, `""`, `7: weekdays wants days such as "Mon-Fri" or "Mon,Wed", got ""`},
		{"weekdays with a blank", `"Mon-Fri"`, `"Mon, Fri"`, `7: weekdays wants days such as "Mon-Fri" or "Mon,Wed", got "Mon, Fri" (did you mean "Fri"?)`},
		{"weekdays without hours", `"fees_in_cost": true}`, `"weekdays": "Mon-Fri"}`, `19: market: "weekdays" needs "hours", such as ["00:00-24:00"]`},
		{"holidays without hours", `"fees_in_cost": true}`, `"holidays": []}`, `19: market: "holidays" needs "hours"`},
		{"holiday that does not exist", `"2026-10-02"`, `"2026-02-29"`, `9: holidays wants dates such as "2026-10-01", got "2026-02-29"`},
		{"holiday before 1970", `"2026-10-02"`, `"1969-12-31"`, `9: holidays wants dates such as "2026-10-01", got "1969-12-31"`},
		{"holiday twice", `"2026-10-01"`, `"2026-10-02"`, `10: holiday 2026-10-02 is already on line 9`},
		{"settlement without T", `"T+1"`, `"1"`, `15: shares_settle wants "T+0" to "T+30", got "1"`},
		{"settlement too long", `"T+2"`, `"T+31"`, `16: cash_settle wants "T+0" to "T+30", got "T+31"`},
		{"settlement with a zero", `"T+2"`, `"T+02"`, `16: cash_settle wants "T+0" to "T+30", got "T+02"`},
		{"depth negative", `"depth": 500`, `"depth": -1`, `17: depth wants a whole number from 0 to 1000000000000, got the number -1`},
		{"market not listed", `{"market": "SH", "code": "2"`, "{\n\"market\": \"SHH\", \"code\": \"2\"", `24: instrument: market "SHH" is missing from "markets" (did you mean "SH"?)`},
		{"lots of an instrument", `"minimum_lot": 300`, `"minimum_lot": 250`, `24: instrument: minimum_lot 250: must be a multiple of the lot 100`},
	} {
		t.Run(c.name, func(t *testing.T) { refuses(t, goodMarkets, c.old, c.with, c.want) })
	}
}
