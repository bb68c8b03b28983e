// Package market holds the instruments that can be traded, their last prices,
// and a seeded walk that moves the prices.
//
// Instruments never change once a Market is made. Last prices are atomic: any
// goroutine may read and set them. It reads no clock and starts no goroutine.
//
// Limits: MaxInstruments instruments, MaxNameSize bytes in a market, code or
// name, and those of biz/ledger for lots and prices.
package market
