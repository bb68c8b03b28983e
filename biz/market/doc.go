// Package market has the instruments that can be traded, their last prices, and a seeded
// random walk that moves the prices.
//
// Instruments can be added and never change. Last prices are atomic: any goroutine may
// read and set them. The package reads no clock and starts no goroutine.
//
// Limits: MaxInstruments instruments, MaxNameSize bytes in a market, code or name, and the
// limits of biz/ledger for lots and prices.
package market
