package conformance_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/perf/conformance"
)

// TestCaseList: the suite has 301 cases, each number once and in order.
func TestCaseList(t *testing.T) {
	cases := conformance.Cases()
	if len(cases) != 301 {
		t.Errorf("got %d cases, want 301", len(cases))
	}
	sections := make(map[string]int)
	var last []int
	for _, c := range cases {
		number := parse(t, c.Number())
		if slices.Compare(number, last) <= 0 {
			t.Errorf("%v after %v", number, last)
		}
		last = number
		section := c.Number()
		if len(number) == 3 {
			section = section[:strings.LastIndexByte(section, '.')]
		} else {
			section, _, _ = strings.Cut(section, ".")
		}
		sections[section]++
	}
	want := map[string]int{
		"1.1": 8, "1.2": 8, "2": 11, "3": 7, "4.1": 5, "4.2": 5, "5": 20,
		"6.1": 3, "6.2": 4, "6.3": 2, "6.4": 4, "6.5": 5, "6.6": 11, "6.7": 4, "6.8": 2, "6.9": 4,
		"6.10": 3, "6.11": 5, "6.12": 8, "6.13": 5, "6.14": 10, "6.15": 1, "6.16": 3, "6.17": 5,
		"6.18": 5, "6.19": 5, "6.20": 7, "6.21": 8, "6.22": 34, "6.23": 7,
		"7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2,
		"9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6, "10.1": 1,
	}
	for section, n := range want {
		if sections[section] != n {
			t.Errorf("section %s has %d cases, want %d", section, sections[section], n)
		}
	}
}

func parse(t *testing.T, number string) []int {
	t.Helper()
	var parts []int
	for word := range strings.SplitSeq(number, ".") {
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, n)
	}
	return parts
}

// TestDescriptions: a case says what it sends and what passes. The rows are facts of the
// suite; no code of the tables is used in them.
func TestDescriptions(t *testing.T) {
	const (
		answer = "close 1000 as the answer to the client's close, end of the connection"
		failed = "close 1002 or no close frame, end of the connection"
		text16 = `16777216 bytes of "BAsd7&jh23"`
	)
	want := map[string][2]string{
		"1.1.1":  {"text empty", "text empty, " + answer},
		"1.1.8":  {`text 65536 bytes of "*" in pieces of 997`, `text 65536 bytes of "*", ` + answer},
		"1.2.3":  {"binary 126 bytes of 0xfe", "binary 126 bytes of 0xfe, " + answer},
		"2.5":    {"ping 126 bytes of 0xfe", failed},
		"2.7":    {"pong empty, close 1000", answer},
		"3.4":    {`text "Hello, world!", text "Hello, world!" rsv=4, ping empty in pieces of 1`, `text "Hello, world!", ` + failed},
		"4.2.4":  {`text "Hello, world!", opcode 14 "Hello, world!", ping empty`, `text "Hello, world!", ` + failed},
		"5.8":    {`text "fragment1" not final, ping "ping payload", continuation "fragment2" in pieces of 1`, `pong "ping payload", text "fragment1fragment2", ` + answer},
		"5.17":   {`continuation "fragment1", text "fragment2" not final, continuation "fragment3", continuation "fragment1", text "fragment2" not final, continuation "fragment3"`, failed},
		"6.2.3":  {"text 29 bytes from \"Hello-µ@ßöäüàá-UT\" in fragments of 1", "text 29 bytes from \"Hello-µ@ßöäüàá-UT\", " + answer},
		"6.6.2":  {`text "κ"`, `text "κ", ` + answer},
		"6.6.3":  {"text 0xcebae1", "close 1007 or no close frame, end of the connection"},
		"6.4.2":  {`text 0xcebae1bdb9cf83cebcceb5f4 not final; a pause; continuation 0x90 not final; a pause; continuation 0x8080656469746564`, "nothing during a pause, close 1007 or no close frame, end of the connection"},
		"7.1.5":  {`text "fragment1" not final, close 1000, continuation "fragment2"`, answer},
		"7.3.2":  {`close "a"`, failed},
		"7.5.1":  {"close 1000 0xcebae1bdb9cf83cebcceb5eda080656469746564", "close 1002 or 1007 or no close frame, end of the connection"},
		"7.7.9":  {"close 1011", "close 1000 or 1011 as the answer to the client's close, end of the connection"},
		"7.9.6":  {"close 1016", failed},
		"7.13.2": {"close 65535", "any close frame or none, end of the connection"},
		"9.1.6":  {"text " + text16, "text " + text16 + ", " + answer},
		"9.4.2":  {"binary 4194304 bytes of 0xfe in fragments of 256", "binary 4194304 bytes of 0xfe, " + answer},
		"9.6.6":  {"binary 1048576 bytes of 0x00fe23faf0 in pieces of 2048", "binary 1048576 bytes of 0x00fe23faf0, " + answer},
		"9.7.6":  {`1000 times text 4096 bytes of "*"`, "1000 echoes in turn, " + answer},
		"10.1.1": {`text 65536 bytes of "*" in fragments of 1300`, `text 65536 bytes of "*", ` + answer},
	}
	for number, words := range want {
		c := find(t, number)
		if got := [2]string{c.Sends(), c.Expects()}; got != words {
			t.Errorf("%s: got\n%q, want\n%q", number, got, words)
		}
	}
}

