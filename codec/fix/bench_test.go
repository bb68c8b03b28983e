package fix_test

import (
	"testing"

	"holdfast/codec/fix"
)

// newOrder returns a typical NewOrderSingle.
func newOrder() []byte {
	return message("35=D", "49=CLIENT12", "56=HOLDFAST", "34=1234567", "52=20261127-10:00:00.123",
		"11=9f1c2a70-000001", "1=1001", "21=1", "55=600100", "207=ALFA", "54=1", "60=20261127-10:00:00.123", "38=100", "40=2", "44=12.34", "59=0")
}

func BenchmarkParse(b *testing.B) {
	frame := newOrder()
	var m fix.Message
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Parse(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	d := fix.NewDictionary()
	m := parse(b, newOrder())
	b.ReportAllocs()
	for b.Loop() {
		if r := d.Check(m); r != nil {
			b.Fatal(r)
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = appendReport(dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkNewDictionary(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		fix.NewDictionary()
	}
}

// appendReport appends an ExecutionReport of 25 fields.
func appendReport(dst []byte) []byte {
	const now = 1_790_000_000_123_000_000
	w := fix.Begin(dst, "8")
	w.Text(fix.SenderCompID, "HOLDFAST")
	w.Text(fix.TargetCompID, "CLIENT12")
	w.Int(fix.MsgSeqNum, 1234567)
	w.Time(fix.SendingTime, now)
	w.Int(37, 429501024567297)
	w.Text(11, "9f1c2a70-000001")
	w.Int(17, 4711)
	w.Char(150, 'F')
	w.Char(39, '1')
	w.Text(1, "1001")
	w.Text(55, "600100")
	w.Text(207, "ALFA")
	w.Char(54, '1')
	w.Int(38, 100)
	w.Char(40, '2')
	w.Decimal(44, 123_400, 4)
	w.Char(59, '0')
	w.Int(32, 40)
	w.Decimal(31, 123_300, 4)
	w.Int(151, 60)
	w.Int(14, 40)
	w.Decimal(6, 123_300, 4)
	w.Time(60, now)
	return w.End()
}
