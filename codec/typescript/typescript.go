// Package typescript writes the messages of the protocol as TypeScript, for the client in
// web/client: types, and tables from which the client encodes and decodes JSON bodies.
package typescript

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Messages returns the file messages.ts. proto is the text of holdfast.proto, which has the
// comments that a descriptor lacks.
func Messages(proto []byte) []byte {
	w := &writer{comments: comments(proto)}
	w.line("// Code generated from codec/pb/holdfast.proto by codec/typescript. DO NOT EDIT.")
	file := pb.File_holdfast_proto
	w.enums(file.Enums())
	w.messages(file.Messages())
	w.commands(file.Messages())
	return w.out.Bytes()
}

// comments returns the comments of a proto file by the name of what follows: "Order",
// "Order.price", "Side.SIDE_BUY".
func comments(proto []byte) map[string][]string {
	var (
		found   = make(map[string][]string)
		block   = regexp.MustCompile(`^(?:message|enum) (\w+) \{`)
		member  = regexp.MustCompile(`^(?:[\w.]+ )*(\w+) = \d+;`)
		parent  string
		pending []string
	)
	for line := range strings.Lines(string(proto)) {
		line = strings.TrimSpace(line)
		if text, is := strings.CutPrefix(line, "// "); is {
			pending = append(pending, text)
			continue
		}
		if m := block.FindStringSubmatch(line); m != nil {
			parent = m[1]
			found[parent] = pending
		} else if m := member.FindStringSubmatch(line); m != nil {
			found[parent+"."+m[1]] = pending
		}
		pending = nil
	}
	return found
}

type writer struct {
	out      bytes.Buffer
	comments map[string][]string
}

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(&w.out, format+"\n", args...)
}

func (w *writer) comment(indent, name string) {
	lines := w.comments[name]
	switch len(lines) {
	case 0:
	case 1:
		w.line("%s/** %s */", indent, lines[0])
	default:
		w.line("%s/**", indent)
		for _, l := range lines {
			w.line("%s * %s", indent, l)
		}
		w.line("%s */", indent)
	}
}

// typeName is the name of a message or enum in TypeScript, where Error is something else.
func typeName(d protoreflect.Descriptor) string {
	if d.Name() == "Error" {
		return "ErrorBody"
	}
	return string(d.Name())
}

// enums writes the names of each enum as a list, whose first element has the number 0, and as a
// type.
func (w *writer) enums(list protoreflect.EnumDescriptors) {
	w.line("")
	w.line("/** The names of the enums. The first one has the number 0. */")
	w.line("export const enums = {")
	for i := range list.Len() {
		e := list.Get(i)
		w.line("  %s: [", typeName(e))
		for j := range e.Values().Len() {
			v := e.Values().Get(j)
			w.comment("    ", string(e.Name())+"."+string(v.Name()))
			w.line("    %q,", v.Name())
		}
		w.line("  ],")
	}
	w.line("} as const;")
	for i := range list.Len() {
		e := list.Get(i)
		w.line("")
		w.comment("", string(e.Name()))
		w.line("export type %s = (typeof enums.%[1]s)[number];", typeName(e))
	}
}

func (w *writer) messages(list protoreflect.MessageDescriptors) {
	for i := range list.Len() {
		m := list.Get(i)
		w.line("")
		w.comment("", string(m.Name()))
		w.line("export interface %s {", typeName(m))
		for f := range fields(m) {
			w.comment("  ", string(m.Name())+"."+string(f.Name()))
			optional := ""
			if isOptional(f) {
				optional = "?"
			}
			w.line("  %s%s: %s;", f.JSONName(), optional, typeOf(f))
		}
		w.line("}")
	}
	w.line("")
	w.line("/** The messages by name. */")
	w.line("export interface Messages {")
	for i := range list.Len() {
		w.line("  %s: %[1]s;", typeName(list.Get(i)))
	}
	w.line("}")
	w.tables(list)
}

// tables writes what each field holds: a scalar, or the name of an enum or a message, with [] if
// it is repeated and ? if it may be unset.
func (w *writer) tables(list protoreflect.MessageDescriptors) {
	w.line("")
	w.line("/**")
	w.line(" * What each field holds: a scalar, or an enum or a message by its name; with [] if it is a list,")
	w.line(" * with ? if it may be unset. 64-bit integers are bigint, bytes a string in base64.")
	w.line(" */")
	w.line("export const fields = {")
	for i := range list.Len() {
		m := list.Get(i)
		w.line("  %s: {", typeName(m))
		for f := range fields(m) {
			kind := kindOf(f)
			if f.IsList() {
				kind += "[]"
			} else if isOptional(f) {
				kind += "?"
			}
			w.line("    %s: %q,", f.JSONName(), kind)
		}
		w.line("  },")
	}
	w.line("} as const;")
}

func fields(m protoreflect.MessageDescriptor) func(yield func(protoreflect.FieldDescriptor) bool) {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		for i := range m.Fields().Len() {
			if !yield(m.Fields().Get(i)) {
				return
			}
		}
	}
}

// isOptional reports whether a field may be unset: a message, or one of a oneof.
func isOptional(f protoreflect.FieldDescriptor) bool { return !f.IsList() && f.HasPresence() }

func kindOf(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return typeName(f.Message())
	case protoreflect.EnumKind:
		return typeName(f.Enum())
	case protoreflect.BoolKind:
		return "boolean"
	case protoreflect.Int32Kind, protoreflect.Uint32Kind:
		return "number"
	case protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return "bigint"
	case protoreflect.BytesKind, protoreflect.StringKind:
		return "string"
	}
	panic("typescript: no type for " + f.Kind().String())
}

func typeOf(f protoreflect.FieldDescriptor) string {
	if f.IsList() {
		return kindOf(f) + "[]"
	}
	return kindOf(f)
}

// commands writes which messages the commands have as bodies, and the results.
func (w *writer) commands(list protoreflect.MessageDescriptors) {
	w.line("")
	w.line("/** The commands, with the messages in their requests and replies. */")
	w.line("export const requests = {")
	for c := codec.Command(1); c < codec.CommandFIX; c++ {
		if name := c.String(); isNamed(name) {
			w.line("  %s: { request: %q, reply: %q },", name, messageOf(list, name+"Request"), messageOf(list, name+"Reply"))
		}
	}
	w.line("} as const;")
	w.line("")
	w.line("/** The pushes, with their messages. */")
	w.line("export const pushes = {")
	for c := codec.PushHeartbeat; c.IsPush(); c++ {
		if name := c.String(); isNamed(name) {
			w.line("  %s: %q,", name, messageOf(list, name))
		}
	}
	w.line("} as const;")
	var results []string
	for r := codec.ResultOK; isNamed(r.String()); r++ {
		results = append(results, fmt.Sprintf("%q", r))
	}
	w.line("")
	w.line("/** The results of replies. */")
	w.line("export const results = [\n  %s,\n] as const;", strings.Join(results, ",\n  "))
	w.line("")
	w.line("export type Result = (typeof results)[number];")
}

func isNamed(name string) bool { return !slices.Contains([]byte("0123456789"), name[0]) }

// messageOf returns the name if there is such a message, else "".
func messageOf(list protoreflect.MessageDescriptors, name string) string {
	if m := list.ByName(protoreflect.Name(name)); m != nil {
		return typeName(m)
	}
	return ""
}
