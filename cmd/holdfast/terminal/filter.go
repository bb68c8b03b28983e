package terminal

import (
	"fmt"
	"strings"
	"time"

	"holdfast/biz/client"
)

// filter is what orders and history select by.
type filter struct {
	key      client.Key
	side     client.Side
	from, to time.Time
	state    client.ExecutionState
	all      bool // orders that no longer work, too
	statuses []client.OrderStatus
}

// filterHelp explains filters, below the list of the commands.
const filterHelp = `  FILTERS are any of: instrument CODE, side buy|sell, from TIME, to TIME; for history also
  standing, busted; for orders also all, working, filled, cancelled, expired. TIME is such as 2h
  ago (2h), 2026-01-05T09:30:00+08:00, or 09:30 today; for example
    orders all side buy from 2h
    history 50 instrument 600100 busted
`

// parseFilter reads FILTERS. Each name may have a leading "--", as for other commands. Words that
// are no filters are an error of usage.
func (sh *shell) parseFilter(words []string, usage error) (f filter, err error) {
	for n := 0; n < len(words) && err == nil; n++ {
		name := strings.ToLower(strings.TrimPrefix(words[n], "--"))
		switch name {
		case "all":
			f.all = true
			continue
		case "working":
			f.statuses = append(f.statuses, client.StatusNew, client.StatusPartiallyFilled)
			continue
		case client.StatusFilled.String():
			f.statuses = append(f.statuses, client.StatusFilled)
			continue
		case client.StatusCancelled.String():
			f.statuses = append(f.statuses, client.StatusCancelled)
			continue
		case client.StatusExpired.String():
			f.statuses = append(f.statuses, client.StatusExpired)
			continue
		case "standing":
			f.state = client.StandingExecution
			continue
		case "busted":
			f.state = client.BustedExecution
			continue
		case "instrument", "side", "from", "to":
		default:
			return f, fmt.Errorf("unknown filter %q; %w", words[n], usage)
		}
		if n++; n == len(words) {
			return f, usage
		}
		switch value := words[n]; name {
		case "instrument":
			f.key, err = sh.find(value)
		case "side":
			if f.side = sideNamed(value); f.side == 0 {
				err = fmt.Errorf("%q is not a side: buy or sell", value)
			}
		case "from":
			f.from, err = parseMoment(value, time.Now())
		case "to":
			f.to, err = parseMoment(value, time.Now())
		}
	}
	if err == nil && !f.from.IsZero() && !f.to.IsZero() && !f.from.Before(f.to) {
		err = fmt.Errorf("from must be before to")
	}
	return f, err
}

func sideNamed(text string) client.Side {
	for _, side := range []client.Side{client.Buy, client.Sell} {
		if strings.EqualFold(text, side.String()) {
			return side
		}
	}
	return 0
}

// parseMoment reads a time: how long ago, a time of today, or a date with a time.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			year, month, day := now.Date()
			return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: such as 2h (ago), 09:30, or 2026-01-05T09:30:00+08:00", text)
}
