package script_test

import (
	"errors"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/biz/jsonfile"
	"holdfast/biz/script"
	"holdfast/biz/seed"
)

func demoSeed(t testing.TB) *seed.Seed {
	t.Helper()
	s, err := seed.Default()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestExampleOfTheDocumentation: the example in the package's documentation is a script.
func TestExampleOfTheDocumentation(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(file.Doc.Text(), "\t{\n")
	text, _, _ = strings.Cut(text, "\n\t}\n")
	text = "{\n" + text + "\n}"
	s, err := script.Parse("doc.go", []byte(text), demoSeed(t))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	last := s.Events[len(s.Events)-1]
	if len(s.Events) != 16 || s.Speed != 60 || s.Random != 7 || s.Preset != "thin" || s.Orders != 0.5 || s.PriceMoves != 2 {
		t.Errorf("%d events, speed %d, random %d, preset %q, rates %g and %g", len(s.Events), s.Speed, s.Random, s.Preset, s.Orders, s.PriceMoves)
	}
	if want := time.Date(2026, 1, 6, 9, 0, 0, 0, time.UTC); !last.At.Equal(want) || last.Do != "reset" {
		t.Errorf("the last event is %s at %s, want reset at %s", last.Do, last.At, want)
	}
}

// event returns a script with one event, on line 2.
func event(keys string) string {
	return "{\"format\": 1, \"start\": \"2026-01-05T09:00:00+08:00\", \"events\": [\n{" + keys + "}]}"
}

func TestMistakesInAScript(t *testing.T) {
	s := demoSeed(t)
	const halt = `"do": "halt", "market": "ALFA"`
	const place = `"at": "09:30", "do": "place", "customer": 100001, "side": "buy", "market": "ALFA", "code": "600100", `
	cases := []struct{ name, text, problem string }{
		{"empty", ``, "day.json:1: not valid JSON: the file ends too early"},
		{"a list", `[]`, "day.json:1: script wants an object, got a list"},
		{"broken", "{\"format\": 1,\n\"start\": x}", "day.json:2: not valid JSON: invalid character 'x'"},
		{"no format", `{"start": "2026-01-05T09:00:00Z"}`, `day.json:1: key "start": "format" must come first`},
		{"another format", `{"format": 2}`, "day.json:1: format wants a whole number from 1 to 1, got the number 2"},
		{"no start", `{"format": 1}`, `day.json:1: script: key "start" is missing`},
		{"events first", `{"format": 1, "events": []}`, `"start" must come before "events"`},
		{"start without zone", `{"format": 1, "start": "2026-01-05T09:00:00"}`, `start wants a time of the years 1971 to 2200 such as "2026-01-05T09:00:00+08:00", got "2026-01-05T09:00:00"`},
		{"start far off", `{"format": 1, "start": "2500-01-05T09:00:00Z"}`, `got "2500-01-05T09:00:00Z"`},
		{"slip in a key", `{"format": 1, "sped": 3}`, `day.json:1: script: unknown key "sped" (did you mean "speed"?); the keys are format, start,`},
		{"too fast", `{"format": 1, "speed": 1001}`, "day.json:1: speed wants a whole number from 1 to 1000, got the number 1001"},
		{"two clocks", `{"format": 1, "start": "2026-01-05T09:00:00Z", "speed": 2, "stepped": true}`, `"speed" is for a clock that runs by itself`},
		{"slip in a preset", `{"format": 1, "preset": "thn"}`, `preset wants one of frictionless, realistic, thin, brutal, got "thn" (did you mean "thin"?)`},
		{"negative rate", `{"format": 1, "orders_per_second": -1}`, "orders_per_second wants a number from 0 to 1000000 such as 0.5, got the number -1"},
		{"text for a rate", `{"format": 1, "price_moves_per_second": "2/s"}`, "got the string \"2/s\""},
		{"after the end", event(`"at": "09:30", `+halt) + "\n[]", "day.json:3: a list after the end of the JSON value"},

		{"no command", event(`"at": "09:30"`), `day.json:2: event: key "do" is missing`},
		{"slip in a command", event(`"at": "09:30", "do": "hlt"`), `do wants one of bust, cancel, correct, deposit, disconnect, fault, fill, halt, hold, jump, place, reject, reset, resume, withdraw, got "hlt" (did you mean "halt"?)`},
		{"slip in a key of an event", event(`"at": "09:30", "markt": "ALFA"`), `event: unknown key "markt" (did you mean "market"?)`},
		{"key of another command", event(`"at": "09:30", ` + halt + `, "price": "10"`), `day.json:2: halt takes no "price"; its keys are market, code`},
		{"no time", event(halt), `event: key "at" is missing`},
		{"no such time", event(`"at": "25:00:00", ` + halt), `at wants a time such as "09:30:00", "+1d 09:30:00" or`},
		{"days without a time", event(`"at": "+1d", ` + halt), `got "+1d"`},
		{"far off", event(`"at": "+367d 09:00:00", ` + halt), `at most 366 days after the start, got "+367d 09:00:00"`},
		{"before the start", event(`"at": "08:59:59", ` + halt), "day.json:2: at: 2026-01-05 08:59:59 is before the start 2026-01-05 09:00:00"},
		{"out of order", event(`"at": "10:00", ` + halt + "},\n{" + `"at": "09:59:59.5", ` + halt),
			"day.json:3: at: 2026-01-05 09:59:59.5 is before 2026-01-05 10:00:00 of the event on line 2: sort the events by time"},

		{"slip in a market", event(`"at": "09:30", "do": "halt", "market": "ALPA"`), `day.json:2: unknown market "ALPA" (did you mean "ALFA"?)`},
		{"slip in an instrument", event(`"at": "09:30", "do": "halt", "market": "ALFA", "code": "60010"`), `day.json:2: unknown instrument "ALFA/60010" (did you mean "ALFA/600100"?)`},
		{"instrument without market", event(`"at": "09:30", "do": "bust", "customer": 100001, "execution": 1, "code": "600100"`), `bust: key "market" is missing`},
		{"market without code", event(`"at": "09:30", "do": "bust", "customer": 100001, "market": "ALFA"`), `bust: key "code" is missing`},
		{"unknown customer", event(`"at": "09:30", "do": "reset", "customer": 200001`), `unknown customer 200001 (did you mean "100001"?)`},
		{"key is missing", event(`"at": "09:30", "do": "jump", "market": "ALFA", "code": "600100"`), `jump: key "price" is missing`},
		{"price between ticks", event(`"at": "09:30", "do": "jump", "market": "ALFA", "code": "600100", "price": "10.005"`), "price: 10.0050 is not a multiple of the tick 0.0100 of ALFA/600100"},
		{"negative price", event(`"at": "09:30", "do": "jump", "market": "ALFA", "code": "600100", "price": "-1"`), `price wants a decimal above 0 such as "10.5", at most 1000000000.0000 and with at most 4 decimals, got "-1"`},
		{"number for a price", event(`"at": "09:30", "do": "jump", "market": "ALFA", "code": "600100", "price": 10`), "price wants a string, got the number 10"},
		{"no quantity", event(place + `"quantity": 0`), "quantity wants a whole number from 1 to 1000000000000, got the number 0"},
		{"negative quantity", event(place + `"quantity": -5`), "got the number -5"},
		{"absurd quantity", event(place + `"quantity": 1000000000001`), "got the number 1000000000001"},
		{"slip in a time in force", event(place + `"quantity": 1, "time_in_force": "gtx"`), `time_in_force wants one of day, fok, gtc, gtd, ioc, got "gtx" (did you mean "gtc"?)`},
		{"no expiry", event(place + `"quantity": 1, "time_in_force": "gtd"`), `"expires" and the time in force "gtd" belong together`},
		{"expiry before the order", event(place + `"quantity": 1, "time_in_force": "gtd", "expires": "0001-01-01T00:00:00Z"`), `day.json:2: place: expires: 0001-01-01 08:00:00 is not after 2026-01-05 09:30:00`},
		{"start of all time", event(`"at": "0001-01-01T00:00:00Z", ` + halt), "at: 0001-01-01 08:00:00 is before the start"},
		{"long client order id", event(place + `"quantity": 1, "client_order_id": "0123456789012345678901234567890123456"`), "client_order_id wants 1 to 36 bytes without NUL"},
		{"which order", event(`"at": "09:30", "do": "cancel", "customer": 100001`), "cancel: one of the keys order, client_order_id, all is missing"},
		{"which order after all", event(`"at": "09:30", "do": "cancel", "customer": 100001, "all": false`), "cancel: one of the keys order, client_order_id, all is missing"},
		{"two orders", event(`"at": "09:30", "do": "cancel", "customer": 100001, "order": 1,` + "\n" + `"all": true`), "day.json:3: cancel takes only one of the keys order, client_order_id, all"},
		{"one order of an instrument", event(`"at": "09:30", "do": "cancel", "customer": 100001, "order": 1, "market": "ALFA", "code": "600100"`), `cancel: "market" belongs to "all": true`},
		{"execution of an instrument", event(`"at": "09:30", "do": "bust", "customer": 100001, "execution": 1, "market": "BETA", "code": "300100"`), "bust takes only one of the keys execution, market"},
		{"which execution", event(`"at": "09:30", "do": "bust", "customer": 100001`), "bust: one of the keys execution, market is missing"},
		{"slip in a reason", event(`"at": "09:30", "do": "reject", "customer": 100001, "count": 1, "reason": "BAD_LOTS"`), `(did you mean "BAD_LOT"?)`},
		{"line break in a reason", event(`"at": "09:30", "do": "bust", "customer": 100001, "execution": 1, "reason": "a\nb"`), "reason wants printable text of at most 120 bytes"},
		{"no amount", event(`"at": "09:30", "do": "deposit", "customer": 100001, "amount": "0"`), `amount wants a decimal above 0`},
		{"slip in a fault", event(`"at": "09:30", "do": "fault", "customer": 100001, "fault": "drip"`), `fault wants one of body_length, check_sum, cut, delay, disconnect, drop, logout, none, poss_dup, reject, repeat, skip, swap, got "drip" (did you mean "drop"?)`},
		{"long hold", event(`"at": "09:30", "do": "hold", "customer": 100001, "duration": "25h"`), `duration wants a duration above 0 such as "30s" or "1m30s", at most 24h0m0s, got "25h"`},
		{"text for a bool", event(`"at": "09:30", "do": "cancel", "customer": 100001, "all": "yes"`), "all wants true or false"},
		{"key twice", event(`"at": "09:30", "at": "09:30", ` + halt), `key "at" appears twice`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := script.Parse("day.json", []byte(tc.text), s)
			var wrong *jsonfile.Error
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tc.problem) {
				t.Errorf("got %v, want %s", err, tc.problem)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	for at, want := range map[string]string{
		"09:00":                     "2026-01-05T09:00:00+08:00",
		"09:30:01.25":               "2026-01-05T09:30:01.25+08:00",
		"+1d 08:30":                 "2026-01-06T08:30:00+08:00",
		"+366d 09:00:00":            "2027-01-06T09:00:00+08:00",
		"2026-01-05T03:00:00+02:00": "2026-01-05T09:00:00+08:00",
	} {
		s, err := script.Parse("day.json", []byte(event(`"do": "resume", "market": "BETA", "at": "`+at+`"`)), demoSeed(t))
		if err != nil {
			t.Errorf("%s: %v", at, err)
			continue
		}
		if got := s.Events[0].At.Format(time.RFC3339Nano); got != want {
			t.Errorf("%s is %s, want %s", at, got, want)
		}
	}
}

func TestLoad(t *testing.T) {
	s, dir := demoSeed(t), t.TempDir()
	for _, name := range script.Shipped() {
		if _, err := script.Load(name, s); err != nil {
			t.Error(err)
		}
	}
	if _, err := script.Load(filepath.Join(dir, "missing.json"), s); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	large := filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, make([]byte, script.MaxFileSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := script.Load(large, s); !errors.Is(err, script.ErrTooLarge) {
		t.Errorf("a large file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, keys := range []string{
		`"at":"09:30","do":"jump","market":"ALFA","code":"600100","price":"9.9"`, `"at":"+1d 09:30:01.5","do":"cancel","customer":100001,"order":1`,
		`"at":"09:30","do":"reject","customer":100001,"count":2,"reason":"HALTED"`, `"do":"hold","at":"2026-01-05T09:30:00Z","customer":100001,"duration":"1s"`,
	} {
		f.Add(event(keys)) // short texts, which are minimised quickly
	}
	s := demoSeed(f)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := script.Parse("day.json", []byte(text), s)
		var wrong *jsonfile.Error
		switch {
		case err != nil && !errors.As(err, &wrong):
			t.Fatal(err)
		case err != nil:
			return
		}
		for n := range parsed.Events {
			if e := &parsed.Events[n]; e.At.Before(parsed.Start) || n > 0 && e.At.Before(parsed.Events[n-1].At) {
				t.Fatalf("event %d is at %s", n, e.At)
			}
		}
	})
}
