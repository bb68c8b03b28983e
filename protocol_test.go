package holdfast_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"holdfast/codec"
	"holdfast/codec/pb"
)

const protocolPage = "docs/protocol.md"

var update = flag.Bool("update", false, "rewrite the examples in "+protocolPage)

// block is an example on the page: a fenced block whose info line is its form, a space and
// its name.
var block = regexp.MustCompile("(?s)```(hex|http|json) ([^\n]+)\n(.*?)```")

// TestProtocolFrames: the examples on the page are those of protocolExamples, each once
// and in that order, and they decode to what they were made from.
func TestProtocolFrames(t *testing.T) {
	examples := protocolExamples()
	if *update {
		rewriteExamples(t, examples)
	}
	blocks := block.FindAllStringSubmatch(readProtocol(t), -1)
	if len(blocks) != len(examples) {
		t.Errorf("the page has %d examples, the table %d", len(blocks), len(examples))
	}
	for i := range min(len(blocks), len(examples)) {
		x, b := &examples[i], blocks[i]
		if b[1] != x.form || b[2] != x.name {
			t.Fatalf("example %d of the page is %s %q, of the table %s %q", i+1, b[1], b[2], x.form, x.name)
		}
		t.Run(x.name, func(t *testing.T) {
			if want := x.text(t); b[3] != want {
				t.Fatalf("the page has\n%swant (-update writes it)\n%s", b[3], want)
			}
			x.check(t, x.parse(t, b[3]))
		})
	}
}

// longLine is the longest JSON text that the page has on one line.
const longLine = 110

// text returns the content of the block.
func (x *example) text(t *testing.T) string {
	t.Helper()
	switch x.form {
	case "hex":
		return hex.Dump(x.bytes)
	case "http":
		return strings.ReplaceAll(string(x.bytes), "\r\n", "\n")
	}
	var b bytes.Buffer
	b.Write(x.bytes)
	if len(x.bytes) > longLine {
		b.Reset()
		if err := json.Indent(&b, x.bytes, "", "  "); err != nil {
			t.Fatal(err)
		}
	}
	return b.String() + "\n"
}

