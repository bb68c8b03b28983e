package fix_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"holdfast/codec/fix"
)

// soh returns text with SOH for each "|".
func soh(text string) string { return strings.ReplaceAll(text, "|", "\x01") }

// message returns a message of fields, of which MsgType is the first, written the slow way.
func message(fields ...string) []byte {
	body := strings.Join(fields, "\x01") + "\x01"
	return complete(fmt.Sprintf("8=FIX.4.4\x019=%d\x01%s", len(body), body))
}

// complete returns a message that lacks CheckSum.
func complete(m string) []byte {
	sum := 0
	for i := range len(m) {
		sum += int(m[i])
	}
	return fmt.Appendf(nil, "%s10=%03d\x01", m, sum%256)
}

// twoDigits returns a message whose CheckSum lacks its leading zero.
func twoDigits() string {
	for i := 0; ; i++ {
		m := string(message("35=0", fmt.Sprint("112=", i)))
		if before, sum, ok := strings.Cut(m, "\x0110=0"); ok {
			return before + "\x0110=" + sum
		}
	}
}

// parse returns a message that must not be garbled.
func parse(t testing.TB, frame []byte) *fix.Message {
	t.Helper()
	var m fix.Message
	if err := m.Parse(frame); err != nil {
		t.Fatalf("%q: %v", frame, err)
	}
	return &m
}

// text returns the fields of a message with "|" after each.
func text(m *fix.Message) string {
	var b strings.Builder
	for _, f := range m.Fields {
		fmt.Fprintf(&b, "%d=%s|", f.Tag, f.Value)
	}
	return b.String()
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, body string
		fields     int
	}{
		{"heartbeat", "35=0|34=2|", 5},
		{"empty value", "35=0|112=|", 5},
		{"empty type", "35=|", 4},
		{"equals sign in a value", "35=0|112=a=b=|", 5},
		{"bytes above ASCII", "35=0|112=\xff\x00\xc3\xa9|", 5},
		{"tag 0 and a negative tag", "35=0|0=a|-1=b|", 6},
		{"tag of nine digits", "35=0|999999999=a|", 5},
		{"data with SOH", "35=A|95=5|96=a|10=|98=0|", 7},
		{"data with a CheckSum", "35=A|95=10|96=a|10=123|b|98=0|", 7},
		{"empty data", "35=A|95=0|96=|98=0|", 7},
		{"data longer than its length", "35=A|95=1|96=abc|98=0|", 7},
		{"data shorter than its length", "35=A|95=900000000000000000|96=abc|98=0|", 7},
		{"a length without its data", "35=A|95=1|98=0|96=a|", 7},
		{"all lengths of data", "35=B|90=3|91=a|b|93=3|89=a|b|212=3|213=a|b|348=3|349=a|b|350=3|351=a|b|352=3|353=a|b|354=3|355=a|b|" +
			"356=3|357=a|b|358=3|359=a|b|360=3|361=a|b|362=3|363=a|b|364=3|365=a|b|445=3|446=a|b|618=3|619=a|b|621=3|622=a|b|", 34},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := soh(tt.body)
			frame := complete(fmt.Sprintf("8=FIX.4.4\x019=%d\x01%s", len(body), body))
			m := parse(t, frame)
			got := strings.ReplaceAll(text(m), "|", "\x01")
			if got != string(frame) {
				t.Fatalf("%q, want %q", got, frame)
			}
			typ, _, _ := strings.Cut(strings.TrimPrefix(tt.body, "35="), "|")
			if string(m.Type) != typ || m.Type == nil {
				t.Fatalf("type %q", m.Type)
			}
			if len(m.Fields) != tt.fields {
				t.Fatalf("%d fields: %s", len(m.Fields), text(m))
			}
		})
	}
}

