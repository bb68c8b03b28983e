package history

// uuidBytes is the size of a UUID without its 36 characters (RFC 9562), as most client order
// ids are.
const uuidBytes = 16

// uuidAt has the position of the first digit of each byte.
var uuidAt = [uuidBytes]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

const hexDigits = "0123456789abcdef"

// notHex is the value of a character that is no digit.
const notHex = 0xff

// hexValue has the value of each digit in small letters, and notHex for other characters.
var hexValue = func() (table [256]byte) {
	for i := range table {
		table[i] = notHex
	}
	for i, c := range []byte(hexDigits) {
		table[c] = byte(i)
	}
	return table
}()

// packUUID sets b to the bytes of a UUID; ok is false if id is no UUID in small letters.
func packUUID(b *[uuidBytes]byte, id *[ClientOrderIDSize]byte) (ok bool) {
	if id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return false
	}
	bad := byte(0)
	for i, at := range uuidAt {
		high, low := hexValue[id[at]], hexValue[id[at+1]]
		bad |= high | low
		b[i] = high<<4 | low
	}
	return bad <= 0xf
}

// unpackUUID is the opposite of packUUID. It leaves id if b is nil.
func unpackUUID(id *[ClientOrderIDSize]byte, b []byte) {
	if b == nil {
		return
	}
	for i, at := range uuidAt {
		id[at], id[at+1] = hexDigits[b[i]>>4], hexDigits[b[i]&0xf]
	}
	id[8], id[13], id[18], id[23] = '-', '-', '-', '-'
}
