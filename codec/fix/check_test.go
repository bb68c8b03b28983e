package fix_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/codec/fix"
)

// checkCase is a message and its reject. The message has the usual header if it starts with "D ", "0 "
// or another type and a space; want is "tag reason", "- reason" without a tag, or empty.
type checkCase struct{ name, message, want string }

// fields returns the fields of a case's message.
func fields(message string) []string {
	if typ, body, ok := strings.Cut(message, " "); ok {
		message = "35=" + typ + "|34=2|49=TW|52=20261127-10:00:00.123|56=ISLD|" + body
	}
	return strings.Split(strings.TrimSuffix(message, "|"), "|")
}

func checkAll(t *testing.T, d *fix.Dictionary, tests []checkCase) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Helper()
			got := ""
			if r := d.Check(parse(t, message(fields(tt.message)...))); r != nil {
				got = fmt.Sprintf("%d %d", r.RefTag, r.Reason)
				if !r.HasTag {
					got = fmt.Sprintf("- %d", r.Reason)
				}
				if r.Text() == "" {
					t.Error("the reject has no text")
				}
			}
			if got != tt.want {
				t.Fatalf("%s: %q, want %q", tt.message, got, tt.want)
			}
		})
	}
}

const (
	order = "11=ID|40=1|54=1|55=INTC|60=20261127-10:00:00|"
	party = "448=a|447=D|452=1|"
)

// The ids are those of the FIX session test cases.
func TestCheckScenarios(t *testing.T) {
	checkAll(t, fix.NewDictionary(), []checkCase{
		{"2g no OrigSendingTime", "D 43=Y|" + order, "122 1"},
		{"2g OrigSendingTime", "D 43=Y|122=20261127-10:00:00|" + order, ""},
		{"2g no duplicate", "D 43=N|" + order, ""},
		{"2g SequenceReset", "4 43=Y|36=5|123=Y|", ""},
		{"2q", "* ", "- 11"},
		{"2q long", "ZZ ", "- 11"},
		{"2q byte above ASCII", "\xc4 ", "- 11"},
		{"2r another message of FIX 4.4", "B 148=News|33=1|58=Text|58=Text|", ""},
		{"14a above FIX 4.4", "0 999=HI|", "999 0"},
		{"14a gap", "0 101=HI|", "101 0"},
		{"14a zero", "0 0=HI|", "0 0"},
		{"14a negative", "0 -1=HI|", "-1 0"},
		{"14a user", "0 5000=HI|", "5000 0"},
		{"14a table's end", "0 1024=HI|", "1024 0"},
		{"14b header", "35=0|34=2|49=TW|52=20261127-10:00:00|", "56 1"},
		{"14b MsgSeqNum", "35=0|49=TW|52=20261127-10:00:00|56=ISLD|", "34 1"},
		{"14b body", "D 40=1|60=20261127-10:00:00|54=1|21=3|", "11 1"},
		{"14b component", "D 11=ID|40=1|60=20261127-10:00:00|54=1|21=3|", "55 1"},
		{"14b optional component", "AN 710=1|724=0|1=a|581=1|715=20261127|60=20261127-10:00:00|", ""},
		{"14b optional OrderQty", "D " + order, ""},
		{"14c", "0 55=MSFT|", "55 2"},
		{"14c member of a group", "D " + order + "336=A|", "336 2"},
		{"14d header", "35=0|34=2|49=TW|52=20261127-10:00:00|56=|", "56 4"},
		{"14d body", "D " + order + "58=|", "58 4"},
		{"14d type", "35=|34=2|", "35 4"},
		{"14e character", "D 21=4|" + order, "21 5"},
		{"14e word", "D 167=BOO|" + order, "167 5"},
		{"14e listed word", "D 167=CS|" + order, ""},
		{"14e one of several", "D 18=1 G ?|" + order, "18 5"},
		{"14e several", "D 18=1 G|" + order, ""},
		{"14e byte above ASCII", "D 21=\xb1|" + order, "21 5"},
		{"14e first enumeration of the message", "D 145=x|11=ID|40=w|", "40 5"},
		{"14f plus", "D 38=+200.00|" + order, "38 6"},
		{"14g body first", "35=D|11=id|21=3|40=1|54=1|55=MSFT|60=20261127-10:00:00|34=2|49=TW|52=20261127-10:00:00|56=ISLD|", "34 14"},
		{"14g one field of the body first", "35=D|55=MSFT|34=3|49=TW|52=20261127-10:00:00|56=ISLD|11=id|21=3|40=1|54=1|60=20261127-10:00:00|", "34 14"},
		{"14g trailer first", "35=0|93=1|89=a|34=3|49=TW|52=20261127-10:00:00|56=ISLD|", "34 14"},
		{"14g trailer before the body", "0 93=1|89=a|112=a|", "112 14"},
		{"14h body", "D 40=2|" + order, "40 13"},
		{"14h header", "0 34=2|", "34 13"},
		{"14h CheckSum", "0 10=000|", "10 13"},
		{"14h BeginString", "0 8=FIX.4.4|", "8 13"},
		{"14i fewer", "D 386=3|336=A|336=B|" + order, "386 16"},
		{"14i more", "D 386=1|336=A|336=B|" + order, "386 16"},
		{"14i none", "D 386=1|" + order, "386 16"},
		{"14i at the end", "D " + order + "386=1|", "386 16"},
		{"14i zero with an entry", "D 386=0|336=A|" + order, "386 16"},
		{"14i huge", "D 386=999999999999999999|336=A|" + order, "386 16"},
		{"14i negative", "D 386=-1|336=A|" + order, "386 6"},
		{"14i longer than a number", "D 386=9999999999999999999|336=A|" + order, "386 6"},
		{"15", "35=D|49=TW|34=3|56=ISLD|52=20261127-10:00:00|40=1|55=MSFT|60=20261127-10:00:00|54=1|21=3|11=id|", ""},
		{"21", "d 320=1|322=1|323=6|55=TBS|22=8|167=CS|336=ONE_MAIN|58=text|454=0|", ""},
		{"RejectResentMessage", "D 43=Y|122=20261127-10:00:00|126=20040415|" + order, "126 6"},
		{"ReverseRoute", "D 115=JCD|116=CS|144=|" + order, "144 4"},
	})
}

