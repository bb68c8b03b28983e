package scenario

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/biz/client"
)

// outcome is what became of an action.
type outcome struct {
	// head is the status of an order, OK for other commands, and REJECTED or another result of
	// the protocol for what was refused.
	head    string
	refused *client.Error
	// duplicate means that it was done before.
	duplicate bool
	// unexpected means that it was done in another way than the action demands.
	unexpected bool
	line       int // of the expectation that failed; 0: that of the outcome
	facts      facts
	// executions are those that the reply has, in the account of the client.
	executions []client.Execution
	// order is the order that was changed at the request of its client; 0: no order.
	order client.OrderID
	// simple means that it never worked: its reply and its execution say everything.
	simple bool
}

// okHead is the outcome of what has no other one.
const okHead = "OK"

// done is the outcome of a command that has succeeded.
func done() outcome { return outcome{head: okHead, facts: facts{}} }

// count is done with a number.
func count(n int) outcome {
	return outcome{head: okHead, facts: facts{"count": strconv.Itoa(n)}}
}

// refusal returns the outcome of a request that the server has refused. Other errors stay
// errors.
func refusal(err error) (outcome, error) {
	var e *client.Error
	if !errors.As(err, &e) {
		return outcome{}, err
	}
	return outcome{head: e.Result.String(), refused: e, facts: facts{}}, nil
}

// rejected is the head of what a business rule forbids.
const rejected = "REJECTED"

// heads returns the words that an outcome starts with.
func heads() []string {
	return slices.Concat([]string{okHead, rejected, "FORBIDDEN", "UNAUTHENTICATED", "MALFORMED", "OVERLOADED", "UNAVAILABLE", "TOO_LARGE"}, statuses())
}

// duplicateWord is before the head of what was done before.
const duplicateWord = "DUPLICATE"

// isOutcome reports whether a line that starts with this word is an outcome.
func isOutcome(text string) bool {
	return text != "" && text[0] >= 'A' && text[0] <= 'Z'
}

// expectedOutcome is an outcome that a step may have.
type expectedOutcome struct {
	duplicate bool
	head      string
	reason    string      // of a rejection; "": any
	text      string      // in the message of a refusal
	by        []execution // that are in the way of a bust
	facts     []fact
}

const outcomeUsage = `FILLED average 9.90, or REJECTED NOT_ENOUGH_CASH "text of the message", or CANCELLED or REJECTED TOO_LATE`

// outcomes reads a line of outcomes that are separated by "or".
func (l *line) outcomes() (list []expectedOutcome) {
	l.usage = outcomeUsage
	for {
		list = append(list, l.outcome())
		if !l.accept("or") {
			l.end()
			return list
		}
	}
}

func (l *line) outcome() (o expectedOutcome) {
	o.duplicate = l.accept(duplicateWord)
	o.head = l.oneOf("outcome", heads())
	if slices.Contains(statuses(), o.head) || o.head == okHead {
		o.facts = outcomeFields().read(l, nil, "or")
		return o
	}
	if o.head == rejected && l.peek() != "or" && l.peek() != "" {
		o.reason = l.oneOf("reason", reasons())
	}
	if l.accept("by") {
		o.by = append(o.by, l.execution())
		for l.accept(",") {
			o.by = append(o.by, l.execution())
		}
	}
	if l.textNext() {
		o.text = l.text("the message")
	}
	o.facts = outcomeFields().read(l, nil, "or")
	return o
}

// outcomeFields are the fields of an order, and what else can be expected of an action.
func outcomeFields() *fields {
	f := orderFields()
	maps.Copy(f.values, accountFields().values)
	maps.Copy(f.flags, changes())
	for _, name := range []string{"count", "accounts", "executions"} {
		f.values[name] = countText
	}
	return f
}

// String returns the outcome as a file has it.
func (e *expectedOutcome) String() string {
	words := []string{e.head}
	if e.duplicate {
		words = []string{duplicateWord, e.head}
	}
	if e.reason != "" {
		words = append(words, e.reason)
	}
	if e.by != nil {
		words = append(words, "by "+joinTexts(e.by))
	}
	if e.text != "" {
		words = append(words, strconv.Quote(e.text))
	}
	for _, f := range e.facts {
		words = append(words, f.String())
	}
	return strings.Join(words, " ")
}

// describe returns the outcome in the words of what was expected, with more if it was refused.
// blocking are the expected executions in the way of a bust.
func (o *outcome) describe(e *expectedOutcome) string {
	words := []string{o.head}
	if o.duplicate {
		words = []string{duplicateWord, o.head}
	}
	if o.refused != nil {
		if o.refused.Reason != 0 {
			words = append(words, o.refused.Reason.String())
		}
		if o.refused.Error() != "" {
			words = append(words, strconv.Quote(o.refused.Error()))
		}
	}
	if e != nil && o.refused == nil {
		if _, got, _ := o.facts.compare("", e.facts); got != "" {
			words = append(words, got)
		}
	}
	return strings.Join(words, " ")
}

// is reports whether the outcome is as expected, except for what is in the way of a bust.
func (o *outcome) is(e *expectedOutcome) bool {
	if o.unexpected || e.head == okHead && o.refused != nil || e.head != okHead && e.head != o.head || e.duplicate != o.duplicate {
		return false
	}
	if o.refused != nil {
		if e.reason != "" && e.reason != o.refused.Reason.String() || !strings.Contains(o.refused.Error(), e.text) {
			return false
		}
	}
	_, _, ok := o.facts.compare("", e.facts)
	return ok
}

func joinTexts[T fmt.Stringer](list []T) string {
	texts := make([]string, 0, len(list))
	for _, t := range list {
		texts = append(texts, t.String())
	}
	return strings.Join(texts, ", ")
}
