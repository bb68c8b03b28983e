package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Keep says how much of the journal stays. The zero value is all of it.
type Keep struct {
	Age   time.Duration // batches up to this age; 0: no limit by age
	Bytes int64         // about this many bytes; 0: no limit by size
}

const (
	keepAll      = "never" // trimmed
	oneDay       = 24 * time.Hour
	minKeepAge   = time.Second
	maxKeepDays  = 36_500
	minKeepBytes = 1e6
	maxKeepBytes = 1e18
)

// keepUnits are the units of sizes, from the largest that may be printed.
var keepUnits = []struct {
	name  string
	bytes int64
}{{"TB", 1e12}, {"TiB", 1 << 40}, {"GB", 1e9}, {"GiB", 1 << 30}, {"MB", 1e6}, {"MiB", 1 << 20}, {"KB", 1e3}, {"KiB", 1 << 10}, {"B", 1}}

// ParseKeep reads "never", an age such as 72h or 30d, or a size such as 10GB or 512MiB. Its error
// continues a sentence that starts with the name of the setting.
func ParseKeep(text string) (Keep, error) {
	if text == keepAll {
		return Keep{}, nil
	}
	if n, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := ParseWhole(n, 1, maxKeepDays); err == nil {
			return Keep{Age: time.Duration(days) * oneDay}, nil
		}
	}
	if age, err := time.ParseDuration(text); err == nil && age >= minKeepAge && age <= maxKeepDays*oneDay {
		return Keep{Age: age}, nil
	}
	for _, unit := range keepUnits {
		n, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		count, err := ParseWhole(n, 1, uint64(maxKeepBytes/unit.bytes))
		if size := int64(count) * unit.bytes; err == nil && size >= minKeepBytes {
			return Keep{Bytes: size}, nil
		}
	}
	return Keep{}, fmt.Errorf("wants never, an age from 1s to %dd such as 72h or 30d, or a size from 1MB such as 10GB, got %q", maxKeepDays, text)
}

// String returns the text as ParseKeep reads it.
func (k Keep) String() string {
	switch {
	case k.Age > 0 && k.Age%oneDay == 0:
		return strconv.FormatInt(int64(k.Age/oneDay), 10) + "d"
	case k.Age > 0:
		return short(k.Age)
	}
	for _, unit := range keepUnits {
		if k.Bytes > 0 && k.Bytes%unit.bytes == 0 {
			return strconv.FormatInt(k.Bytes/unit.bytes, 10) + unit.name
		}
	}
	return keepAll
}

func keepValue(field *Keep) value {
	return newValue(field, "never|age|size", formString, ParseKeep, Keep.String)
}