// A frame that is no message is garbled, and has no type.
func TestParseGarbled(t *testing.T) {
	tests := []struct{ name, frame string }{
		{"nothing", ""},
		{"no CheckSum", "8=FIX.4.4|9=5|35=0|"},
		{"CheckSum wrong", "8=FIX.4.4|9=5|35=0|10=000|"},
		{"CheckSum of two digits", twoDigits()},
		{"CheckSum of letters", "8=FIX.4.4|9=5|35=0|10=abc|"},
		{"CheckSum without its SOH", strings.TrimSuffix(string(message("35=0")), "\x01")},
		{"something after CheckSum", string(message("35=0")) + "1=a|"},
		{"BeginString not first", string(complete(soh("9=5|8=FIX.4.4|35=0|")))},
		{"BodyLength not second", string(complete(soh("8=FIX.4.4|35=0|9=5|")))},
		{"MsgType not third", string(message("34=1", "35=0"))},
		{"BodyLength too small", string(complete(soh("8=FIX.4.4|9=4|35=0|")))},
		{"BodyLength too large", string(complete(soh("8=FIX.4.4|9=6|35=0|")))},
		{"BodyLength empty", string(complete(soh("8=FIX.4.4|9=|35=0|")))},
		{"BodyLength negative", string(complete(soh("8=FIX.4.4|9=-5|35=0|")))},
		{"BodyLength with a plus", string(complete(soh("8=FIX.4.4|9=+5|35=0|")))},
		{"leading zero of a tag", string(message("35=0", "034=1"))},
		{"leading zero of BodyLength's tag", string(complete(soh("8=FIX.4.4|09=4|35=0|")))},
		{"tag of letters", string(message("35=0", "4garbled9=TW"))},
		{"tag empty", string(message("35=0", "=TW"))},
		{"tag of a minus", string(message("35=0", "-=TW"))},
		{"tag of ten digits", string(message("35=0", "1234567890=TW"))},
		{"no equals sign", string(message("35=0", "112"))},
		{"empty field", string(message("35=0", "", "112=a"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := parse(t, message("35=D"))
			if err := m.Parse([]byte(soh(tt.frame))); !errors.Is(err, fix.ErrGarbled) || m.Type != nil {
				t.Fatalf("type %q, %v", m.Type, err)
			}
		})
	}
}

// Leading zeros of BodyLength are allowed.
func TestParseLeadingZeros(t *testing.T) {
	m := parse(t, complete(soh("8=FIX.4.4|9=0000005|35=0|")))
	if got, want := text(m), "8=FIX.4.4|9=0000005|35=0|10=195|"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
}

func TestGet(t *testing.T) {
	m := parse(t, message("35=0", "112=first", "112=second", "58="))
	for _, tt := range []struct {
		tag  int
		want string
		ok   bool
	}{{112, "first", true}, {58, "", true}, {1, "", false}} {
		if got, ok := m.Get(tt.tag); string(got) != tt.want || ok != tt.ok {
			t.Errorf("Get(%d) is %q, %v", tt.tag, got, ok)
		}
	}
}

// Fields of one message must not grow into the next field.
func TestFieldsDoNotGrow(t *testing.T) {
	frame := message("35=0", "112=abc")
	m := parse(t, frame)
	v, _ := m.Get(112)
	_ = append(v, "xyz"...)
	if !bytes.Equal(frame, message("35=0", "112=abc")) {
		t.Fatalf("the frame is %q", frame)
	}
}

func TestParseAllocates(t *testing.T) {
	d := fix.NewDictionary()
	header := []string{"49=CLIENT", "56=HOLDFAST", "34=17", "52=20261127-10:00:00.123"}
	for _, body := range [][]string{
		{"35=D", "11=a", "55=600100", "54=1", "60=20261127-10:00:00", "40=1", "18=1 G", "453=1", "448=x", "447=D", "452=11"},
		{"35=F", "41=a", "11=b", "55=600100", "54=1", "60=20261127-10:00:00"},
		{"35=G", "41=a", "11=b", "55=600100", "54=1", "60=20261127-10:00:00", "40=2", "44=1.5"},
		{"35=AE", "571=1", "570=N", "55=600100", "32=1", "31=1", "75=20261127", "60=20261127-10:00:00", "552=1", "54=1", "37=a"},
	} {
		frame := message(append([]string{body[0]}, append(header, body[1:]...)...)...)
		m := parse(t, frame)
		allocs := testing.AllocsPerRun(100, func() {
			if err := m.Parse(frame); err != nil {
				t.Fatal(err)
			}
			if r := d.Check(m); r != nil {
				t.Fatal(r.RefTag, r.Reason)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", body[0], allocs)
		}
	}
}
