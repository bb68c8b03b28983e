package fix_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"holdfast/codec/fix"
)

// Whatever pieces the bytes arrive in, the messages in them are the same, and their fields are all of
// their bytes.
func FuzzFrames(f *testing.F) {
	order := string(newOrder())
	f.Add([]byte(order+order), uint16(1000), uint16(17))
	f.Add([]byte(soh("x|8=FIX.4.4|9=5|35=0|10=000|"+"8=FIX.4.4|9=x|8=FIX.4.2|9=0007|35=A|10=|10=12|")), uint16(256), uint16(3))
	f.Add(message("35=A", "95=10", "96=a\x0110=000\x01b"), uint16(300), uint16(1))
	f.Add([]byte(strings.Repeat("8=", 140)+"8=FIX.4.4\x019=8=FIX.4.4\x01"), uint16(300), uint16(5))
	d := fix.NewDictionary()
	f.Fuzz(func(t *testing.T, stream []byte, most, piece uint16) {
		limit := 256 + int(most)
		cuts := everyByte(stream)
		if len(stream) > 1000 {
			cuts = nil
		}
		checkBatches(t, stream, limit)
		checkPieces(t, stream, limit, cuts)
		cuts = nil
		for at := int(piece); piece > 0 && at < len(stream); at += int(piece) {
			cuts = append(cuts, at)
		}
		checkPieces(t, stream, limit, cuts)

		frames, _, _ := scan(stream, limit)
		var m fix.Message
		for _, frame := range frames {
			if len(frame) > limit {
				t.Fatalf("%d bytes above the limit %d", len(frame), limit)
			}
			if m.Parse([]byte(soh(frame))) == nil && strings.ReplaceAll(text(&m), "\x01", "|") != frame {
				t.Fatalf("%q has the fields %s", frame, text(&m))
			}
		}
		checkDump(t, d, stream)
	})
}

// checkDump: a dump is one line of text for each frame, and no byte is lost between them.
func checkDump(t *testing.T, d *fix.Dictionary, stream []byte) {
	t.Helper()
	length := 0
	for frame := range fix.Frames(stream) {
		length += len(frame)
		if line := d.AppendDump(nil, frame); bytes.ContainsAny(line, "\x00\x01\r\n") || !utf8.Valid(line) || len(line) == 0 {
			t.Fatalf("%q is the dump of %q", line, frame)
		}
	}
	if length != len(stream) {
		t.Fatalf("the frames have %d bytes, the stream %d", length, len(stream))
	}
}

// Check never panics; a reject names a field of the message unless one is missing; and a switch only
// turns a reject into nil or another reject.
func FuzzCheck(f *testing.F) {
	for _, m := range []string{
		"D " + order, "D 453=2|" + party + "802=1|523=x|" + party + order, "AE 552=1|54=1|", "V 267=1|269=0|146=1|55=A|711=1|311=B|", "B 58=a|58=a|", "0 5000=a|999=b|",
		"AP 702=1|703=a|539=1|524=a|804=1|545=b|753=1|707=a|", "8 555=2|600=a|604=1|605=x|600=b|", "* ", " ",
	} {
		f.Add(m)
	}
	strict, lax := fix.NewDictionary(), fix.NewDictionary()
	lax.UserFields, lax.UnknownFields = true, true
	f.Fuzz(func(t *testing.T, text string) {
		var m fix.Message
		if m.Parse(message(fields(text)...)) != nil {
			return
		}
		for _, d := range []*fix.Dictionary{strict, lax} {
			r := d.Check(&m)
			if r == nil || !r.HasTag {
				continue
			}
			if _, ok := m.Get(r.RefTag); ok == (r.Reason == fix.RequiredTagMissing) && len(m.Fields) < 10 || r.Text() == "" {
				t.Fatalf("%q: %+v", text, *r)
			}
		}
		if strict.Check(&m) == nil && lax.Check(&m) != nil {
			t.Fatalf("%q is refused only when more is allowed", text)
		}
	})
}
