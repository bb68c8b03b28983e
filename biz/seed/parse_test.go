package seed_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/biz/jsonfile"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// good is the file that the cases below spoil, one line at a time.
const good = `{
  "format": 1,
  "instruments": [
    {"market": "ALFA", "code": "600100", "name": "Northern Tin",
     "lot": 100, "tick": "0.05", "last": "10.05"},
    {"market": "BETA", "code": "600100", "last": "3"}
  ],
  "customers": [
    {"customer": 7, "name": "Seven", "role": "operator", "cash": "12.5",
     "positions": [
       {"market": "BETA", "code": "600100", "quantity": 3, "average_cost": "0.0001"},
       {"market": "ALFA", "code": "600100", "quantity": 200}
     ],
     "password": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
     "token_sha256": "` + digits + `"},
    {"customer": 5}
  ]
}
`

const digits = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestParse(t *testing.T) {
	have, err := seed.Parse("good", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	hash := [32]byte{}
	if _, err := fmt.Sscanf(digits, "%x", (*hexBytes)(&hash)); err != nil {
		t.Fatal(err)
	}
	alfa, beta := &market.Rules{Name: "ALFA"}, &market.Rules{Name: "BETA"}
	equal(t, have, &seed.Seed{
		Markets: []*market.Rules{alfa, beta},
		Instruments: []market.Instrument{
			{ID: 0, Market: "ALFA", Code: "600100", Name: "Northern Tin", Rules: alfa, Lots: ledger.Lots{Minimum: 100, Step: 100}, Tick: 500, Last: 100_500},
			{ID: 1, Market: "BETA", Code: "600100", Rules: beta, Lots: ledger.Lots{Minimum: 1, Step: 1}, Tick: 100, Last: 30_000},
		},
		Customers: []seed.Customer{
			{
				Number: 7, Name: "Seven", Role: seed.RoleOperator, Cash: 125_000,
				Holdings:    []ledger.Holding{{Instrument: 1, Quantity: 3, Cost: 3}, {Instrument: 0, Quantity: 200}},
				Password:    "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
				TokenSHA256: hash,
			},
			{Number: 5},
		},
		SHA256: sha256.Sum256([]byte(good)),
	})
	if !have.Customers[0].Operator() || have.Customers[1].Operator() {
		t.Error("the wrong one is operator")
	}
}

// hexBytes scans two digits a byte.
type hexBytes [32]byte

func (h *hexBytes) Scan(s fmt.ScanState, _ rune) error {
	for i := range h {
		if _, err := fmt.Fscanf(s, "%2x", &h[i]); err != nil {
			return err
		}
	}
	return nil
}

// Each case replaces a text in the good file; the error must name line and value.
func TestBadFiles(t *testing.T) {
	cases := []struct {
		name, old, with string
		want            string // without the file's name
	}{
		{"no JSON", `"format": 1,`, `"format": 1;`, `2: not valid JSON: invalid character ';'`},
		{"cut off", "\n  ]\n}\n", "\n", `16: not valid JSON: the file ends too early`},
		{"comma missing", "\"code\": \"600100\", \"last\": \"3\"", "\"code\": \"600100\"\n\"last\": \"3\"", `7: not valid JSON: invalid character '"'`},
		{"bad word", "    {\"customer\": 5}", "\n\n    nil", `18: not valid JSON: invalid character 'i'`},
		{"line end in a string", "Northern Tin", "Northern\nTin", `4: not valid JSON: invalid character '\n'`},
		{"more behind", "\n  ]\n}\n", "\n  ]\n}\n\n{}", `20: an object after the end`},
		{"an array", good, `[]`, `1: seed wants an object, got a list`},
		{"null", good, `null`, `1: seed wants an object, got null`},
		{"empty", good, ``, `1: not valid JSON: the file ends too early`},
		{"format missing", `"format": 1,`, ``, `3: key "instruments": "format" must come first`},
		{"format 2", `"format": 1`, `"format": 2`, `2: format wants a whole number from 1 to 1, got the number 2`},
		{"unknown key", `"format": 1,`, `"format": 1, "x": 0,`, `2: seed: unknown key "x"; the keys are format, markets, instruments, customers`},
		{"key twice", `"format": 1,`, "\"format\": 1,\n\"format\": 1,", `3: key "format" appears twice`},
		{"key in other case", `"lot": 100`, `"Lot": 100`, `5: instrument: unknown key "Lot" (did you mean "lot"?); the keys are market, code,`},
		{"no instruments and customers", good, `{"format": 1}`, `1: a seed needs at least one instrument and one customer`},
		{"customers first", `"instruments": [`, `"customers": [{"customer": 1, "positions": [{"market": "ALFA", "code": "6", "quantity": 1}]}], "x": [`, `3: position: unknown instrument "ALFA" "6"`},

		{"market missing", `"market": "ALFA", "code": "600100", "name"`, `"code": "600100", "name"`, `5: instrument: market ""`},
		{"market a number", `"market": "ALFA", "code": "600100", "name"`, `"market": 5, "code": "600100", "name"`, `4: market wants a string, got the number 5`},
		{"name not printable", `Northern Tin`, `Northern\tTin`, `4: instrument: name "Northern\tTin"`},
		{"lot zero", `"lot": 100`, `"lot": 0`, `5: lot wants a whole number from 1 to 1000000000000, got the number 0`},
		{"lot a fraction", `"lot": 100`, `"lot": 1.5`, `5: lot wants a whole number from 1 to 1000000000000, got the number 1.5`},
		{"lot huge", `"lot": 100`, `"lot": 1e99`, `5: lot wants a whole number from 1 to 1000000000000, got the number 1e99`},
		{"lot a string", `"lot": 100`, `"lot": "100"`, `5: lot wants a whole number from 1 to 1000000000000, got the string "100"`},
		{"tick negative", `"tick": "0.05"`, `"tick": "-0.05"`, `5: tick wants a price such as 10.5 from 0 to 1000000000.0000 with at most 4 decimals, got "-0.05"`},
		{"tick zero", `"tick": "0.05"`, `"tick": "0"`, `5: instrument: tick "0.0000": must be 0.0001 or more`},
		{"tick too fine", `"tick": "0.05"`, `"tick": "0.00005"`, `5: tick wants a price such as 10.5 from 0 to 1000000000.0000 with at most 4 decimals, got "0.00005"`},
		{"last missing", `, "last": "3"`, ``, `6: instrument: last "0.0000": must be at least one tick`},
		{"last a number", `"last": "10.05"`, `"last": 10.05`, `5: last wants a string, got the number 10.05`},
		{"last between ticks", `"last": "10.05"`, `"last": "10.06"`, `5: instrument: last "10.0600": must be a multiple of the tick 0.0500`},
		{"last too large", `"last": "10.05"`, `"last": "1000000000.0001"`, `5: last wants a price such as 10.5 from 0 to 1000000000.0000 with at most 4 decimals, got "1000000000.0001"`},
		{"instrument twice", `{"market": "BETA", "code": "600100", "last"`, `{"market": "ALFA", "code": "600100", "last"`, `6: instrument "ALFA" "600100" is already on line 4`},
		{"minimum lot not in lots", `"lot": 100`, `"lot": 100, "minimum_lot": 150`, `5: instrument: minimum_lot 150: must be a multiple of the lot 100`},
		{"minimum lot zero", `"lot": 100`, `"minimum_lot": 0`, `5: minimum_lot wants a whole number from 1 to 1000000000000, got the number 0`},
		{"depth negative", `"lot": 100`, `"depth": -1`, `5: depth wants a whole number from 0 to 1000000000000, got the number -1`},
		{"markets late", "  ],\n  \"customers\"", "  ],\n  \"markets\": [], \"customers\"", `8: key "markets" must come before "instruments"`},
		{"instrument a string", `{"market": "BETA", "code": "600100", "last": "3"}`, `"BETA"`, `6: instrument wants an object, got the string "BETA"`},

		{"customer missing", `{"customer": 5}`, `{"name": "x"}`, `16: customer: key "customer" is missing`},
		{"customer zero", `{"customer": 5}`, `{"customer": 0}`, `16: customer wants a whole number from 1 to 4294967295, got the number 0`},
		{"customer too large", `{"customer": 5}`, `{"customer": 4294967296}`, `16: customer wants a whole number from 1 to 4294967295, got the number 4294967296`},
		{"customer negative", `{"customer": 5}`, `{"customer": -5}`, `16: customer wants a whole number from 1 to 4294967295, got the number -5`},
		{"customer twice", `{"customer": 5}`, `{"customer": 7}`, `16: customer 7 is already on line 9`},
		{"unknown key of a customer", `"role"`, `"rule"`, `9: customer: unknown key "rule" (did you mean "role"?)`},
		{"unknown role", `"operator"`, `"king"`, `9: role wants customer, operator or viewer, got "king"`},
		{"long name", `"Seven"`, `"` + strings.Repeat("x", 65) + `"`, `9: name wants at most 64 bytes of printable text, got "xxx`},
		{"cash negative", `"12.5"`, `"-12.5"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "-12.5"`},
		{"cash not exact", `"12.5"`, `"12.56789"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "12.56789"`},
		{"cash with a comma", `"12.5"`, `"1,5"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "1,5"`},
		{"cash with an exponent", `"12.5"`, `"1e3"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "1e3"`},
		{"cash with a plus", `"12.5"`, `"+5"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "+5"`},
		{"cash with a blank", `"12.5"`, `" 5"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got " 5"`},
		{"cash hexadecimal", `"12.5"`, `"0x10"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "0x10"`},
		{"cash with an underscore", `"12.5"`, `"1_000"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "1_000"`},
		{"cash in full-width digits", `"12.5"`, `"５"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "５"`},
		{"cash without decimals after the point", `"12.5"`, `"1."`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "1."`},
		{"cash without a digit before the point", `"12.5"`, `".5"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got ".5"`},
		{"cash minus zero", `"12.5"`, `"-0"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "-0"`},
		{"cash with leading zeros", `"12.5"`, `"00012"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "00012"`},
		{"cash too large", `"12.5"`, `"400000000000000.0001"`, `9: cash wants an amount such as 10.5 from 0 to 400000000000000.0000 with at most 4 decimals, got "400000000000000.0001"`},
		{"directives a number", `"cash": "12.5"`, `"directives": 1`, `9: directives wants true or false, got the number 1`},
		{"positions an object", `"positions": [`, `"positions": {`, `10: positions wants a list, got an object`},
		{"unknown instrument", `{"market": "BETA", "code": "600100", "quantity"`, `{"market": "BETA", "code": "600101", "quantity"`, `11: position: unknown instrument "BETA" "600101" (did you mean "BETA/600100"?)`},
		{"unknown key of a position", `"average_cost"`, `"cost"`, `11: position: unknown key "cost"`},
		{"quantity missing", `"quantity": 3, `, ``, `11: position "BETA" "600100": key "quantity" is missing`},
		{"quantity zero", `"quantity": 3`, `"quantity": 0`, `11: quantity wants a whole number from 1 to 1000000000000, got the number 0`},
		{"quantity negative", `"quantity": 3`, `"quantity": -3`, `11: quantity wants a whole number from 1 to 1000000000000, got the number -3`},
		{"quantity too large", `"quantity": 3`, `"quantity": 1000000000001`, `11: quantity wants a whole number from 1 to 1000000000000, got the number 1000000000001`},
		{"cost too large", `"quantity": 3, "average_cost": "0.0001"`, `"quantity": 1000000000000, "average_cost": "400.0001"`, `11: position "BETA" "600100": quantity 1000000000000 x average_cost 400.0001 is too large`},
		{"average cost negative", `"0.0001"`, `"-0.0001"`, `11: average_cost wants a price such as 10.5 from 0 to 1000000000.0000 with at most 4 decimals, got "-0.0001"`},
		{"position twice", `{"market": "ALFA", "code": "600100", "quantity": 200}`, `{"market": "BETA", "code": "600100", "quantity": 1}`, `12: position: "BETA" "600100" appears twice for one customer`},
		{"password in clear", `"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"`, `"secret"`, `14: password: seed: not an acceptable argon2id hash: want $argon2id$`},
		{"hash that eats memory", `m=8,`, `m=99999999,`, `14: password: seed: not an acceptable argon2id hash: `},
		{"token hash too short", digits, digits[2:], `15: token_sha256 wants 64 hexadecimal digits, got "112233`},
		{"token hash not hexadecimal", digits, "x" + digits[1:], `15: token_sha256 wants 64 hexadecimal digits, got "x01122`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { refuses(t, good, c.old, c.with, c.want) })
	}
}

// refuses checks the error for a file with a text replaced.
func refuses(t *testing.T, file, old, with, want string) {
	t.Helper()
	if !strings.Contains(file, old) {
		t.Fatalf("the good file has no %q", old)
	}
	s, err := seed.Parse("my.json", []byte(strings.Replace(file, old, with, 1)))
	var bad *jsonfile.Error
	if !errors.As(err, &bad) || s != nil {
		t.Fatalf("%v, %v", s, err)
	}
	if text := err.Error(); !strings.HasPrefix(text, "my.json:"+want) || strings.Contains(text, "\n") {
		t.Errorf("have %s\nwant my.json:%s", text, want)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seed.json")
	if _, err := seed.Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(good)
	s, err := seed.Load(path)
	if err != nil || len(s.Customers) != 2 || s.SHA256 != sha256.Sum256([]byte(good)) {
		t.Errorf("%v, %v", s, err)
	}
	write(good + "x")
	if _, err := seed.Load(path); err == nil || !strings.HasPrefix(err.Error(), path+":19: ") {
		t.Errorf("bad file: %v", err)
	}
	if _, err := seed.Load(filepath.Dir(path)); err == nil {
		t.Error("a folder is no seed")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(goodMarkets))
	f.Add([]byte(`{"format":1,"instruments":[{"market":"A","code":"1","last":"1"}],"customers":[{"customer":1}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := seed.Parse("fuzz", content)
		if err != nil {
			var bad *jsonfile.Error
			if !errors.As(err, &bad) || bad.Line < 1 || bad.Line > 1+strings.Count(string(content), "\n") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error without a right line: %v", err)
			}
			return
		}
		m, err := market.New(s.Instruments)
		if err != nil {
			t.Fatal(err)
		}
		for n := range s.Instruments {
			i := &s.Instruments[n]
			if !slices.Contains(s.Markets, i.Rules) || i.Rules.Name != i.Market || *m.At(i.ID) != *i {
				t.Fatalf("instrument %+v in the market: %+v", i, m.At(i.ID))
			}
		}
		for _, r := range s.Markets {
			p := r.Phase(1e18)
			if err := r.Validate(); err != nil || p.From > 1e18 || p.Until <= 1e18 {
				t.Fatalf("%v, %+v", err, p)
			}
		}
		for _, c := range s.Customers {
			if _, err := ledger.NewAccount(c.Number, ledger.Opening{Cash: c.Cash, Holdings: c.Holdings}, ledger.Options{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestFIXSessions: the sessions of FIX clients, and what is wrong with some.
func TestFIXSessions(t *testing.T) {
	const before = `{"format": 1, "instruments": [{"market": "A", "code": "1", "last": "1.00"}], "customers": [{"customer": 1}, {"customer": 2, "fix": [`
	s, err := seed.Parse("s.json", []byte(before+`{"comp_id": "X", "addresses": ["192.0.2.0/24"], "reset_on_logon": true, "user_fields": true, "unknown_fields": true,
		"last_processed": true, "resend_chunk": 7}, {"comp_id": "2", "user_fields": true}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &s.Customers[1]
	equal(t, *c.FIXSession("X"), seed.FIX{
		CompID: "X", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, ResetOnLogon: true, UserFields: true, UnknownFields: true,
		LastProcessed: true, ResendChunk: 7,
	})
	equal(t, *c.FIXSession("2"), seed.FIX{CompID: "2", UserFields: true})
	equal(t, *s.Customers[0].FIXSession("1"), seed.FIX{CompID: "1"})
	if c.FIXSession("1") != nil || c.FIXSession("Y") != nil {
		t.Error("a session of somebody else")
	}
	for address, want := range map[string]bool{"192.0.2.9": true, "::ffff:192.0.2.9": true, "192.0.3.9": false, "::1": false} {
		if got := c.FIX[0].LogsOn(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	for text, want := range map[string]string{
		`{}`:                                     `fix: key "comp_id" is missing`,
		`{"comp_id": ""}`:                        `comp_id wants 1 to 32 visible ASCII characters, got ""`,
		`{"comp_id": "A B"}`:                     `comp_id wants 1 to 32 visible ASCII characters, got "A B"`,
		`{"comp_id": "1"}`:                       `fix: comp_id "1" is the number of another customer`,
		`{"comp_id": "X"}, {"comp_id": "X"}`:     `fix: comp_id "X" is already on line 1`,
		`{"comp_id": "X", "addresses": ["all"]}`: `addresses wants a range of addresses such as 192.0.2.0/24 or 2001:db8::1/128, got "all"`,
		`{"comp_id": "X", "chunk": 1}`:           `fix: unknown key "chunk"; the keys are comp_id, addresses, reset_on_logon, user_fields, unknown_fields, last_processed, resend_chunk`,
	} {
		if _, err := seed.Parse("s.json", []byte(before+text+`]}]}`)); err == nil || err.Error() != "s.json:1: "+want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
