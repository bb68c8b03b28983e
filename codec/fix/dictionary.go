package fix

import (
	_ "embed"
	"strconv"
	"strings"
)

// table describes FIX 4.4; its first lines say how.
//
//go:embed fix44.txt
var table string

// maxTags is above the last tag of FIX 4.4 (956), a power of two.
const maxTags = 1024

// firstUserTag is the lowest tag that FIX leaves to its users.
const firstUserTag = 5000

// Dictionary is what FIX 4.4 says about fields and messages. Any goroutine may use it once its
// switches are set. It takes some 450 KiB.
type Dictionary struct {
	// UserFields accepts tags from 5000 on in every message (default: Check rejects them).
	UserFields bool
	// UnknownFields accepts tags that FIX 4.4 does not have for the message (default: Check rejects them).
	UnknownFields bool

	fields   [maxTags]definition
	short    [128]*layout // messages with a type of one character
	messages map[string]*layout
}

// definition is a field of FIX 4.4; it has no name if the tag is not defined.
type definition struct {
	name   string
	kind   kind
	listed bool      // only the values below are allowed
	chars  [2]uint64 // values of one character, a bit for each
	values []value
}

// value is one of the values that a field may have.
type value struct{ text, meaning string }

// layout is the fields of a message or of a group's entry.
type layout struct {
	name     string
	partial  bool            // the body is not in the table
	place    [maxTags]uint16 // of a tag in members, from 1
	members  []member
	required int // members
}

// member is a field of a layout.
type member struct {
	tag      int
	section  section
	required bool
	group    *layout // of the entries that the field counts
}

// section is a part of a message.
type section uint8

const (
	inHeader section = iota
	inBody
	inTrailer
)

// NewDictionary returns the dictionary of FIX 4.4. All header and trailer fields, and the bodies of the
// messages that holdfast sends or receives, are in it; of other messages only that they exist.
func NewDictionary() *Dictionary {
	d := &Dictionary{messages: map[string]*layout{}}
	b := builder{d: d, components: map[string][]member{}}
	for line := range strings.SplitSeq(strings.ReplaceAll(table, "\n  ", " "), "\n") {
		if word := strings.Fields(line); len(word) > 0 && word[0] != "#" {
			b.add(word[0], word[1:])
		}
	}
	return d
}

// Name returns the name of a field, empty if FIX 4.4 does not define the tag.
func (d *Dictionary) Name(tag int) string {
	if f := d.field(tag); f != nil {
		return f.name
	}
	return ""
}

// MessageName returns the name of a type of message, empty if FIX 4.4 does not define it.
func (d *Dictionary) MessageName(msgType []byte) string {
	if l := d.layout(msgType); l != nil {
		return l.name
	}
	return ""
}

// Meaning returns the name of a field's value, empty if the value has none.
func (d *Dictionary) Meaning(tag int, v []byte) string {
	if f := d.field(tag); f != nil {
		for i := range f.values {
			if f.values[i].text == string(v) {
				return f.values[i].meaning
			}
		}
	}
	return ""
}

// field returns the definition of a tag, nil without one.
func (d *Dictionary) field(tag int) *definition {
	if uint(tag) < maxTags && d.fields[tag].name != "" {
		return &d.fields[tag]
	}
	return nil
}

// layout returns the layout of a type of message, nil if FIX 4.4 has no such type.
func (d *Dictionary) layout(msgType []byte) *layout {
	if len(msgType) == 1 && msgType[0] < 128 {
		return d.short[msgType[0]]
	}
	return d.messages[string(msgType)]
}

// at returns the member with a tag, and its place from 1; nil and 0 without one.
func (l *layout) at(tag int) (m *member, place int) {
	if uint(tag) >= maxTags || l.place[tag] == 0 {
		return nil, 0
	}
	place = int(l.place[tag])
	return &l.members[place-1], place
}

// builder makes a Dictionary of the lines of the table. The table is part of the program, so that a
// fault in it is a panic.
type builder struct {
	d               *Dictionary
	components      map[string][]member
	header, trailer []member
}

func (b *builder) add(word string, rest []string) {
	switch word {
	case "field":
		b.field(rest)
	case "component":
		b.components[rest[0]] = b.parts(rest[1:])
	case "header":
		b.header = in(inHeader, b.parts(rest))
	case "trailer":
		b.trailer = in(inTrailer, b.parts(rest))
	case "message":
		b.message(rest)
	default:
		panic("fix: line " + word)
	}
}

func (b *builder) field(word []string) {
	f := definition{name: word[1], kind: kindOf(word[2]), listed: len(word) > 3}
	for _, v := range word[3:] {
		text, meaning, _ := strings.Cut(v, "=")
		f.values = append(f.values, value{text, meaning})
		if len(text) == 1 {
			f.chars[text[0]>>6] |= 1 << (text[0] & 63)
		}
	}
	b.d.fields[tagIn(word[0])] = f
}

func (b *builder) message(word []string) {
	body := in(inBody, b.parts(word[2:]))
	l := newLayout(b.header, body, b.trailer)
	l.name, l.partial = word[1], len(body) == 0
	b.d.messages[word[0]] = l
	if len(word[0]) == 1 {
		b.d.short[word[0][0]] = l
	}
}

// parts returns the members of a list of parts.
func (b *builder) parts(word []string) []member {
	text := strings.NewReplacer("(", " ( ", ")", " ) ").Replace(strings.Join(word, " "))
	members, _ := b.list(strings.Fields(text))
	return members
}

// list returns the members up to the end of the list or of the group.
func (b *builder) list(word []string) (members []member, rest []string) {
	for len(word) > 0 && word[0] != ")" {
		name, required := strings.CutSuffix(word[0], "!")
		word = word[1:]
		if component, ok := strings.CutPrefix(name, "@"); ok {
			members = append(members, b.component(component, required)...)
			continue
		}
		m := member{tag: tagIn(name), required: required}
		if len(word) > 0 && word[0] == "(" {
			var entry []member
			entry, word = b.list(word[1:])
			m.group, word = newLayout(entry), word[1:]
		}
		members = append(members, m)
	}
	return members, word
}

// component returns the members of a component; those of an optional one are optional.
func (b *builder) component(name string, required bool) []member {
	members, ok := b.components[name]
	if !ok {
		panic("fix: component " + name)
	}
	members = append([]member(nil), members...)
	for i := range members {
		members[i].required = members[i].required && required
	}
	return members
}

func tagIn(s string) int {
	tag, err := strconv.Atoi(s)
	if err != nil || tag < 1 || tag >= maxTags {
		panic("fix: tag " + s)
	}
	return tag
}

func in(s section, members []member) []member {
	for i := range members {
		members[i].section = s
	}
	return members
}

func newLayout(lists ...[]member) *layout {
	l := &layout{}
	for _, members := range lists {
		for _, m := range members {
			if l.place[m.tag] != 0 {
				panic("fix: tag " + strconv.Itoa(m.tag) + " twice")
			}
			l.members = append(l.members, m)
			l.place[m.tag] = uint16(len(l.members))
			if m.required {
				l.required++
			}
		}
	}
	return l
}
