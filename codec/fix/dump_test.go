package fix_test

import (
	"slices"
	"strings"
	"testing"

	"holdfast/codec/fix"
)

func TestAppendDump(t *testing.T) {
	d := fix.NewDictionary()
	tests := []struct{ name, frame, want string }{
		{"order", string(message("35=D", "34=2", "11=ID", "54=1")),
			"NewOrderSingle  8 BeginString=FIX.4.4  9 BodyLength=21  35 MsgType=D ORDER_SINGLE  34 MsgSeqNum=2  11 ClOrdID=ID  54 Side=1 BUY  10 CheckSum=193"},
		{"unknown type and fields", string(message("35=*", "999=a", "-1=b", "54=?")),
			"unknown  8 BeginString=FIX.4.4  9 BodyLength=21  35 MsgType=*  999=a  -1=b  54 Side=?  10 CheckSum=249"},
		{"data", string(message("35=A", "95=3", "96=a\x01b")),
			`Logon  8 BeginString=FIX.4.4  9 BodyLength=17  35 MsgType=A LOGON  95 RawDataLength=3  96 RawData="a\x01b"  10 CheckSum=055`},
		{"bytes that are no text", string(message("35=0", "112=\xff\n")),
			`Heartbeat  8 BeginString=FIX.4.4  9 BodyLength=12  35 MsgType=0 HEARTBEAT  112 TestReqID="\xff\n"  10 CheckSum=172`},
		{"text", string(message("35=0", "112=Zoë €")),
			`Heartbeat  8 BeginString=FIX.4.4  9 BodyLength=18  35 MsgType=0 HEARTBEAT  112 TestReqID=Zoë €  10 CheckSum=016`},
		{"wrong CheckSum", soh("8=FIX.4.4|9=5|35=0|10=000|"), "garbled  8 BeginString=FIX.4.4  9 BodyLength=5  35 MsgType=0 HEARTBEAT  10 CheckSum=000"},
		{"garbled field", soh("8=FIX.4.4|35=0|4x=a|10=000|"), `garbled  8 BeginString=FIX.4.4  35 MsgType=0 HEARTBEAT  "4x=a\x0110=000\x01"`},
		{"garbage", "GET / HTTP/1.1\r\n", `garbled  "GET / HTTP/1.1\r\n"`},
		{"nothing", "", "garbled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(d.AppendDump([]byte(">"), []byte(tt.frame))); got != ">"+tt.want {
				t.Fatalf("\n%s, want\n%s", got, tt.want)
			}
		})
	}
}

func TestFramesOfAStream(t *testing.T) {
	beat := string(message("35=0"))
	want := []string{"garbage", beat, beat, "\r\n", beat, beat[:10]}
	var got []string
	for frame := range fix.Frames([]byte(strings.Join(want, ""))) {
		got = append(got, string(frame))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	for frame := range fix.Frames([]byte(beat + beat)) {
		if string(frame) != beat {
			t.Fatalf("%q", frame)
		}
		break
	}
}
