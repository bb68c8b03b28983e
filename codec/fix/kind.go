package fix

// kind is the format of a field's value.
type kind uint8

const (
	anyText  kind = iota // anything
	multiple             // texts with one space between them
	char
	boolean
	integer
	count // an integer that is not negative
	amount
	timestamp
	timeOnly
	date
	monthYear
)

// kindOf returns the kind of a type of FIX 4.4.
func kindOf(name string) kind {
	switch name {
	case "STRING", "DATA", "COUNTRY", "CURRENCY", "EXCHANGE":
		return anyText
	case "MULTIPLEVALUESTRING":
		return multiple
	case "CHAR":
		return char
	case "BOOLEAN":
		return boolean
	case "INT":
		return integer
	case "LENGTH", "NUMINGROUP", "SEQNUM":
		return count
	case "AMT", "FLOAT", "PERCENTAGE", "PRICE", "PRICEOFFSET", "QTY":
		return amount
	case "UTCTIMESTAMP":
		return timestamp
	case "UTCTIMEONLY":
		return timeOnly
	case "LOCALMKTDATE", "UTCDATEONLY":
		return date
	case "MONTHYEAR":
		return monthYear
	default:
		panic("fix: type " + name)
	}
}

// valid reports whether a value, which is not empty, has the format.
func (k kind) valid(v []byte) bool {
	switch k {
	case anyText:
		return true
	case multiple:
		return isMultiple(v)
	case char:
		return len(v) == 1
	case boolean:
		return len(v) == 1 && (v[0] == 'Y' || v[0] == 'N')
	case integer:
		if v[0] == '-' {
			v = v[1:]
		}
		_, ok := number(v)
		return ok
	case count:
		_, ok := number(v)
		return ok
	case amount:
		return isDecimal(v)
	case timestamp:
		return len(v) >= 17 && v[8] == '-' && isDate(v[:8]) && isTime(v[9:])
	case timeOnly:
		return isTime(v)
	case date:
		return isDate(v)
	case monthYear:
		return isMonthYear(v)
	}
	return false
}

func isMultiple(v []byte) bool {
	for i, c := range v {
		if c == ' ' && (i == 0 || i == len(v)-1 || v[i-1] == ' ') {
			return false
		}
	}
	return true
}

// isDecimal: digits, with a point somewhere or none, after a minus or none.
func isDecimal(v []byte) bool {
	if v[0] == '-' {
		v = v[1:]
	}
	digits, points := 0, 0
	for _, c := range v {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

// isDate: YYYYMMDD.
func isDate(v []byte) bool {
	if len(v) != 8 {
		return false
	}
	century, year, m, d := two(v), two(v[2:]), two(v[4:]), two(v[6:])
	return century >= 0 && year >= 0 && m >= 1 && m <= 12 && d >= 1 && d <= daysIn(100*century+year, m)
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// isTime: HH:MM:SS, with 3, 6 or 9 digits of a fraction or none.
func isTime(v []byte) bool {
	if len(v) < 8 || v[2] != ':' || v[5] != ':' || uint(two(v)) > 23 || uint(two(v[3:])) > 59 || uint(two(v[6:])) > 60 {
		return false
	}
	if len(v) == 8 {
		return true
	}
	_, ok := number(v[9:])
	return ok && v[8] == '.' && (len(v) == 12 || len(v) == 15 || len(v) == 18)
}

// two returns the number of the two digits at the start of v, -1 if there is something else.
func two(v []byte) int {
	ten, one := v[0]-'0', v[1]-'0'
	if ten > 9 || one > 9 {
		return -1
	}
	return int(10*ten + one)
}

// isMonthYear: YYYYMM, YYYYMMDD, or YYYYMM with a week from w1 to w5.
func isMonthYear(v []byte) bool {
	switch {
	case len(v) == 8 && v[6] == 'w':
		if v[7] < '1' || v[7] > '5' {
			return false
		}
	case len(v) == 8:
		return isDate(v)
	case len(v) != 6:
		return false
	}
	m := two(v[4:])
	return two(v) >= 0 && two(v[2:]) >= 0 && m >= 1 && m <= 12
}