func find(t *testing.T, number string) conformance.Case {
	t.Helper()
	cases, err := conformance.Select([]string{number})
	if err != nil || len(cases) != 1 {
		t.Fatalf("%s: %d cases, %v", number, len(cases), err)
	}
	return cases[0]
}

// TestWrongTexts: these cases of section 6.5 to 6.23 expect an echo, all others that the
// server fails the connection.
func TestWrongTexts(t *testing.T) {
	right := []string{"6.5.*", "6.6.2", "6.6.5", "6.6.7", "6.6.9", "6.6.11", "6.7.*", "6.9.*", "6.11.1", "6.11.2", "6.11.3", "6.11.4", "6.22.*", "6.23.*"}
	selected, err := conformance.Select(right)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, c := range selected {
		want = append(want, c.Number())
	}
	for _, c := range conformance.Cases() {
		if n := parse(t, c.Number()); n[0] == 6 && n[1] >= 5 && strings.HasPrefix(c.Expects(), "text ") {
			got = append(got, c.Number())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// countedConn counts the bytes and the longest write.
type countedConn struct {
	net.Conn
	bytes, longest int
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.bytes += n
	c.longest = max(c.longest, len(b))
	return n, err
}

// TestStrictServer: a right server passes all cases, whatever the pieces are. No write is
// longer than they are, and Bytes is what a case writes.
func TestStrictServer(t *testing.T) {
	largest := map[int]int{0: 1100 << 10, 7: 70000, 1: 2000}
	for _, pieces := range []int{0, 7, 1} {
		t.Run(fmt.Sprintf("pieces of %d", pieces), func(t *testing.T) {
			for _, c := range conformance.Cases() {
				if c.Bytes() > largest[pieces] {
					continue // TestRun has it
				}
				result, sent := play(t, c, faults{}, pieces)
				if result.Verdict != conformance.OK {
					t.Errorf("%s: %s: got %s, want %s", result.Number, result.Verdict, result.Got, result.Expected)
				}
				if pieces > 0 && sent.longest > pieces {
					t.Errorf("%s wrote %d bytes at a time", c.Number(), sent.longest)
				}
				const ending = 8 // a close frame of the client
				early := strings.Contains(c.Expects(), "no close frame") || strings.HasPrefix(c.Number(), "7.1.")
				if n := sent.bytes - c.Bytes(); n != 0 && n != ending && !early {
					t.Errorf("%s wrote %d bytes, Bytes is %d", c.Number(), sent.bytes, c.Bytes())
				}
			}
		})
	}
}

// play runs a case on a pipe to an echo server, with a clock that stops while anything runs.
func play(t *testing.T, c conformance.Case, f faults, pieces int) (result conformance.Result, sent *countedConn) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		sent = &countedConn{Conn: client}
		go serve(server, f)
		result = c.Run(t.Context(), sent, conformance.Settings{Pieces: pieces, Timeout: time.Minute})
	})
	return result, sent
}

