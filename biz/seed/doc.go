// Package seed reads and writes the seed file: the instruments, customers,
// starting positions and credentials that a server starts with.
//
// Journals number the instruments in the order of the file of their first start;
// Seed.Align brings a later file into this order. What else of the file a journal
// depends on is in desk.Book.
//
// # The file
//
// JSON, UTF-8. Amounts and prices are strings with up to four decimals, read
// exactly; quantities are whole numbers.
//
//	{
//	  "format": 1,
//	  "instruments": [
//	    {"market": "ALFA", "code": "600100", "name": "Northern Tin",
//	     "lot": 1, "tick": "0.01", "last": "10.00"}
//	  ],
//	  "customers": [
//	    {"customer": 100001, "name": "Customer 1", "role": "", "cash": "1000000.00",
//	     "positions": [{"market": "ALFA", "code": "600100", "quantity": 100, "average_cost": "10.00"}],
//	     "password": "$argon2id$v=19$m=19456,t=2,p=1$...", "token_sha256": "..."}
//	  ]
//	}
//
// "format" comes first and "instruments" before "customers". Optional are name,
// lot (1), tick (0.01), role (none; or "operator"), positions, password and
// token_sha256. A customer without either credential can't log in. A key that is
// unknown or given twice, and any value out of range, is a jsonfile.Error that names
// file, line and value.
//
// # Credentials
//
// Passwords are kept as Argon2id hashes, tokens (32 random bytes or so) as their
// SHA-256. The seed that ships with holdfast (Default) has published credentials
// and is for demonstrations only: see DemoPassword and DemoToken.
//
// # Goroutines and limits
//
// Nothing here starts a goroutine or keeps state. A file has at most MaxFileSize
// bytes, MaxCustomers customers, market.MaxInstruments instruments and
// ledger.MaxRows positions per customer.
package seed