func TestCheckGroups(t *testing.T) {
	checkAll(t, fix.NewDictionary(), []checkCase{
		{"two entries", "D 453=2|" + party + party + order, ""},
		{"optional members", "D 453=3|448=a|448=b|452=1|448=c|447=D|" + order, ""},
		{"nested", "D 453=2|" + party + "802=2|523=x|803=1|523=y|" + party + order, ""},
		{"nested count", "D 453=2|" + party + "802=3|523=x|803=1|523=y|" + party + order, "802 16"},
		{"nested empty", "D 453=1|" + party + "802=0|" + order, ""},
		{"order", "D 453=1|448=a|452=1|447=D|" + order, "447 15"},
		{"order in the second entry", "D 453=2|" + party + "448=a|452=1|447=D|" + order, "447 15"},
		{"nested order", "D 453=1|" + party + "802=1|803=1|523=x|" + order, "803 15"},
		{"first field missing", "D 453=1|447=D|452=1|" + order, "447 15"},
		{"first field second", "D 453=1|447=D|448=a|" + order, "447 15"},
		{"repeated member", "D 453=1|448=a|447=D|447=D|" + order, "447 13"},
		{"format", "D 453=1|448=a|452=x|" + order, "452 6"},
		{"value", "D 453=1|448=a|447=?|" + order, "447 5"},
		{"empty", "D 453=1|448=|" + order, "448 4"},
		{"user field", "D 453=1|448=a|5001=x|452=1|" + order, "5001 0"},
		{"nested format", "D 453=1|" + party + "802=1|523=x|803=x|" + order, "803 6"},
		{"required member", "V 262=a|263=1|264=1|267=1|269=0|146=1|55=A|", ""},
		{"required member missing", "X 268=1|279=0|", ""},
		{"group missing", "V 262=a|263=1|264=1|146=1|55=A|", "267 1"},
		{"required in an entry", "AE 571=1|570=N|55=A|32=1|31=1|75=20261127|60=20261127-10:00:00|552=2|54=1|37=a|54=2|", "37 1"},
		{"header", "0 627=2|628=a|629=20261127-10:00:00|628=b|", ""},
		{"header in front of the body", "35=0|34=2|49=TW|52=20261127-10:00:00|627=2|628=a|629=20261127-10:00:00|630=5|628=b|56=ISLD|", ""},
		{"twice", "D 386=1|336=A|453=1|448=a|386=1|336=A|" + order, "386 13"},
		{"of another message", "0 386=1|336=A|", "386 2"},
		{"data", "D 354=3|355=abc|" + order, ""},
		{"data too short", "D 354=4|355=abc|" + order, "354 5"},
		{"data too long", "D 354=2|355=abc|" + order, "354 5"},
		{"length without data", "D 354=3|58=x|" + order, ""},
		{"signature", "0 93=2|89=x|", "93 5"},
	})
}

