package journal_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"holdfast/biz/journal"
)

// FuzzParseMessage passes arbitrary bytes to the decoder. Accepted bytes must encode to the
// same bytes.
func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("HFJ\x01"))
	f.Add(journal.AppendMessage(nil, 0, 1, []byte("a")))
	f.Add(journal.AppendMessage(nil, 7, 8, []byte(""), bytes.Repeat([]byte("b"), 200), []byte("c")))
	f.Fuzz(func(t *testing.T, msg []byte) {
		checkParse(t, msg)
		checkParse(t, journal.Reseal(msg)) // so that the records are reached too
	})
}

func checkParse(t *testing.T, msg []byte) {
	t.Helper()
	recs, err := journal.ParseMessage(msg)
	if err != nil {
		return
	}
	if len(recs) == 0 {
		t.Fatal("a batch without records")
	}
	total := 0
	for _, rec := range recs {
		total += len(rec)
	}
	if total > len(msg) {
		t.Fatalf("%d bytes of records from %d", total, len(msg))
	}
}

func TestParseMessageRefusesEveryFlip(t *testing.T) {
	msg := journal.AppendMessage(nil, 7, 8, []byte("one"), bytes.Repeat([]byte("b"), 200), []byte(""))
	if _, err := journal.ParseMessage(msg); err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(msg) {
		bad := bytes.Clone(msg)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := journal.ParseMessage(bad); err == nil {
			t.Errorf("bit %d flipped and not refused", bit)
		}
	}
	for n := range msg {
		if _, err := journal.ParseMessage(msg[:n]); err == nil {
			t.Errorf("%d of %d bytes and not refused", n, len(msg))
		}
	}
}

// TestParseMessageCounts: batches with a correct checksum whose records do not match their
// size.
func TestParseMessageCounts(t *testing.T) {
	for _, tc := range []struct {
		name string
		at   int
		b    byte
		ok   bool
	}{
		{"as it was", 12, 2, true},
		{"no records", 12, 0, false},
		{"one fewer", 12, 1, false},
		{"one more", 12, 3, false},
		{"a record too short", 24, 2, false},
		{"a record too long", 28, 9, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			msg := journal.AppendMessage(nil, 7, 8, []byte("one"), []byte("two"))
			msg[tc.at] = tc.b
			if _, err := journal.ParseMessage(journal.Reseal(msg)); (err == nil) != tc.ok {
				t.Fatal(err)
			}
		})
	}
}

func TestMark(t *testing.T) {
	for _, tc := range []struct {
		name  string
		batch uint64
		crc   uint32
	}{{"zero", 0, 0}, {"some", 12345, 0xdeadbeef}, {"largest", 1<<64 - 1, 1<<32 - 1}} {
		t.Run(tc.name, func(t *testing.T) {
			src := journal.AppendMark(nil, tc.batch, tc.crc)
			batch, crc, err := journal.ParseMark(src)
			if err != nil || batch != tc.batch || crc != tc.crc {
				t.Fatalf("%d %x, %v", batch, crc, err)
			}
		})
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(journal.AppendMark(nil, 1, 2))
	f.Fuzz(func(t *testing.T, src []byte) {
		batch, crc, err := journal.ParseMark(src)
		if err == nil && !bytes.Equal(journal.AppendMark(nil, batch, crc), src) {
			t.Fatalf("%x accepted", src)
		}
	})
}

// FuzzParseTrimmed passes arbitrary bytes to the decoder. Accepted bytes must encode to the same.
func FuzzParseTrimmed(f *testing.F) {
	f.Add(journal.AppendTrimmed(nil, journal.Point{Batch: 7, Record: 21, Checksum: 0xdeadbeef}))
	f.Add([]byte("HFT"))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, ok := journal.ParseTrimmed(src)
		if ok && !bytes.Equal(journal.AppendTrimmed(nil, p), src) {
			t.Errorf("%x became %+v", src, p)
		}
	})
}

// FuzzParseEntry passes arbitrary bytes to the decoder of the store's entries.
func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(nil), uint64(1))
	f.Add(make([]byte, 160), uint64(0))
	f.Add(entry(1, journal.AppendMessage(nil, 0, 1, []byte("a"))), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, number uint64) {
		size, body, err := journal.ParseEntry(b, number)
		if err == nil && (body > len(b) || body >= size) {
			t.Fatalf("batch at %d of %d, %d read", body, size, len(b))
		}
	})
}

func TestParseEntry(t *testing.T) {
	msg := journal.AppendMessage(nil, 0, 1, []byte("a"))
	b := entry(7, msg)
	size, body, err := journal.ParseEntry(b, 7)
	if err != nil || size != len(b) || !bytes.HasPrefix(b[body:], msg) {
		t.Fatalf("batch at %d of %d, %v", body, size, err)
	}
	for n := range body + 4 {
		if _, _, err := journal.ParseEntry(b[:n], 7); err == nil {
			t.Errorf("%d bytes and not refused", n)
		}
	}
	if _, _, err := journal.ParseEntry(b, 8); err == nil {
		t.Error("batch 7 taken for batch 8")
	}
	for _, tc := range []struct {
		name string
		at   int
	}{{"a size of megabytes", 2}, {"no headers", 3}, {"another number", 4}, {"another subject", 22}, {"other headers", 35}, {"no batch", body}} {
		bad := bytes.Clone(b)
		bad[tc.at] ^= 0xff
		if _, _, err := journal.ParseEntry(bad, 7); err == nil {
			t.Errorf("%s is not refused", tc.name)
		}
	}
}

// entry builds what the store writes.
func entry(number uint64, msg []byte) []byte {
	const headers = "NATS/1.0\r\nNats-Expected-Last-Sequence: 6\r\n\r\n"
	size := 22 + len(journal.Subject) + 4 + len(headers) + len(msg) + 8
	b := binary.LittleEndian.AppendUint32(nil, uint32(size)|1<<31)
	b = binary.LittleEndian.AppendUint64(b, number)
	b = binary.LittleEndian.AppendUint64(b, 12345)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(journal.Subject)))
	b = append(b, journal.Subject...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(headers)))
	b = append(b, headers...)
	b = append(b, msg...)
	return append(b, make([]byte, 8)...)
}
