package fix_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/biz/fix"
	"holdfast/biz/transcript"
	codecfix "holdfast/codec/fix"
)

var dictionary = codecfix.NewDictionary()

var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC).UnixNano()

// TestTranscripts plays testdata/*.txt. The commands:
//
//	config K=V ...  sets reset, chunk, last, ahead, piece; a new session
//	in T F=V ...    a message of the peer; 49, 52 and 56 are added where they are missing; 52 and
//	                122 may be seconds from now, with a sign
//	garbled         a frame that is no message
//	logon K=V ...   this side logs on; sets interval, reset, next
//	cut             the connection is gone
//	wait D          time passes
//	report F=V ...  an application message of the host
//	logout TEXT     the host ends the connection
//	refuse TEXT     the host refuses the next Logon
//	resume N        resends up to N messages more
//	faults K=N ...  misbehaviour
//	next OUT IN     sets the numbers
//	show            shows the state
//
// The output is what leaves, "-" for nothing: type, then the fields but 8, 9, 10, 49, 52 and 56.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, func(t *testing.T) func(string) string {
		p := &player{t: t, now: start}
		p.config(nil)
		return p.do
	})
}

type player struct {
	t   *testing.T
	now int64
	s   *fix.Session
	h   *echo
	out strings.Builder
}

func (p *player) config(settings []string) {
	c := &fix.Config{Ours: "ISLD", Theirs: "TW44", Check: dictionary.Check}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		n, _ := strconv.Atoi(value)
		switch name {
		case "reset":
			c.ResetOnLogon = true
		case "chunk":
			c.Chunk = uint64(n)
		case "last":
			c.LastProcessed = true
		case "ahead":
			c.MaxAhead = n
		case "piece":
			c.ResendPiece = n
		default:
			p.t.Fatalf("config %s", s)
		}
	}
	p.s = fix.New(c)
	p.h = &echo{session: p.s, now: func() int64 { return p.now }}
	p.h.write = func(message []byte, delayed bool) {
		mark := ""
		if delayed {
			mark = "delayed "
		}
		fmt.Fprintf(&p.out, "%s%s\n", mark, show(message))
	}
	p.h.close = func(why string) { fmt.Fprintf(&p.out, "disconnect: %s\n", why) }
}

// show shows a message without what is in each.
func show(message []byte) string {
	var m codecfix.Message
	if err := m.Parse(message); err != nil {
		return fmt.Sprintf("%v: %s", err, bytes.ReplaceAll(message, []byte{codecfix.SOH}, []byte("|")))
	}
	var b strings.Builder
	b.Write(m.Type)
	for _, f := range m.Fields[3 : len(m.Fields)-1] {
		if f.Tag != codecfix.SenderCompID && f.Tag != codecfix.SendingTime && f.Tag != codecfix.TargetCompID {
			fmt.Fprintf(&b, " %d=%s", f.Tag, f.Value)
		}
	}
	return b.String()
}

func (p *player) do(command string) string {
	p.out.Reset()
	name, rest, _ := strings.Cut(command, " ")
	args := strings.Fields(rest)
	number := func(i int) int {
		n, err := strconv.Atoi(args[i])
		if err != nil {
			p.t.Fatal(command, err)
		}
		return n
	}
	switch name {
	case "config":
		p.config(args)
	case "in":
		p.in(args)
	case "garbled":
		p.s.Garbled(p.now, p.h)
	case "cut":
		p.s.Disconnected()
	case "wait":
		p.wait(rest)
	case "report":
		p.h.send("8", bodyOfFields(args))
	case "logout":
		p.s.Logout(rest, p.now, p.h)
	case "refuse":
		p.h.refuse = rest
	case "resume":
		p.s.Resume(number(0), p.now, p.h)
	case "logon":
		p.logon(args)
	case "faults":
		p.faults(args)
	case "next":
		p.s.NextOut, p.s.NextIn = uint64(number(0)), uint64(number(1))
	case "show":
		deadline := "none"
		if at := p.s.Deadline(); at != math.MaxInt64 {
			deadline = time.Duration(at - p.now).String()
		}
		fmt.Fprintf(&p.out, "online %t, resending %t, out %d, in %d, deadline %s, executed %v\n",
			p.s.Online(), p.s.Resending(), p.s.NextOut, p.s.NextIn, deadline, p.h.executed)
	default:
		p.t.Fatalf("unknown command %q", command)
	}
	if p.out.Len() == 0 {
		return "-"
	}
	return p.out.String()
}