// parse returns the bytes that the content of the block shows.
func (x *example) parse(t *testing.T, text string) []byte {
	t.Helper()
	switch x.form {
	case "hex":
		return parseDump(t, text)
	case "http":
		return []byte(strings.ReplaceAll(text, "\n", "\r\n"))
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestProtocolFramesOfAll: every command has a frame.
func TestProtocolFramesOfAll(t *testing.T) {
	shown := make(map[codec.Command]bool)
	for _, f := range protocolFrames() {
		if f.dialect == codec.Dialect(codec.Packet{}) {
			shown[f.message.Command] = true
		}
	}
	for c := range codec.ReplyBit {
		if named(c) && !shown[c] && c != codec.CommandFIX { // docs/fix.md has its messages
			t.Errorf("the page shows no frame of %s", c)
		}
	}
}

func rewriteExamples(t *testing.T, examples []example) {
	t.Helper()
	texts := make(map[string]string)
	for _, x := range examples {
		texts[x.form+" "+x.name] = x.text(t)
	}
	page := block.ReplaceAllStringFunc(readProtocol(t), func(old string) string {
		found := block.FindStringSubmatch(old)
		info := found[1] + " " + found[2]
		if text, ok := texts[info]; ok {
			return "```" + info + "\n" + text + "```"
		}
		return old
	})
	if err := os.WriteFile(protocolPage, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

// parseDump returns the bytes of a dump: what is between the offset and the text.
func parseDump(t *testing.T, dump string) []byte {
	t.Helper()
	var all []byte
	for line := range strings.Lines(dump) {
		offset, rest, _ := strings.Cut(line, "  ")
		digits, _, _ := strings.Cut(rest, "|")
		b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil || offset != fmt.Sprintf("%08x", len(all)) {
			t.Fatalf("bad line %q: %v", line, err)
		}
		all = append(all, b...)
	}
	return all
}

// checkDecoded compares the frame in b with what f was made from.
func checkDecoded(t *testing.T, f *frame, b []byte) {
	t.Helper()
	m, used, err := codec.Decode(f.dialect, b, codec.DefaultMaxFrame)
	if err != nil || used != len(b) {
		t.Fatalf("decoded %d of %d bytes: %v", used, len(b), err)
	}
	if command, id := f.decoded(); m.Command != command || m.ID != id {
		t.Errorf("command %s id %d, want %s and %d", m.Command, m.ID, command, id)
	}
	body := m.Body
	if f.reply {
		if len(body) == 0 || codec.Result(body[0]) != f.result {
			t.Fatalf("body % x does not begin with result %s", body, f.result)
		}
		body = body[1:]
	}
	switch want := f.body.(type) {
	case nil:
		if len(body) > 0 {
			t.Errorf("body % x, want none", body)
		}
	case codec.Raw:
		if !bytes.Equal(body, want) {
			t.Errorf("body %q, want %q", body, []byte(want))
		}
	case proto.Message:
		got := want.ProtoReflect().New().Interface()
		if err := got.(interface{ UnmarshalVT([]byte) error }).UnmarshalVT(body); err != nil || !proto.Equal(got, want) {
			t.Errorf("body %v (%v), want %v", got, err, want)
		}
	default:
		t.Fatalf("a body of type %T", want)
	}
}

// TestProtocolTables: the tables of numbers are those of the code, no more and no less.
func TestProtocolTables(t *testing.T) {
	page := readProtocol(t)
	requests, pushes, results := make(map[int]string), make(map[int]string), make(map[int]string)
	for c := range codec.ReplyBit {
		switch {
		case named(c) && c.IsPush():
			pushes[int(c)] = c.String()
		case named(c):
			requests[int(c)] = c.String()
		}
	}
	for r := range codec.Result(255) {
		if name := r.String(); name != strconv.Itoa(int(r)) {
			results[int(r)] = name
		}
	}
	tables := map[string]map[int]string{"## Commands": requests, "## Pushes": pushes, "## Results": results}
	headings := map[string]string{"Reason": "### Reasons of REJECTED", "NoticeCode": "## Notices"}
	enums := pb.File_holdfast_proto.Enums()
	for i := range enums.Len() {
		e := enums.Get(i)
		heading, ok := headings[string(e.Name())]
		if !ok {
			heading = "### " + string(e.Name())
		}
		tables[heading] = valuesOf(e)
	}
	for heading, want := range tables {
		if got := numberedRows(t, page, heading); !maps.Equal(got, want) {
			t.Errorf("%s: the page has %v, the code %v", heading, got, want)
		}
	}
}

// named reports whether the protocol has a name for c.
func named(c codec.Command) bool { return !strings.HasPrefix(c.String(), "0x") }

// valuesOf returns the values of an enum by number, without what all their names
// begin with.
func valuesOf(e protoreflect.EnumDescriptor) map[int]string {
	prefix := strings.TrimSuffix(string(e.Values().ByNumber(0).Name()), "UNSPECIFIED")
	values := make(map[int]string)
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		values[int(v.Number())] = strings.TrimPrefix(string(v.Name()), prefix)
	}
	return values
}

// numberedRows returns the first two cells of the rows below a heading that begin
// with a number.
func numberedRows(t *testing.T, page, heading string) map[int]string {
	t.Helper()
	rows := make(map[int]string)
	for _, cells := range rowsBelow(t, page, heading) {
		n, err := strconv.ParseInt(cells[0], 0, 32)
		if err != nil {
			continue
		}
		if _, twice := rows[int(n)]; twice {
			t.Errorf("%s: number %d comes twice", heading, n)
		}
		rows[int(n)] = cells[1]
	}
	return rows
}

// rowsBelow returns the cells of the table rows between a heading and the next one.
func rowsBelow(t *testing.T, page, heading string) [][]string {
	t.Helper()
	_, section, found := strings.Cut(page, "\n"+heading+"\n")
	if !found {
		t.Fatalf("the page has no heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n#")
	var rows [][]string
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) < 3 {
			t.Fatalf("%s: a row with %d cells: %s", heading, len(cells), line)
		}
		rows = append(rows, cells)
	}
	return rows
}

// TestProtocolMessages: the page has every field of every message, with number and
// type.
func TestProtocolMessages(t *testing.T) {
	page := readProtocol(t)
	messages := pb.File_holdfast_proto.Messages()
	for i := range messages.Len() {
		m := messages.Get(i)
		var want, got []string
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			want = append(want, fmt.Sprintf("%d %s %s", f.Number(), f.Name(), typeOf(f)))
		}
		for _, cells := range rowsBelow(t, page, "### "+string(m.Name()))[1:] {
			if cells[0] == "---" {
				continue
			}
			got = append(got, fmt.Sprintf("%s %s %s", cells[0], strings.Trim(cells[1], "`"), cells[2]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the page has\n%s\nwant\n%s", m.Name(), strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// typeOf returns the type of a field as a .proto file has it.
func typeOf(f protoreflect.FieldDescriptor) string {
	name := f.Kind().String()
	switch {
	case f.Message() != nil:
		name = string(f.Message().Name())
	case f.Enum() != nil:
		name = string(f.Enum().Name())
	}
	if f.IsList() {
		return "repeated " + name
	}
	return name
}

// TestProtocolSettings: the settings that the page names are the README's, with the
// same defaults.
func TestProtocolSettings(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	defaults := make(map[string]string)
	for _, cells := range rowsBelow(t, string(readme), "## Settings") {
		defaults[cells[0]] = cells[1]
	}
	checked := 0
	for _, cells := range rowsBelow(t, readProtocol(t), "## Limits") {
		if !strings.HasPrefix(cells[0], "`") {
			continue
		}
		checked++
		if got, ok := defaults[cells[0]]; !ok || got != cells[1] {
			t.Errorf("%s has the default %s on the page, %q in the README", cells[0], cells[1], got)
		}
	}
	if checked < 10 {
		t.Errorf("the page names %d settings: it looks otherwise", checked)
	}
}

func readProtocol(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(protocolPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}
