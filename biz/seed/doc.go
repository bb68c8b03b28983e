// Package seed reads and writes the seed file: the markets, instruments, customers,
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
//	  "markets": [
//	    {"market": "EAST", "lot": 100, "minimum_lot": 100, "band": "10%", "utc_offset": "+08:00",
//	     "hours": ["09:30-11:30", "13:00-15:00"], "weekdays": "Mon-Fri", "holidays": ["2026-10-01"],
//	     "commission": "0.025%", "commission_minimum": "5.00", "sell_tax": "0.05%",
//	     "fee_per_share": "0.001", "fees_in_cost": false,
//	     "shares_settle": "T+1", "cash_settle": "T+0", "depth": 0}
//	  ],
//	  "instruments": [
//	    {"market": "EAST", "code": "600100", "name": "Northern Tin",
//	     "lot": 100, "minimum_lot": 100, "tick": "0.01", "last": "10.00", "depth": 0}
//	  ],
//	  "customers": [
//	    {"customer": 100001, "name": "Customer 1", "role": "customer", "cash": "1000000.00",
//	     "positions": [{"market": "EAST", "code": "600100", "quantity": 100, "average_cost": "10.00"}],
//	     "password": "$argon2id$v=19$m=19456,t=2,p=1$...", "token_sha256": "...",
//	     "certificate": "...", "directives": false,
//	     "fix": [{"comp_id": "OMS1", "addresses": ["192.0.2.0/24"], "reset_on_logon": false,
//	              "user_fields": false, "unknown_fields": false, "last_processed": false,
//	              "resend_chunk": 0}]}
//	  ]
//	}
//
// "format" comes first, "markets" before "instruments" and these before "customers". A key
// that is unknown or there twice, and any value out of range, is a jsonfile.Error that names
// file, line and value.
//
// A customer may lack name, role, cash (0), positions, password, token_sha256, certificate,
// directives (false) and fix. A customer without any credential can't log in. A position may be any number
// of shares; it may lack average_cost (0).
//
// The role is "customer" (as without one), "operator" or "viewer". A viewer reads every account,
// as an operator does, and changes nothing, not even its own account.
//
// Each customer has a FIX session whose SenderCompID is the customer number. "fix" has further ones, or
// settings for that one: from the addresses a Logon needs no password; user_fields accepts tags from
// 5000 on, unknown_fields those that FIX 4.4 does not have for a message; last_processed sends tag 369;
// resend_chunk is how many messages a ResendRequest asks for, 0 all. No CompID is there twice.
//
// An instrument may lack name and tick (0.01). It has the lot and depth of its market unless
// it has its own; minimum_lot is the lot if only a lot is there.
//
// Without "markets" all markets have the default rules: always open, lots of 1, no band, no
// fees, settlement at once, any depth. With it, every market of an instrument must be listed;
// what an entry lacks has the default. "band" is a percentage of the previous close. "hours"
// are local times, each session inside one day; "weekdays" (Mon-Fri) and "holidays" belong to
// hours. "utc_offset" is fixed: there is no daylight saving. Commission is a percentage with a
// minimum per order, sell_tax a percentage of sells, fee_per_share an amount. "T+1" means on
// the next trading day, "T+0" at once. "depth" is how many shares each price step offers at
// each price, 0 any number.
//
// A journal depends on no rule: its events carry fees and settlement. Rules may change between
// two starts.
//
// # Credentials
//
// Passwords are kept as Argon2id hashes, tokens (32 random bytes or so) as their
// SHA-256. "certificate" is the common name of a client certificate, which must come from an
// authority that the server trusts (its setting tls_client_ca). The seeds that ship with holdfast (Default, Mainland) have published credentials
// and are for demonstrations only: see DemoPassword and DemoToken.
//
// # Goroutines and limits
//
// Nothing here starts a goroutine or keeps state. A file has at most MaxFileSize
// bytes, MaxCustomers customers, market.MaxInstruments instruments and
// ledger.MaxRows positions per customer.
package seed
