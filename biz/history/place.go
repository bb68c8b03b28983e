package history

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Place says where the history of o is, without a password.
func (o Options) Place() string {
	if o.URL == "" {
		return "SQLite file " + o.Path
	}
	config, schema, err := parsePostgresURL(o.URL)
	if err != nil {
		return "PostgreSQL"
	}
	return postgresPlace(config.ConnConfig, schema)
}

// errChecked rolls a check back.
var errChecked = errors.New("history: checked")

// Check connects to the PostgreSQL database of a URL and checks it as Open does, also whether the
// tables can be created. It changes nothing. Its errors don't contain a password.
func Check(ctx context.Context, url string) error {
	o, err := Options{URL: url}.withDefaults()
	if err != nil {
		return err
	}
	p, err := newPostgres(o)
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }() // always nil
	err = p.transact(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := p.schema.create(ctx, tx); err != nil {
			return err
		}
		return errChecked
	})
	if errors.Is(err, errChecked) {
		return nil
	}
	return err
}