func bodyOfFields(args []string) []codecfix.Field {
	var m codecfix.Message
	if err := m.Parse(message("8", append(args, "58=end"))); err != nil {
		panic(err)
	}
	body := bodyOf(&m)
	return slices.DeleteFunc(body, func(f codecfix.Field) bool { return f.Tag == 58 })
}

func (p *player) in(args []string) {
	fields := slices.Clone(args[1:])
	version := codecfix.BeginString
	if len(fields) > 0 && strings.HasPrefix(fields[0], "8=") {
		version, fields = fields[0][2:], fields[1:]
	}
	has := func(tag string) bool {
		return slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, tag+"=") })
	}
	for _, f := range []string{"49=TW44", "52=+0", "56=ISLD"} {
		if tag, _, _ := strings.Cut(f, "="); !has(tag) {
			fields = append([]string{f}, fields...)
		}
	}
	for i, f := range fields {
		tag, value, _ := strings.Cut(f, "=")
		if (tag == "52" || tag == "122") && value != "" && strings.ContainsAny(value[:1], "+-") {
			seconds, _ := strconv.Atoi(value)
			fields[i] = tag + "=" + string(codecfix.AppendTime(nil, p.now+int64(seconds)*int64(time.Second)))
		}
	}
	var m codecfix.Message
	if err := m.Parse(message(strings.Trim(args[0], `"`), fields)); err != nil {
		p.t.Fatal(args, err)
	}
	m.Fields[0].Value = []byte(version)
	p.s.Receive(&m, p.now, p.h)
}

// wait goes from deadline to deadline.
func (p *player) wait(d string) {
	duration, err := time.ParseDuration(d)
	if err != nil {
		p.t.Fatal(err)
	}
	from := p.now
	end := p.now + int64(duration)
	for p.s.Deadline() <= end {
		p.now = max(p.now, p.s.Deadline())
		fmt.Fprintf(&p.out, "after %v: ", time.Duration(p.now-from))
		p.s.Tick(p.now, p.h)
		if p.s.Deadline() <= p.now {
			p.t.Fatal("the deadline does not move")
		}
	}
	p.now = end
}

func (p *player) faults(args []string) {
	f := &fix.Faults{}
	fields := map[string]*int{
		"drop": &f.Drop, "delay": &f.Delay, "skip": &f.Skip, "checksum": &f.CheckSum, "bodylength": &f.BodyLength,
		"possdup": &f.PossDup, "repeat": &f.Repeat, "swap": &f.Swap, "cut": &f.Cut, "reject": &f.Reject,
	}
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		n, err := strconv.Atoi(value)
		if err != nil || fields[name] == nil {
			p.t.Fatal(a)
		}
		*fields[name] = n
	}
	p.s.Faults = f
}

func (p *player) logon(args []string) {
	o := fix.Initiation{Fields: func(w *codecfix.Writer) { w.Text(codecfix.Password, "secret") }}
	for _, a := range args {
		switch name, value, _ := strings.Cut(a, "="); name {
		case "interval":
			n, _ := strconv.Atoi(value)
			o.Interval = int64(n)
		case "reset":
			o.Reset = true
		case "next":
			o.Next = true
		default:
			p.t.Fatal(a)
		}
	}
	p.s.Initiate(o, p.now, p.h)
}
