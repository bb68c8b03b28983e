package desk

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// Reloaded is what a reload of the seed has changed.
type Reloaded struct {
	Instruments []seed.Key // new
	Customers   []*Account // new
	Owners      []*Account // with another name, role or credential than before
	Credentials int        // of Owners: how many have another credential
	Withdrawn   []*Account // of Owners: those that the seed lacks
	// Later are instruments whose name, lot or last price is another one in the seed: that
	// applies at the next start.
	Later []seed.Key
}

// Reload applies a seed to the running desk: new instruments and customers, and the names,
// roles and credentials of the others. A customer without orders that the seed lacks is
// withdrawn: it has no credential and can't place orders until a seed has it again.
//
// open is called with each new account before others can get it. After an error, memory and
// journal are as they were. Errors are ErrForeignData and ErrNeedsRestart, which name what
// may not change; and ErrDiskLow and ErrUnavailable, if the seed has something new.
//
// Goroutine: any. It returns when the additions are durable, or can't be any more.
func (d *Desk) Reload(s *seed.Seed, open func(*Account)) (Reloaded, error) {
	d.bookUse.Lock()
	defer d.bookUse.Unlock()
	c, err := d.book.Compare(s)
	if err != nil {
		return Reloaded{}, err
	}
	added, err := d.prepare(c)
	if err != nil {
		return Reloaded{}, err
	}
	withdrawn, err := d.withdraw(c)
	if err == nil {
		err = d.extend(c, added, open)
	}
	if err != nil {
		for _, a := range withdrawn {
			a.withdrawn.Store(false)
		}
		return Reloaded{}, err
	}
	r := Reloaded{Customers: added, Withdrawn: withdrawn}
	for _, l := range c.listings {
		r.Instruments = append(r.Instruments, l.Key)
	}
	for n := range c.first {
		i, now := &c.Seed.Instruments[n], d.market.At(n)
		if i.Name != now.Name || i.Lots != now.Lots || i.Depth != now.Depth || i.Last != now.Last {
			r.Later = append(r.Later, seed.KeyOf(i))
		}
	}
	r.replaceOwners(d, c.Seed.Customers)
	return r, nil
}

// prepare returns the new accounts, or why the change can't be made now. It changes nothing.
func (d *Desk) prepare(c *Change) (added []*Account, err error) {
	if err := c.Check(d.traded); err != nil {
		return nil, err
	}
	for _, o := range c.openings {
		if d.Account(o.Customer) != nil {
			return nil, fmt.Errorf("%w: customer %d starts with other cash or positions", ErrNeedsRestart, o.Customer)
		}
	}
	if len(c.listings) > 0 || len(c.openings) > 0 {
		if err := d.Accepting(); err != nil {
			return nil, fmt.Errorf("new instruments and customers can't be recorded now: %w", err)
		}
	}
	if _, err := market.New(c.Seed.Instruments); err != nil {
		return nil, err
	}
	for n := range c.Seed.Customers {
		customer := c.Seed.Customers[n] // a copy: it must not keep the whole seed
		if d.Account(customer.Number) != nil {
			continue
		}
		a, err := d.newAccount(&customer)
		if err != nil {
			return nil, err
		}
		added = append(added, a)
	}
	return added, nil
}

// traded reports whether the customer has orders.
func (d *Desk) traded(customer ledger.Customer) bool {
	a := d.Account(customer)
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.traded()
}

// withdraw stops the orders of the customers that the seed lacks, and returns their accounts.
// It is an error if one has orders. It must follow prepare, after which no other accounts
// are frozen.
func (d *Desk) withdraw(c *Change) (withdrawn []*Account, err error) {
	for customer := range c.frozen {
		if a := d.Account(customer); a != nil && a.withdraw() {
			withdrawn = append(withdrawn, a)
		}
	}
	slices.SortFunc(withdrawn, func(a, b *Account) int { return cmp.Compare(a.Customer(), b.Customer()) })
	return withdrawn, c.Check(d.traded) // once more: the first order may have come meanwhile
}

// extend makes what c adds durable, and then adds it to the desk.
func (d *Desk) extend(c *Change, added []*Account, open func(*Account)) error {
	// Without a time limit: what is in the commit can't be taken back.
	if err := d.define(context.Background(), c.entries()); err != nil {
		return err
	}
	if err := d.market.Add(c.Seed.Instruments[c.first:]); err != nil {
		return err
	}
	d.addOrderBooks()
	for n := range c.listings {
		d.prices.mark(c.first + ledger.InstrumentID(n)) // sessions that get all quotes learn of it
	}
	for _, a := range added {
		open(a)
	}
	if len(added) > 0 {
		d.accounts.Store(d.accounts.Load().with(added))
	}
	return nil
}

// replaceOwners replaces the owners of accounts where the seed has other ones.
func (r *Reloaded) replaceOwners(d *Desk, customers []seed.Customer) {
	for n := range customers {
		owner := customers[n] // a copy: it must not keep the whole seed
		a := d.Account(owner.Number)
		a.withdrawn.Store(false)
		r.replaceOwner(a, &owner)
	}
	for _, a := range r.Withdrawn {
		was := a.Owner()
		r.replaceOwner(a, &seed.Customer{Number: was.Number, Name: was.Name, Cash: was.Cash, Holdings: was.Holdings})
	}
}

func (r *Reloaded) replaceOwner(a *Account, owner *seed.Customer) {
	was := a.Owner()
	credential := was.Password != owner.Password || was.TokenSHA256 != owner.TokenSHA256 || was.Certificate != owner.Certificate ||
		!reflect.DeepEqual(was.FIX, owner.FIX)
	if !credential && was.Name == owner.Name && was.Role == owner.Role {
		return
	}
	a.setOwner(owner)
	r.Owners = append(r.Owners, a)
	if credential {
		r.Credentials++
	}
}