// wrongText lists the cases of text that is not UTF-8.
const wrongText = "6.3 6.4 6.6.1 6.6.3 6.6.4 6.6.6 6.6.8 6.6.10 6.8 6.10 6.11.5 6.12 6.13 6.14 6.15 6.16 6.17 6.18 6.19 6.20 6.21"

// TestFaults: each kind of wrong server fails exactly the cases that are about it.
func TestFaults(t *testing.T) {
	const (
		rightText  = "6.1 6.2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7 6.9 6.11.1 6.11.2 6.11.3 6.11.4 6.22 6.23"
		pongs      = "2.1 2.2 2.3 2.4 2.6 2.9 2.10 2.11 5.6 5.7 5.8 5.19 5.20"
		textEchoes = "1.1 5.3 5.4 5.5 5.6 5.7 5.8 5.19 5.20 " + rightText + " 7.1.1"
		echoed     = textEchoes + " 1.2"
		after      = "3.2 3.3 3.4 4.1.3 4.1.4 4.1.5 4.2.3 4.2.4 4.2.5 5.15" // an echo, then a failure
		goodClose  = "2.7 2.8 7.1.2 7.1.3 7.1.4 7.1.5 7.3.1 7.3.3 7.3.4 7.3.5 7.7"
		open       = "7.1.6 7.13"
		all        = "1 2 3 4 5 6 7"
		pongsOnly  = "2.1 2.2 2.3 2.4 2.6 2.9 2.10 2.11"
		clean      = echoed + " " + pongsOnly + " " + goodClose
		emptyEcho  = "1.1.1 1.2.1 6.1.1 6.1.2"
	)
	tests := []struct {
		name      string
		faults    faults
		failed    string // cases and sections
		except    string // of these
		nonStrict string
		got       string // by the first case that failed; "": anything
	}{
		{name: "wrong byte in an echo", faults: faults{wrongByte: true}, failed: echoed + " 7.1.6 " + after, except: emptyEcho, got: "(wrong from byte 124)"},
		{name: "text for binary", faults: faults{wrongType: true}, failed: "1.2"},
		{name: "wrong pong", faults: faults{wrongPong: true}, failed: pongs},
		{name: "no pong", faults: faults{noPong: true}, failed: pongs},
		{name: "pong before the message", faults: faults{lazyPong: true}},
		{name: "huge echo", faults: faults{hugeEcho: true}, failed: echoed + " " + after + " 7.1.6", got: "a message that is longer than what it should echo"},
		{name: "pong after the message", faults: faults{latePong: true}, failed: "5.6 5.7 5.8 5.19 5.20"},
		// 3.7 passes: the answer to the close frame has no code, and may be a failure.
		{name: "reserved bits ignored", faults: faults{anyReserved: true}, failed: "3", except: "3.7"},
		{name: "reserved opcodes ignored", faults: faults{anyOpcode: true}, failed: "4"},
		{name: "any text", faults: faults{anyText: true}, failed: wrongText},
		{name: "text checked late", faults: faults{lateText: true}, nonStrict: "6.4"},
		{name: "any continuation", faults: faults{anyContinuation: true}, failed: "5.9 5.10 5.11 5.12 5.13 5.14 5.15 5.16 5.17 5.18"},
		{name: "fragmented control frames", faults: faults{fragmentedPing: true}, failed: "5.1"},
		{name: "long control frames", faults: faults{longControl: true}, failed: "2.5 7.3.6"},
		{name: "any close frame", faults: faults{anyClose: true}, failed: "7.3.2 7.5.1 7.9"},
		{name: "1002 for wrong text", faults: faults{onlyProtocol: true}, failed: wrongText},
		{name: "connection left open", faults: faults{leavesOpen: true}, failed: all, got: "the connection stayed open"},
		{name: "no close frame", faults: faults{noCloseFrame: true}, failed: clean, got: "end of the connection without a close frame"},
		{name: "close with 1001", faults: faults{otherCode: true}, failed: all, except: "7.7.2 " + open},
		// The client's close frame crosses that of the server.
		{name: "close after an echo", faults: faults{closesAfterEcho: true}, failed: after},
		{name: "frame after the close frame", faults: faults{frameAfterClose: true}, failed: all, got: "a frame after the close frame"},
		{name: "answers after the close frame", faults: faults{answersAfterClose: true}, failed: "7.1.2 7.1.3 7.1.4 7.1.5 7.1.6"},
		{name: "masked frames", faults: faults{masks: true}, failed: all, got: "a mask"},
		{name: "reserved bit in its frames", faults: faults{reserves: true}, failed: all, got: "a reserved bit"},
		{name: "long length in its frames", faults: faults{longLength: true}, failed: all, got: "a length in more bytes than it needs"},
		{name: "fragmented pong", faults: faults{fragmentsPong: true}, failed: pongs, got: "a fragmented control frame"},
		{name: "pong that nobody wants", faults: faults{unsolicited: true}, failed: all},
		{name: "echo dropped before a failure", faults: faults{dropsEchoes: true}, nonStrict: "3.2 4.1.3 4.1.4 4.2.3 4.2.4 5.15"},
		{name: "two starts of an echo", faults: faults{wrongFragments: true}, failed: echoed + " " + after + " 7.1.6", got: "a new message inside an unfinished one"},
		{name: "reserved opcode in an echo", faults: faults{opcode3: true}, failed: echoed + " " + after + " 7.1.6", got: "the reserved opcode 3"},
		{name: "continuation for an echo", faults: faults{continuationEcho: true}, failed: echoed + " " + after + " 7.1.6", got: "a continuation of no message"},
		{name: "close frame of one byte", faults: faults{shortClose: true}, failed: all, except: "7.3.1", got: "a close frame with half a code"},
		{name: "close reason that is not UTF-8", faults: faults{closeNotUTF8: true}, failed: all, got: "a close reason that is not UTF-8"},
		{name: "long pong", faults: faults{longPong: true}, failed: pongs, got: "a control frame with more than 125 bytes"},
		{name: "two echoes", faults: faults{echoTwice: true}, failed: echoed + " " + after + " 7.1.6"},
		{name: "echo that is not UTF-8", faults: faults{echoNotUTF8: true}, failed: textEchoes + " " + after + " 7.1.6", except: emptyEcho, got: "a text message that is not UTF-8"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got := map[conformance.Verdict][]string{}
			for _, c := range conformance.Cases() {
				if strings.HasPrefix(c.Number(), "9.") || strings.HasPrefix(c.Number(), "10.") {
					continue
				}
				result, _ := play(t, c, tc.faults, 0)
				got[result.Verdict] = append(got[result.Verdict], result.Number)
				if result.Verdict == conformance.Failed && len(got[result.Verdict]) == 1 && !strings.Contains(result.Got, tc.got) {
					t.Errorf("%s: got %q, want %q", result.Number, result.Got, tc.got)
				}
			}
			failed := slices.DeleteFunc(numbers(t, tc.failed), func(n string) bool { return slices.Contains(numbers(t, tc.except), n) })
			if !slices.Equal(got[conformance.Failed], failed) {
				t.Errorf("failed: got %v\nwant %v", got[conformance.Failed], failed)
			}
			if want := numbers(t, tc.nonStrict); !slices.Equal(got[conformance.NonStrict], want) {
				t.Errorf("non-strict: got %v\nwant %v", got[conformance.NonStrict], want)
			}
		})
	}
}

// numbers lists the cases that words name, without those of sections 9 and 10.
func numbers(t *testing.T, words string) []string {
	t.Helper()
	if words == "" {
		return nil
	}
	cases, err := conformance.Select(strings.Fields(words))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range cases {
		list = append(list, c.Number())
	}
	return list
}
