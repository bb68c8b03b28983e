package ledger

// index finds ring slots by hash: open addressing with linear probing, at most
// half full. The built-in map would allocate now and then under steady insertion
// and deletion.
type index []entry

type entry struct {
	tag  tag
	slot uint16 // ring slot + 1; 0 is a free entry
}

// tag is a hash of a client order id; 0 stands for no id. An index with more
// entries than there are tags would be no use, which bounds MaxRecent.
type tag uint16

// grown returns an index for up to n entries that holds what x holds.
func (x index) grown(n int) index {
	size := 8
	for size < 2*n {
		size *= 2
	}
	y := make(index, size)
	for _, e := range x {
		if e.slot != 0 {
			y.insert(e)
		}
	}
	return y
}

// find returns where the entry with this tag is whose slot is the wanted one, or
// -1.
func (x index) find(t tag, wanted func(slot int) bool) int {
	mask := len(x) - 1
	for i := int(t) & mask; x[i].slot != 0; i = (i + 1) & mask {
		if x[i].tag == t && wanted(int(x[i].slot-1)) {
			return i
		}
	}
	return -1
}

func (x index) insert(e entry) {
	mask := len(x) - 1
	i := int(e.tag) & mask
	for x[i].slot != 0 {
		i = (i + 1) & mask
	}
	x[i] = e
}

// remove frees entry i and moves later ones of the same run up, so that no probe
// stops short of them.
func (x index) remove(i int) {
	mask := len(x) - 1
	for j := (i + 1) & mask; x[j].slot != 0; j = (j + 1) & mask {
		home := int(x[j].tag) & mask
		if (j-home)&mask >= (j-i)&mask {
			x[i] = x[j]
			i = j
		}
	}
	x[i] = entry{}
}
