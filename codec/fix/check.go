package fix

// Reject says why a message is not one of FIX 4.4, as Reject (3) reports it.
type Reject struct {
	// RefTag is the field (371), if HasTag.
	RefTag int
	HasTag bool
	// Reason is SessionRejectReason (373).
	Reason Reason
}

// Text is the reason in words (58).
func (r *Reject) Text() string { return r.Reason.String() }

// Check returns nil for a message that has the fields that FIX 4.4 wants, in an allowed order and with
// allowed values; otherwise the first fault. What is required is checked last.
//
// The order within header, body and trailer is free, but a repeating group follows the field of its
// count, and the fields of its entries are in the order of FIX 4.4. The body of a message that the
// dictionary does not contain is checked field by field only.
func (d *Dictionary) Check(m *Message) *Reject {
	if len(m.Type) == 0 {
		return refuse(MsgType, TagWithoutValue)
	}
	w := walk{layout: d.layout(m.Type)}
	if w.layout == nil {
		return &Reject{Reason: InvalidMsgType}
	}
	possDup := false
	for i := 0; i < len(m.Fields); {
		f := &m.Fields[i]
		r := d.checkField(m.Fields, i)
		if r != nil {
			return r
		}
		mem, r := w.step(d, f.Tag)
		if r != nil {
			return r
		}
		i++
		switch {
		case mem == nil:
		case mem.group != nil:
			if i, r = d.checkGroup(mem.group, m.Fields, i); r != nil {
				return r
			}
		case mem.tag == PossDupFlag:
			possDup = f.Value[0] == 'Y'
		}
	}
	if w.required != w.layout.required {
		return w.missing()
	}
	if possDup && !w.saw(OrigSendingTime) && w.layout != d.short[sequenceReset] {
		return refuse(OrigSendingTime, RequiredTagMissing)
	}
	return nil
}

// sequenceReset is the type of the message that engines send again without OrigSendingTime.
const sequenceReset = '4'

// walk goes through the fields of a message that are in no group.
type walk struct {
	layout   *layout
	section  section              // that the last field is in
	seen     [maxTags / 64]uint64 // a bit for each tag
	required int                  // required fields so far
}

// step goes to the field with a tag. The member is nil for a field that the layout does not have, but
// that is allowed.
func (w *walk) step(d *Dictionary, tag int) (*member, *Reject) {
	mem, _ := w.layout.at(tag)
	if mem == nil {
		if d.field(tag) != nil && !w.layout.partial && !d.UnknownFields {
			return nil, refuse(tag, TagNotDefinedForType)
		}
		if w.section > inBody {
			return nil, refuse(tag, TagOutOfOrder)
		}
		w.section = inBody
		return nil, nil
	}
	if mem.section < w.section {
		return nil, refuse(tag, TagOutOfOrder)
	}
	if w.saw(tag) {
		return nil, refuse(tag, TagRepeated)
	}
	w.section = mem.section
	w.see(tag)
	if mem.required {
		w.required++
	}
	return mem, nil
}

func (w *walk) see(tag int) { w.seen[tag>>6] |= 1 << (tag & 63) }

func (w *walk) saw(tag int) bool { return w.seen[tag>>6]&(1<<(tag&63)) != 0 }

// missing returns the reject for the first required member that walk did not see.
func (w *walk) missing() *Reject {
	for i := range w.layout.members {
		if m := &w.layout.members[i]; m.required && !w.saw(m.tag) {
			return refuse(m.tag, RequiredTagMissing)
		}
	}
	return refuse(w.layout.members[0].tag, RequiredTagMissing)
}

// checkField checks a field by itself, and a length with the data field after it.
func (d *Dictionary) checkField(fields []Field, i int) *Reject {
	f := &fields[i]
	if len(f.Value) == 0 {
		return refuse(f.Tag, TagWithoutValue)
	}
	def := d.field(f.Tag)
	switch {
	case def == nil:
		if !d.allows(f.Tag) {
			return refuse(f.Tag, InvalidTag)
		}
	case def.kind != anyText && !def.kind.valid(f.Value):
		return refuse(f.Tag, IncorrectFormat)
	case def.listed && !def.lists(f.Value):
		return refuse(f.Tag, ValueIncorrect)
	case dataTags[f.Tag] != 0:
		return checkData(fields, i)
	}
	return nil
}

