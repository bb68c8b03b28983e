package main_test

import (
	"encoding"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	main "holdfast/cmd/holdfast"
)

// jsonPage reads docs/commands.md: the documented fields by the names of the objects.
func jsonPage(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := make(map[string][]string)
	row, field := regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|"), regexp.MustCompile("`([^`]+)`")
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		name, _, _ := strings.Cut(section, "\n")
		for _, m := range row.FindAllStringSubmatch(section, -1) {
			for _, f := range field.FindAllStringSubmatch(m[1], -1) {
				fields[name] = append(fields[name], f[1])
			}
		}
	}
	return fields
}

// jsonFields returns the fields that a type has in JSON, those of its parts with a dot.
func jsonFields(typ reflect.Type) (fields []string) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || implements[json.Marshaler](typ) || implements[encoding.TextMarshaler](typ) {
		return nil
	}
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			fields = append(fields, jsonFields(f.Type)...)
		default:
			fields = append(fields, name)
			for _, part := range jsonFields(f.Type) {
				fields = append(fields, name+"."+part)
			}
		}
	}
	return fields
}

func implements[T any](typ reflect.Type) bool {
	wanted := reflect.TypeFor[T]()
	return typ.Implements(wanted) || reflect.PointerTo(typ).Implements(wanted)
}

// TestJSONPage: docs/commands.md has the fields of each object that a command prints with --json, and
// no others.
func TestJSONPage(t *testing.T) {
	page := jsonPage(t)
	for name, object := range main.JSONObjects() {
		fields := jsonFields(reflect.TypeOf(object))
		for _, field := range fields {
			if !slices.Contains(page[name], field) {
				t.Errorf("%s: | `%s` | is missing in docs/commands.md", name, field)
			}
		}
		for _, field := range page[name] {
			if !slices.Contains(fields, field) {
				t.Errorf("%s: there is no field %s", name, field)
			}
		}
		if slices.Contains(fields, "") {
			t.Errorf("%s: a field has no name in JSON: %q", name, fields)
		}
		delete(page, name)
	}
	if rest := slices.Sorted(maps.Keys(page)); !slices.Equal(rest, []string{"Events", "chat events"}) {
		t.Errorf("nobody checks %q", rest)
	}
}

// documented checks that every line of a command's output is an object with documented fields only.
func documented(t *testing.T, page map[string][]string, stdout string, sections ...string) (events []map[string]any) {
	t.Helper()
	var fields []string
	for _, section := range sections {
		fields = append(fields, page[section]...)
	}
	for line := range strings.Lines(stdout) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		for name := range object {
			if !slices.Contains(fields, name) {
				t.Errorf("the field %q is not in docs/commands.md: %s", name, line)
			}
		}
		events = append(events, object)
	}
	return events
}

// TestJSONOfOperators: each command of an operator prints one line, the reply of the protocol, and
// after a failure the error.
func TestJSONOfOperators(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	page := jsonPage(t)
	typed(t, addr, "100010", "buy 600100 100\nbuy 600100 100 9.00\nbuy 600100 50 8.00 gtc\n")
	for _, tc := range []struct{ args, section, want string }{
		{"order list 100010", "Events", `{"event":"reply","command":"Orders","result":"OK","body":{"orders":[{"orderId":"429539679272962",`},
		{"order fill 100010-2 --quantity 10 --price 9.00", "Events", `{"event":"reply","command":"Operate","result":"OK","body":{"time":"`},
		{"order cancel 100010-2", "Events", `{"event":"reply","command":"CancelOrder","result":"OK","body":{"order":{"orderId":"`},
		{"order cancel --customer 100010", "Events", `{"event":"reply","command":"CancelOrder","result":"OK","body":{"count":1}}`},
		{"order reject 100011 --count 2", "Events", `{"event":"reply","command":"Operate",`},
		{"correct 100010-1 --quantity 90 --price 9.50 --reason x", "Events", `{"event":"reply","command":"Correct","result":"OK","body":{"busted":{"executionId":"`},
		{"bust 100010-2 --reason x", "Events", `{"event":"reply","command":"Bust","result":"OK","body":{"execution":{"executionId":"`},
		{"bust 100010-99 --reason x", "Events", `{"event":"error","result":"REJECTED","message":"bust 100010-99: unknown execution: `},
		{"market halt ALFA/600100", "Events", `{"event":"reply","command":"Operate","result":"OK","body":{"time":"`},
		{"market halt NOPE", "Events", `{"event":"error","result":"REJECTED","message":"market halt NOPE: unknown instrument: `},
		{"market resume ALFA", "Events", `{"event":"reply","command":"Operate",`},
		{"market jump ALFA/600100 11.00", "Events", `{"event":"reply","command":"Operate",`},
		{"market clock", "Events", `{"event":"reply","command":"Operate",`},
		{"market step 1s", "Events", `{"event":"error","result":"REJECTED","message":"market step 1s: `},
		{"account deposit 100020 1", "Events", `{"event":"reply","command":"Operate","result":"OK","body":{"time":"`},
		{"account withdraw 100020 1", "Events", `{"event":"reply","command":"Operate",`},
		{"account reset 100020", "Events", `{"event":"reply","command":"Operate",`},
		{"account show 100010", "account show", `{"positions":{`},
		{"account show", "Events", `{"event":"error","message":"missing argument CUSTOMER; see `},
		{"session disconnect 100020", "Events", `{"event":"reply","command":"Operate",`},
		{"session hold 100010 1s", "Events", `{"event":"reply","command":"Operate",`},
	} {
		code, stdout, stderr := run(t, append(strings.Fields(tc.args), "--json", "--addr", addr)...)
		failed := strings.HasPrefix(tc.want, `{"event":"error"`)
		if events := documented(t, page, stdout, tc.section); len(events) != 1 || !strings.HasPrefix(stdout, tc.want) {
			t.Errorf("%s: %s\nwant %s", tc.args, stdout, tc.want)
		}
		if (code != 0) != failed || (stderr != "") != failed {
			t.Errorf("%s: code %d, %s", tc.args, code, stderr)
		}
	}
}

// TestJSONOfOthers: the objects of the commands that need no login, a line each, and nothing else.
func TestJSONOfOthers(t *testing.T) {
	addr := testServer(t)
	page := jsonPage(t)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("day.json", []byte(`{"format":1,"start":"2026-01-05T09:00:00Z","events":[{"at":"09:30:00","do":"halt","market":"ALFA","code":"600100"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args, sections string
		code           int
	}{
		{"version --json", "version", 0},
		{"seed --customers 3 --out s.json --json", "seed", 0},
		{"chaos list --json", "chaos list", 0},
		{"scenario --list --json", "scenario --list", 0},
		{"scenario --json partial-fills --addr " + addr, "scenario", 1}, // it needs its own server
		{"scenario --json=- --addr " + addr, "scenario", 0},
		{"load --json --connections 2 --warmup 0 --duration 50ms --addr " + addr, "load", 0},
		{"load --json - --connections 2 --warmup 0 --duration 50ms --addr " + addr, "load", 0},
		{"load --json --addr 127.0.0.1:1", "Events", 1},
		{"load --json --connections 0", "Events", 2},
		{"submit --json --connections 2 --count 2 --interval 1ms --addr " + addr, "submit event,submit summary", 0},
		{"submit --json --connections 1 --count 1 --addr 127.0.0.1:1", "submit event,submit summary,Events", 1},
		{"health --admin 127.0.0.1:1 --json", "Events", 1},
		{"journal verify --data none --json", "Events", 1},
		{"journal dump --data none --json", "Events", 1},
		{"backup x --data none --json", "Events", 1},
		{"client --json --customer 1 --addr " + addr, "Events", 1},
		{"chat --json --addr 127.0.0.1:1", "chat events", 1},
		{"script check day.json --json", "script check", 0},
	} {
		code, stdout, stderr := run(t, strings.Fields(tc.args)...)
		if code != tc.code {
			t.Errorf("%s: code %d, want %d: %s%s", tc.args, code, tc.code, stdout, stderr)
		}
		events := documented(t, page, stdout, strings.Split(tc.sections, ",")...)
		errors := 0
		for _, e := range events {
			if e["event"] == "error" {
				errors++
			}
		}
		if last := strings.Contains(tc.sections, "vents"); len(events) == 0 || (errors == 1) != (code != 0 && last) || errors > 1 {
			t.Errorf("%s: %d errors in\n%s", tc.args, errors, stdout)
		}
	}
}

// TestJSONToAFile: a file after --json is still written, by commands with and without arguments.
func TestJSONToAFile(t *testing.T) {
	addr := testServer(t)
	t.Chdir(t.TempDir())
	for args, file := range map[string]string{
		"load --json report --connections 2 --warmup 0 --duration 50ms --addr " + addr: "report",
		"scenario --json steps.json --addr " + addr:                                    "steps.json",
	} {
		code, stdout, stderr := run(t, strings.Fields(args)...)
		if code != 0 || stdout == "" || strings.HasPrefix(stdout, "{") || !json.Valid(read(t, file)) {
			t.Errorf("%s: code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
