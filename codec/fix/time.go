package fix

// The length of a day, and of its parts, in nanoseconds.
const (
	millisecond = 1_000_000
	second      = 1000 * millisecond
	day         = 86_400 * second
)

// AppendTime appends a UTC time as YYYYMMDD-HH:MM:SS.sss; nanos counts from 1970. The year is 1970 to
// 9999.
func AppendTime(dst []byte, nanos int64) []byte {
	dst = AppendDate(dst, nanos)
	ms := int(nanos % day / millisecond)
	s := ms / 1000
	return append(dst, '-', digit(s/36_000), digit(s/3600%10), ':', digit(s/600%6), digit(s/60%10), ':', digit(s/10%6), digit(s%10),
		'.', digit(ms/100%10), digit(ms/10%10), digit(ms%10))
}

// AppendDate appends the UTC date of a time as YYYYMMDD.
func AppendDate(dst []byte, nanos int64) []byte {
	y, m, d := civil(int(nanos / day))
	return append(dst, digit(y/1000), digit(y/100%10), digit(y/10%10), digit(y%10), digit(m/10), digit(m%10), digit(d/10), digit(d%10))
}

func digit(n int) byte { return byte('0' + n) }

// civil returns the date of a day, counted from 1970-01-01. A year begins in March here, so that
// the leap day is its last (Howard Hinnant, "chrono-compatible low-level date algorithms").
func civil(days int) (y, m, d int) {
	days += 719_468 // from 0000-03-01
	era := days / 146_097
	ofEra := days % 146_097
	ofYear := (ofEra - ofEra/1460 + ofEra/36_524 - ofEra/146_096) / 365
	d = ofEra - (365*ofYear + ofYear/4 - ofYear/100)
	month := (5*d + 2) / 153
	y, m, d = era*400+ofYear, month+3, d-(153*month+2)/5+1
	if m > 12 {
		y, m = y+1, m-12
	}
	return y, m, d
}

// daysOf is the reverse of civil.
func daysOf(y, m, d int) int {
	if m <= 2 {
		y, m = y-1, m+12
	}
	era := y / 400
	ofEra := y % 400
	return era*146_097 + ofEra*365 + ofEra/4 - ofEra/100 + (153*(m-3)+2)/5 + d - 1 - 719_468
}

// ParseTime returns a UTC time in nanoseconds since 1970. It takes YYYYMMDD-HH:MM:SS with no fraction
// of a second, or one of 3, 6 or 9 digits; second 60 is the last of a minute with a leap second.
func ParseTime(b []byte) (nanos int64, ok bool) {
	if len(b) < 17 || b[8] != '-' || b[11] != ':' || b[14] != ':' {
		return 0, false
	}
	at, ok := parseDate(b[:8])
	h, ok1 := number(b[9:11])
	m, ok2 := number(b[12:14])
	s, ok3 := number(b[15:17])
	if !ok || !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 60 {
		return 0, false
	}
	at += int64(h*3600+m*60+s) * second
	if len(b) == 17 {
		return at, true
	}
	fraction := b[18:]
	f, ok := number(fraction)
	if b[17] != '.' || !ok || len(fraction)%3 != 0 || len(fraction) > 9 {
		return 0, false
	}
	for range 9 - len(fraction) {
		f *= 10
	}
	return at + int64(f), true
}

// parseDate returns the start of a day, YYYYMMDD, in nanoseconds since 1970.
func parseDate(b []byte) (nanos int64, ok bool) {
	n, ok := number(b)
	y, m, d := n/10_000, n/100%100, n%100
	if !ok || len(b) != 8 || y < 1970 || y > 2261 || m < 1 || m > 12 || d < 1 {
		return 0, false
	}
	days := daysOf(y, m, d)
	if yy, mm, dd := civil(days); yy != y || mm != m || dd != d { // the 31st of April
		return 0, false
	}
	return int64(days) * day, true
}
