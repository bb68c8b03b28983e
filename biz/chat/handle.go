package chat

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// Refusals of requests that are beyond a limit. Clients get their texts.
var (
	errSessionRooms = fmt.Errorf("this session is in %d rooms already; leave one first", maxSessionRooms)
	errRooms        = fmt.Errorf("there are %d rooms already; join one of them", maxRooms)
	errName         = fmt.Errorf("the name of a room has at most %d bytes of printable UTF-8", maxNameBytes)
	errNoText       = errors.New("the text is empty")
	errText         = errors.New("the text is not UTF-8")
	errAction       = errors.New("unknown action")
)

// Handle executes a Chat request. sender is the customer number of who is logged in, "" for
// nobody.
func (r *Rooms) Handle(c *engine.Context, sender string) {
	if sender == "" && !isChat(c.Session) {
		fail(c, codec.ResultUnauthenticated, "log in first")
		return
	}
	var request pb.ChatRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		fail(c, codec.ResultMalformed, "malformed Chat body: it is not a ChatRequest message")
		return
	}
	reply, err := r.execute(c.Session, sender, &request)
	if err != nil {
		fail(c, codec.ResultRejected, err.Error())
		return
	}
	if reply == nil { // not a nil *pb.ChatReply in an interface
		c.Reply(codec.ResultOK, nil)
		return
	}
	c.Reply(codec.ResultOK, reply)
}

// execute executes a request and returns the body of the reply, if it has one. The error is a
// refusal.
func (r *Rooms) execute(s *engine.Session, sender string, request *pb.ChatRequest) (*pb.ChatReply, error) {
	name := request.Room
	if len(name) > maxNameBytes || !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return nil, errName
	}
	switch request.Action {
	case pb.ChatAction_CHAT_ACTION_UNSPECIFIED:
		if err := checkText(request.Text); err != nil {
			return nil, err
		}
		m := r.member(s, sender)
		x, err := r.join(m, name)
		if err != nil {
			return nil, err
		}
		x.say(m, request.Text)
		return nil, nil
	case pb.ChatAction_CHAT_ACTION_JOIN:
		_, err := r.join(r.member(s, sender), name)
		return nil, err
	case pb.ChatAction_CHAT_ACTION_LEAVE:
		m := r.member(s, sender)
		if x := m.in(name); x != nil {
			r.leave(m, x)
		}
		return nil, nil
	case pb.ChatAction_CHAT_ACTION_WHO:
		return r.list(name, request.After, listLimit(s, request.Limit)), nil
	default:
		return nil, errAction
	}
}

func checkText(text string) error {
	switch {
	case text == "":
		return errNoText
	case len(text) > maxTextBytes:
		return fmt.Errorf("the text has %d bytes, at most %d are possible", len(text), maxTextBytes)
	case !utf8.ValidString(text):
		return errText
	default:
		return nil
	}
}

// listLimit returns how many members a list for the session has. That for a chat listener is
// not paged.
func listLimit(s *engine.Session, limit uint32) int {
	switch {
	case isChat(s):
		return maxList
	case limit == 0:
		return maxPage
	default:
		return int(min(limit, maxPage))
	}
}

func fail(c *engine.Context, r codec.Result, message string) { c.Reply(r, &pb.Error{Message: message}) }