func TestCheckFormats(t *testing.T) {
	tests := []struct {
		kind      string
		tag       int
		good, bad []string
	}{
		{"CHAR", 77, []string{"O"}, []string{"OO"}},
		{"BOOLEAN", 114, []string{"Y", "N"}, []string{"y", "YES", "1"}},
		{"INT", 854, []string{"0", "1"}, []string{"x", "1.0", "+1", "1e0", "-", " 1"}},
		{"INT without a list", 210, []string{"0", "-5", "-0", "007"}, []string{"--5"}},
		{"LENGTH", 354, []string{"0", "5"}, []string{"-1", "x"}},
		{"QTY", 38, []string{"0", "100", "100.", "0.5", ".5", "-1", "002000.00"}, []string{"+1", "1e3", "1,5", "-", ".", "1.2.3", "--1", "NaN", "0x1"}},
		{"UTCTIMESTAMP", 126, []string{"20261127-10:00:00", "20261127-23:59:60.123", "20240229-00:00:00.123456", "19000101-00:00:00.123456789", "99991231-23:59:59"},
			[]string{"20261127", "20261127-10:00", "20261127 10:00:00", "20261127-24:00:00", "20261127-10:60:00", "20261127-10:00:61", "20230229-10:00:00", "20261127-10:00:00.", "20261127-10:00:00.1", "20261127-10:00:00,123", "20261127-10:00:00.1234567890", "20261127-1a:00:00"}},
		{"LOCALMKTDATE", 75, []string{"20261127", "19500101", "20000229"}, []string{"20261327", "20260230", "20260431", "20260400", "20260001", "19000229", "2026112", "202611270", "2026112x"}},
		{"MONTHYEAR", 200, []string{"202611", "20261127", "202611w1", "202611w5"}, []string{"202613", "202600", "202611w0", "202611w6", "20261131", "2026", "2026111", "20261x", "x02611"}},
		{"STRING", 58, []string{"\xff", " ", "="}, nil},
	}
	d := fix.NewDictionary()
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			for reason, values := range map[string][]string{"": tt.good, fmt.Sprint(tt.tag, " 6"): tt.bad} {
				for _, v := range values {
					m := fmt.Sprintf("D %s%d=%s|", order, tt.tag, v)
					checkAll(t, d, []checkCase{{fmt.Sprintf("%q", v), m, reason}})
				}
			}
		})
	}
	checkAll(t, d, []checkCase{
		{"UTCTIMEONLY", "W 55=A|268=1|269=0|273=10:00:00.123|", ""},
		{"UTCTIMEONLY with a date", "W 55=A|268=1|269=0|273=20261127-10:00:00|", "273 6"},
		{"UTCDATEONLY", "W 55=A|268=1|269=0|272=20261127|", ""},
		{"UTCDATEONLY with a time", "W 55=A|268=1|269=0|272=20261127-10:00:00|", "272 6"},
		{"MULTIPLEVALUESTRING with two spaces", "D 18=1  G|" + order, "18 6"},
		{"MULTIPLEVALUESTRING with a space at the end", "D 18=1 |" + order, "18 6"},
		{"MULTIPLEVALUESTRING of a space", "D 18= |" + order, "18 6"},
		{"SEQNUM", "2 7=1|16=-1|", "16 6"},
	})
}

func TestCheckUserFields(t *testing.T) {
	d := fix.NewDictionary()
	d.UserFields = true
	checkAll(t, d, []checkCase{
		{"any message", "0 5000=HI|999999999=HI|", ""},
		{"twice", "0 5000=HI|5000=HI|", ""},
		{"empty", "0 5000=|", "5000 4"},
		{"in a group", "D 453=2|448=a|5001=x|452=1|448=b|5002=x|5002=x|" + order, ""},
		{"in a group, empty", "D 453=1|448=a|5001=|" + order, "5001 4"},
		{"in front of the header's end", "35=0|5000=HI|34=2|", "34 14"},
		{"in the trailer", "0 93=1|89=a|5000=HI|", "5000 14"},
		{"below them", "0 4999=HI|", "4999 0"},
		{"negative", "0 -5000=HI|", "-5000 0"},
		{"of another message", "0 55=A|", "55 2"},
	})
}

func TestCheckUnknownFields(t *testing.T) {
	d := fix.NewDictionary()
	d.UnknownFields = true
	checkAll(t, d, []checkCase{
		{"not defined", "0 999=HI|4999=HI|", ""},
		{"of another message", "0 55=A|", ""},
		{"of another message, with a wrong value", "0 54=?|", "54 5"},
		{"of another message, with a wrong format", "0 38=x|", "38 6"},
		{"in a group", "D 453=1|448=a|999=x|452=1|" + order, ""},
		{"zero", "0 0=HI|", "0 0"},
		{"user field", "0 5000=HI|", "5000 0"},
	})
}

