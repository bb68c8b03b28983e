package fix_test

import (
	"fmt"

	"holdfast/codec/fix"
)

func ExampleBegin() {
	w := fix.Begin(nil, "0")
	w.Text(fix.SenderCompID, "HOLDFAST")
	w.Int(fix.MsgSeqNum, 2)
	fmt.Printf("%q\n", w.End())
	// Output: "8=FIX.4.4\x019=22\x0135=0\x0149=HOLDFAST\x0134=2\x0110=169\x01"
}

func ExampleDictionary_Check() {
	d := fix.NewDictionary()
	var m fix.Message
	frame := []byte("8=FIX.4.4\x019=63\x0135=0\x0134=2\x0149=CLIENT\x0152=20261127-10:00:00\x0156=HOLDFAST\x0155=600100\x0110=225\x01")
	if err := m.Parse(frame); err != nil {
		fmt.Println(err)
		return
	}
	if r := d.Check(&m); r != nil {
		fmt.Printf("371=%d 373=%d 58=%s\n", r.RefTag, r.Reason, r.Text())
	}
	// Output: 371=55 373=2 58=Tag not defined for this message type
}

func ExampleDictionary_AppendDump() {
	d := fix.NewDictionary()
	stream := []byte("noise8=FIX.4.4\x019=11\x0135=0\x01112=a\x0110=003\x01")
	for frame := range fix.Frames(stream) {
		fmt.Printf("%s\n", d.AppendDump(nil, frame))
	}
	// Output:
	// garbled  "noise"
	// Heartbeat  8 BeginString=FIX.4.4  9 BodyLength=11  35 MsgType=0 HEARTBEAT  112 TestReqID=a  10 CheckSum=003
}

func ExampleDecimal() {
	fmt.Println(fix.Decimal([]byte("12.34"), 4))
	fmt.Println(fix.Decimal([]byte("1.5e3"), 4))
	// Output:
	// 123400 true
	// 0 false
}

func ExampleParseTime() {
	nanos, ok := fix.ParseTime([]byte("20261127-10:00:00.123"))
	fmt.Println(nanos, ok)
	fmt.Printf("%s\n", fix.AppendTime(nil, nanos))
	// Output:
	// 1795773600123000000 true
	// 20261127-10:00:00.123
}
