package chaos

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// traceFlags returns the flags for a trace that readTrace can read: strings as
// hexadecimal escapes, descriptors with their file names.
func traceFlags(output string, more ...string) []string {
	flags := []string{
		"strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "4194304", "-e", "signal=none",
		"-e", "trace=pwrite64,pwritev,pwritev2,fsync,fdatasync,write,writev,sendto,sendmsg,sendmmsg", "-o", output,
	}
	return append(flags, more...)
}

// call is the start or the end of a system call, or both if no other call is in between.
// strace resumes a thread only after it has written the thread's call, so the order of
// lines respects cause and effect.
type call struct {
	thread     int
	name       string
	file       string // file of the descriptor; only with starts
	content    []byte // bytes written; only with starts, valid until the next call
	starts     bool
	ends       bool
	result     int // only with ends; below 0: an error
	unreadable bool
}

// readTrace passes the calls of a trace to each, in order.
func readTrace(trace io.Reader, each func(*call)) error {
	r := bufio.NewReaderSize(trace, 1<<20)
	var line []byte
	var c call
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil || len(line) > 0:
			if parseCall(line, &c) {
				each(&c)
			}
			line = line[:0]
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// parseCall reads one line:
//
//	31 fsync(3<\x2f\x61> <unfinished ...>
//	31 <... fsync resumed>)                 = 0
//	31 write(8<\x73>, "\x7a\x7a", 2)        = 2
//
// It returns false for other lines.
func parseCall(line []byte, c *call) bool {
	*c = call{content: c.content[:0]}
	thread, rest, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
	var err error
	if c.thread, err = strconv.Atoi(string(thread)); err != nil {
		return false
	}
	rest = bytes.TrimLeft(rest, " ")
	if after, resumed := bytes.CutPrefix(rest, []byte("<... ")); resumed {
		name, _, _ := bytes.Cut(after, []byte(" "))
		c.name, c.ends = string(name), true
		c.result = resultOf(rest)
		return true
	}
	name, arguments, found := bytes.Cut(rest, []byte("("))
	if !found {
		return false
	}
	c.name, c.starts = string(name), true
	c.ends = !bytes.HasSuffix(rest, []byte("<unfinished ...>"))
	c.result = resultOf(rest)
	_, arguments, _ = bytes.Cut(arguments, []byte("<"))
	file, arguments, _ := bytes.Cut(arguments, []byte(">"))
	c.file = string(appendEscaped(nil, file))
	for {
		_, after, found := bytes.Cut(arguments, []byte(`"`))
		if !found {
			return true
		}
		text, after, _ := bytes.Cut(after, []byte(`"`))
		c.content = appendEscaped(c.content, text)
		c.unreadable = c.unreadable || bytes.HasPrefix(after, []byte("...")) // cut off
		arguments = after
	}
}

// resultOf returns the number after the last equals sign, or -1.
func resultOf(line []byte) int {
	i := bytes.LastIndexByte(line, '=')
	number, _, _ := bytes.Cut(bytes.TrimSpace(line[i+1:]), []byte(" "))
	n, err := strconv.Atoi(string(number))
	if i < 0 || err != nil {
		return -1
	}
	return n
}

// appendEscaped appends the bytes of text, which are escaped as \x41.
func appendEscaped(dst, text []byte) []byte {
	for ; len(text) >= 4; text = text[4:] {
		dst = append(dst, nibble(text[2])<<4|nibble(text[3]))
	}
	return dst
}

func nibble(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}
