package ledger

// index is a hash table from tags to ring slots, with linear probing and at most half full.
// The built-in map sometimes allocates under steady insertion and deletion.
type index []entry

type entry struct {
	tag  tag
	slot uint16 // ring slot + 1; 0 means a free entry
}

// tag is a hash of a client order id; 0 means no id. With more events than tags the index
// would be useless, so its size limits MaxRecent.
type tag uint16

// grown returns an index for up to n entries, with the entries of x.
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

// find returns the place of the entry with this tag and a wanted slot, or -1.
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

// remove frees entry i and moves later entries of the same run forward, so that probes
// still find them.
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