// A large message costs no more than its fields, whatever the counts in it say.
func TestCheckLarge(t *testing.T) {
	const n = 100_000
	long := func(head, entry string) string { return head + strings.Repeat(entry, n) }
	d := fix.NewDictionary()
	checkAll(t, d, []checkCase{
		{"entries", long(fmt.Sprintf("D %s453=%d|", order, n), party), ""},
		{"entries without a count", long("D "+order+"453=1|", party), "453 16"},
		{"nested", long(fmt.Sprintf("D %s453=1|448=a|802=%d|", order, n), "523=x|"), ""},
		{"counts", long("D "+order+"453=100000|448=a|802=100000|", "523=x|"), "453 16"},
		{"empty groups", long(fmt.Sprintf("D %s453=%d|", order, n), "448=a|802=0|"), ""},
		{"repeated", long("D "+order, "58=a|"), "58 13"},
		{"another message", long("B ", "58=a|"), ""},
	})
	d.UserFields = true
	checkAll(t, d, []checkCase{{"user fields", long("D "+order, "5000=a|"), ""}})
}

// Every message of the table accepts its required fields, and no fewer.
func TestCheckRequired(t *testing.T) {
	d := fix.NewDictionary()
	for typ, body := range map[string]string{
		"0": "", "1": "112=a|", "2": "7=1|16=0|", "3": "45=1|", "4": "36=5|", "5": "", "A": "98=0|108=30|",
		"D": order, "F": "41=a|11=b|55=A|54=1|60=20261127-10:00:00|", "G": "41=a|11=b|55=A|54=1|60=20261127-10:00:00|40=2|",
		"q": "11=a|530=7|60=20261127-10:00:00|", "H": "11=a|55=A|54=1|", "AF": "584=a|585=7|",
		"AN": "710=a|724=0|1=a|581=1|715=20261127|60=20261127-10:00:00|", "V": "262=a|263=1|264=0|267=1|269=0|146=1|55=A|",
		"x": "320=a|559=4|", "AD": "568=a|569=0|", "8": "37=a|17=b|150=0|39=0|55=A|54=1|151=0|14=0|6=0|",
		"9": "37=a|11=b|41=c|39=0|434=1|", "r": "37=a|530=7|531=7|", "j": "372=D|380=3|",
		"AO": "721=a|728=0|729=0|1=a|581=1|", "AP": "721=a|728=0|715=20261127|1=a|581=1|730=1|731=1|734=1|",
		"W": "55=A|268=1|269=0|", "X": "268=1|279=0|", "Y": "262=a|", "y": "320=a|322=b|560=0|", "d": "320=a|322=b|323=1|",
		"AE": "571=a|570=N|55=A|32=1|31=1|75=20261127|60=20261127-10:00:00|552=1|54=1|37=a|", "AQ": "568=a|569=0|749=0|750=0|55=A|",
	} {
		checkAll(t, d, []checkCase{{typ, typ + " " + body, ""}})
		list := strings.SplitAfter(body, "|")
		for i := range list[:len(list)-1] {
			rest := strings.Join(append(append([]string{}, list[:i]...), list[i+1:]...), "")
			if r := d.Check(parse(t, message(fields(typ+" "+rest)...))); r == nil {
				t.Errorf("%s accepted without %s", typ, list[i])
			}
		}
	}
}

func TestReasonText(t *testing.T) {
	for _, r := range []fix.Reason{-1, 18, 99} {
		if r.String() != "" {
			t.Errorf("%d is %q", r, r)
		}
	}
	if got := fix.CompIDProblem.String(); got != "CompID problem" {
		t.Error(got)
	}
}

func TestNames(t *testing.T) {
	d := fix.NewDictionary()
	for _, got := range [][2]string{
		{d.Name(55), "Symbol"}, {d.Name(956), "LegInterestAccrualDate"}, {d.Name(101), ""}, {d.Name(0), ""}, {d.Name(-1), ""}, {d.Name(5000), ""},
		{d.MessageName([]byte("D")), "NewOrderSingle"}, {d.MessageName([]byte("AE")), "TradeCaptureReport"}, {d.MessageName([]byte("B")), "News"},
		{d.MessageName(nil), ""}, {d.MessageName([]byte("*")), ""}, {d.MessageName([]byte("\xc4")), ""},
		{d.Meaning(54, []byte("1")), "BUY"}, {d.Meaning(54, []byte("?")), ""}, {d.Meaning(58, []byte("1")), ""}, {d.Meaning(0, nil), ""},
	} {
		if got[0] != got[1] {
			t.Errorf("%q, want %q", got[0], got[1])
		}
	}
	defined := 0
	for tag := range 1025 {
		if d.Name(tag) != "" {
			defined++
		}
	}
	if defined != 912 {
		t.Errorf("%d fields are defined, FIX 4.4 has 912", defined)
	}
}
