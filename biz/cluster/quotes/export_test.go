package quotes

// MaxPending is maxPending.
const MaxPending = maxPending

// Decode decodes a message and returns it encoded again, as one message or as more.
func Decode(message []byte) (again [][]byte, prices int, err error) {
	h, events, err := decode(message)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range events {
		prices += len(e.prices)
	}
	for _, body := range encode(events) {
		again = append(again, append(h.append(nil), body...))
	}
	return again, prices, nil
}
