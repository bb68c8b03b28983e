package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"holdfast/biz/fserror"
	codecfix "holdfast/codec/fix"
	"holdfast/perf/table"
)

const fixDumpLong = `dump prints the FIX messages of a file, or of standard input (-), one per line, with the
names of messages, fields and values. The file may be any log: what is before and after a
message, such as a time, is printed as it is, and fields may end with SOH, with | or with ^A.
Messages that are incomplete, or whose BodyLength or CheckSum is wrong, are called garbled.`

func newFIXDumpCommand(p *Program) *cobra.Command {
	return &cobra.Command{
		Use: "dump FILE", Short: "print a FIX log with names", Long: fixDumpLong, Args: exactArgs("FILE"),
		Example: `  holdfast fix dump client.log
  tcpdump -i lo -A -s 0 port 8893 | holdfast fix dump -
  holdfast fix dump client.log | grep -c "ExecType=F TRADE"`,
		RunE: func(_ *cobra.Command, args []string) error { return p.dumpFIX(args[0]) },
	}
}

// maxLogLine is the longest line of a FIX log.
const maxLogLine = 16 << 20

func (p *Program) dumpFIX(file string) error {
	in := p.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return fserror.Explain(file, err)
		}
		defer func() { _ = f.Close() }() // read only: nothing is lost
		in = f
	}
	out := bufio.NewWriterSize(p.Stdout, 1<<16)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLogLine)
	lines.Split(splitLog)
	d := codecfix.NewDictionary()
	var b []byte
	found := false
	for lines.Scan() {
		found = found || bytes.Contains(lines.Bytes(), []byte(messageStart))
		b = appendLogLine(b[:0], lines.Bytes(), d)
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	err := lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		err = fmt.Errorf("%s: a line has more than %d bytes; choose a log of FIX messages", file, maxLogLine)
	case err != nil:
		err = fserror.Explain(file, err)
	case !found:
		err = fmt.Errorf("%s has no FIX message (each starts with %s); choose a log of FIX messages, in UTF-8", file, messageStart)
	}
	return errors.Join(out.Flush(), err)
}

// messageStart is how messages of all versions start.
const messageStart = "8=FIX"

// cutLine is how long a line may be before it is cut in front of a message.
const cutLine = 1 << 20

// splitLog is bufio.ScanLines, but cuts long lines: some engines store messages without line ends.
func splitLog(log []byte, atEOF bool) (n int, line []byte, err error) {
	n, line, err = bufio.ScanLines(log, atEOF)
	if n == 0 && len(log) >= cutLine {
		n = max(0, bytes.LastIndex(log, []byte(messageStart)))
		line = log[:n]
	}
	if n == 0 {
		line = nil
	}
	return n, line, err
}

// appendLogLine appends a line of a log, each message with names on a line.
func appendLogLine(dst, line []byte, d *codecfix.Dictionary) []byte {
	for {
		at := bytes.Index(line, []byte(messageStart))
		if at < 0 {
			return append(append(dst, table.Escape(string(line))...), '\n')
		}
		dst = append(dst, table.Escape(string(line[:at]))...)
		frame, n := logMessage(line[at:])
		dst = append(d.AppendDump(dst, frame), '\n')
		if line = line[at+n:]; len(bytes.TrimSpace(line)) == 0 {
			return dst
		}
	}
}

// separators are what logs have in place of SOH.
var separators = []string{"\x01", "|", "^A", "<SOH>", "\\x01", "\\001", "\\u0001", "␁", ";"}

// logMessage returns the message at the start of b, with its SOH, and how many bytes it takes.
func logMessage(b []byte) (frame []byte, n int) {
	var m codecfix.Message
	if n, err := (codecfix.Dialect{}).FrameLen(b, len(b)); err == nil && n <= len(b) && m.Parse(b[:n]) == nil {
		return b[:n], n // also with SOH in data
	}
	version := 0
	for version < len(b) && (b[version] == '=' || b[version] == '.' || b[version] >= '0' && b[version] <= '9' || b[version] >= 'A' && b[version] <= 'Z') {
		version++
	}
	for _, s := range separators {
		if !bytes.HasPrefix(b[version:], []byte(s)) {
			continue
		}
		end := len(b)
		if at := bytes.Index(b, []byte(s+"10=")); at >= 0 {
			end = min(at+len(s)+len("10=nnn"), len(b))
		}
		frame = append(bytes.ReplaceAll(b[:end], []byte(s), []byte{codecfix.SOH}), codecfix.SOH)
		if bytes.HasPrefix(b[end:], []byte(s)) {
			end += len(s)
		}
		return frame, end
	}
	return b, len(b)
}
