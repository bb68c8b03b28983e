package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"holdfast/biz/client"
)

// event is one line of a client's JSON output. Fields are only added, never renamed.
type event struct {
	Event    string `json:"event"`              // connected, account, reply, error, push, break, lost, reconnected
	Line     int    `json:"line,omitempty"`     // of reply and error: the line of input, from 1
	Command  string `json:"command,omitempty"`  // of reply and push: the protocol's name
	Sequence uint64 `json:"sequence,omitempty"` // of push: its number in the account
	Result   string `json:"result,omitempty"`   // of reply and error: the protocol's name
	Server   string `json:"server,omitempty"`   // of connected: its address; of reconnected: if it is another
	Resumed  bool   `json:"resumed,omitempty"`  // of reconnected: the missed pushes follow
	Message  string `json:"message,omitempty"`  // for people
	Body     any    `json:"body,omitempty"`     // the protocol's message
}

// Results of replies; those of errors are the names of the protocol.
const (
	resultOK        = "OK"
	resultDuplicate = "DUPLICATE"
)

// pushEvent returns the event for a push.
func pushEvent(p client.Push) event {
	e := event{Event: "push", Sequence: p.Sequence, Body: p.Event}
	switch body := p.Event.(type) {
	case client.Notice:
		e.Command = "Notice"
	case client.PositionUpdate:
		e.Command = "PositionUpdate"
	case client.Execution:
		e.Command = "Execution"
	case client.ExecutionBusted:
		e.Command = "ExecutionBusted"
	case client.OrderUpdate:
		e.Command = "OrderUpdate"
	case client.AccountUpdate:
		e.Command = "AccountUpdate"
	case client.Quote:
		e.Command = "Quote"
	case client.ChatMessage:
		e.Command = "ChatMessage"
	case client.UnknownPush:
		e.Command, e.Body = fmt.Sprintf("%#02x", body.Command), body.Body // in base64
	case client.SequenceBreak:
		return event{Event: "break", Message: body.String()}
	}
	return e
}

// errorEvent returns the event for an error of a line of input; 0: of the client.
func errorEvent(err error, line int) event {
	e := event{Event: "error", Line: line, Message: err.Error()}
	var refused *client.Error
	if errors.As(err, &refused) {
		e.Result, e.Body = refused.Result.String(), refused
	}
	return e
}

// ReplyLine returns the event for the reply to a command of the protocol, as a line of JSON, for
// commands without a prompt. The body is a type of the package client, or nil.
func ReplyLine(command string, body any) string {
	return JSONLine(event{Event: "reply", Command: command, Result: resultOK, Body: body})
}

// ErrorLine returns the event for the failure of a command, as a line of JSON.
func ErrorLine(err error) string { return JSONLine(errorEvent(err, 0)) }

// reportedError is an error that the JSON output has already shown.
type reportedError struct{ error }

// Unwrap returns the error alone.
func (e reportedError) Unwrap() error { return e.error }

// Reported reports whether the JSON output of Run or Chat has shown err, or each of the failures
// that it counts.
func Reported(err error) bool {
	var reported reportedError
	return errors.As(err, &reported) || errors.Is(err, errCommands) || errors.Is(err, errChatLines)
}

// JSONLine returns v as one line of JSON. Characters that are not visible are escaped, so
// that text of others can't control a terminal.
func JSONLine(v any) string {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return JSONLine(event{Event: "error", Message: err.Error()})
	}
	return escapeInvisible(line.String())
}

// escapeInvisible escapes characters of JSON outside ASCII, which are all inside of strings.
func escapeInvisible(text string) string {
	hidden := func(r rune) bool {
		return r >= 0x7f && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r)
	}
	if strings.IndexFunc(text, hidden) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch high, low := utf16.EncodeRune(r); {
		case !hidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// say prints text, or in JSON mode the event. An empty text is not printed.
func (sh *shell) say(text string, e event) {
	if sh.json {
		text = JSONLine(e)
	}
	if text != "" {
		sh.print(text)
	}
}

// reply prints what the command of the present line returned. Goroutine: the one that
// executes lines.
func (sh *shell) reply(text, command string, body any) {
	sh.say(text, event{Event: "reply", Line: sh.line, Command: command, Result: resultOK, Body: body})
}
