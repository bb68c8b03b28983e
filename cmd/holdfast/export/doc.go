// Package export writes executions, orders and positions as CSV, as lines of JSON or as Parquet.
//
// CSV follows RFC 4180 and has a header. Prices and amounts are decimals with four digits after the
// point, times RFC 3339 in UTC with nanoseconds. A line of JSON is an object of the protocol, as
// elsewhere in the program: prices and amounts in 1/10000, times in nanoseconds since the Unix
// epoch. Parquet has typed columns: prices and amounts are DECIMAL(18,4), times TIMESTAMP in UTC with
// nanoseconds, and what a row lacks is null.
//
// Goroutine: one per Writer. Limit: a Writer has at most rowGroup rows in memory, and only for
// Parquet.
package export
