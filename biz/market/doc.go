// Package market has the instruments that can be traded, the rules of their markets, their
// last prices, a seeded random walk that moves the prices, and the arithmetic of a clock that
// can run faster than real time.
//
// # Instruments
//
// Instruments can be added and never change. Last prices, previous closes and halts are
// atomic: any goroutine may read and set them.
//
// # Rules
//
// Rules are those of one market: lots, price band, hours, fees, settlement, depth. Its
// instruments share them. The zero value is always open, without band and fees, settles at
// once, has lots of 1 and unlimited depth.
//
// # Time
//
// The package reads no clock and starts no goroutine. An instant is an int64 of nanoseconds
// since 1970-01-01 00:00 UTC, from 1700 to 2200. A date is an int32 of days since 1970-01-01,
// a time of day a number of seconds since midnight. The local time of a market is UTC plus a
// fixed offset: there is no daylight saving. A session of trading hours is inside one date.
//
// # Limits
//
// MaxInstruments instruments, MaxNameSize bytes in a market, code or name, MaxSessions,
// MaxHolidays and MaxSettlementDays in Rules, and the limits of biz/ledger for lots, prices
// and rates.
package market
