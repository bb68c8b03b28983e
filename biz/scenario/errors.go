package scenario

import "errors"

var (
	// ErrCustomers means that Options.Customers are not ten different customers.
	ErrCustomers = errors.New("scenario: needs ten different customers")
	// ErrNoPush means that an expected push did not come in time.
	ErrNoPush = errors.New("no push came")
	// ErrInstruments means that the account can afford too few instruments.
	ErrInstruments = errors.New("the scenario needs three instruments of which the account can buy 1,000 shares each")
)
