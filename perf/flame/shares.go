package flame

// Share is the part of a profile that belongs to one class.
type Share struct {
	Class Class `json:"class"`
	Value int64 `json:"value"` // in the profile's unit
	// Share of the profile's total, 0 to 1.
	Share float64 `json:"share"`
}

// Shares returns the share of every class, in the order of Classes.
func (p *Profile) Shares() []Share {
	c := NewClassifier()
	values := make(map[Class]int64)
	for _, s := range p.Stacks {
		values[c.Stack(s.Frames)] += s.Value
	}
	var shares []Share
	for _, class := range Classes() {
		s := Share{Class: class, Value: values[class]}
		if p.Total != 0 {
			s.Share = float64(s.Value) / float64(p.Total)
		}
		shares = append(shares, s)
	}
	return shares
}