// checkData checks that the data after a length has that length.
func checkData(fields []Field, i int) *Reject {
	tag := fields[i].Tag
	if i+1 == len(fields) || fields[i+1].Tag != int(dataTags[tag]) {
		return nil
	}
	if n, ok := number(fields[i].Value); !ok || n != len(fields[i+1].Value) {
		return refuse(tag, ValueIncorrect)
	}
	return nil
}

// allows reports whether a switch allows a tag that FIX 4.4 does not define.
func (d *Dictionary) allows(tag int) bool {
	if tag >= firstUserTag {
		return d.UserFields
	}
	return d.UnknownFields && tag > 0 && d.field(tag) == nil
}

// checkGroup checks the entries of a group, whose first field is fields[i] and whose count is the
// field in front of it. It returns the place after the group.
func (d *Dictionary) checkGroup(l *layout, fields []Field, i int) (int, *Reject) {
	count, entries := &fields[i-1], 0
	var r *Reject
	for i < len(fields) && fields[i].Tag == l.members[0].tag {
		entries++
		if i, r = d.checkEntry(l, fields, i); r != nil {
			return 0, r
		}
	}
	if n, ok := number(count.Value); ok && n == entries {
		return i, nil
	}
	if i < len(fields) {
		if _, place := l.at(fields[i].Tag); place > 0 {
			return 0, refuse(fields[i].Tag, GroupOutOfOrder)
		}
	}
	return 0, refuse(count.Tag, GroupCountIncorrect)
}

// checkEntry checks an entry of a group and returns the place after it.
func (d *Dictionary) checkEntry(l *layout, fields []Field, i int) (int, *Reject) {
	start, last, required := i, 0, 0
	for i < len(fields) {
		f := &fields[i]
		mem, place := l.at(f.Tag)
		if mem == nil && !d.allows(f.Tag) || place == 1 && i > start {
			break
		}
		r := d.checkField(fields, i)
		if r != nil {
			return 0, r
		}
		i++
		if mem == nil {
			continue
		}
		if place <= last {
			return 0, refuse(f.Tag, repeatedOr(place == last))
		}
		last = place
		if mem.required {
			required++
		}
		if mem.group != nil {
			if i, r = d.checkGroup(mem.group, fields, i); r != nil {
				return 0, r
			}
		}
	}
	if required != l.required {
		return 0, missing(l, fields[start:i])
	}
	return i, nil
}

// Body returns the body of a message that Check has passed, in parts: a field, or a repeating group with the
// field of its count. The parts alias the message.
func (d *Dictionary) Body(m *Message) (parts [][]Field) {
	l := d.layout(m.Type)
	for i := 0; i < len(m.Fields); {
		start := i
		mem, _ := l.at(m.Fields[i].Tag)
		i++
		if mem != nil && mem.group != nil {
			i, _ = d.checkGroup(mem.group, m.Fields, i)
		}
		if mem == nil || mem.section == inBody {
			parts = append(parts, m.Fields[start:i:i])
		}
	}
	return parts
}

func repeatedOr(repeated bool) Reason {
	if repeated {
		return TagRepeated
	}
	return GroupOutOfOrder
}

// missing returns the reject for an entry that lacks a required member.
func missing(l *layout, entry []Field) *Reject {
	w := walk{layout: l}
	for i := range entry {
		if tag := entry[i].Tag; uint(tag) < maxTags {
			w.see(tag)
		}
	}
	return w.missing()
}

func refuse(tag int, reason Reason) *Reject {
	return &Reject{RefTag: tag, HasTag: true, Reason: reason}
}

// lists reports whether a value, or each of several with spaces between them, is in the list.
func (f *definition) lists(v []byte) bool {
	if f.kind != multiple {
		return f.listsOne(v)
	}
	for start, i := 0, 0; i <= len(v); i++ {
		if i == len(v) || v[i] == ' ' {
			if !f.listsOne(v[start:i]) {
				return false
			}
			start = i + 1
		}
	}
	return true
}

func (f *definition) listsOne(v []byte) bool {
	if len(v) == 1 {
		return v[0] < 128 && f.chars[v[0]>>6]&(1<<(v[0]&63)) != 0
	}
	for i := range f.values {
		if f.values[i].text == string(v) {
			return true
		}
	}
	return false
}
