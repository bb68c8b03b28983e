package scenario

import "errors"

var (
	// ErrCustomers means that Options.Customers are not ten different ones.
	ErrCustomers = errors.New("scenario: wants ten different customers")
	// ErrNoPush means that a push did not come in time.
	ErrNoPush = errors.New("the push did not come")
	// ErrInstruments means that the market has too few instruments that the
	// account can pay for.
	ErrInstruments = errors.New("the scenario needs three instruments of which the account can buy 1,000 shares each")
)
