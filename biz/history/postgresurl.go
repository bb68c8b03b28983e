package history

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// defaultSchema is the schema of the tables if the URL has no search_path.
const defaultSchema = "holdfast"

// parsePostgresURL returns the settings in a URL, and the name of the schema. Its errors don't
// contain the password.
func parsePostgresURL(text string) (*pgxpool.Config, postgresSchema, error) {
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return nil, "", errURL
	}
	config, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, "", urlError(text, err)
	}
	c := config.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = postgresConnectTimeout
	}
	params := c.RuntimeParams
	schema := cmp.Or(params["search_path"], defaultSchema)
	delete(params, "search_path") // every statement names the schema
	if strings.ContainsAny(schema, `,"$`) {
		return nil, "", fmt.Errorf("%w: search_path must be the name of one schema", errURL)
	}
	params["application_name"] = cmp.Or(params["application_name"], "holdfast")
	// A plan for any customer would not fit one with millions of rows.
	params["plan_cache_mode"] = "force_custom_plan"
	return config, postgresSchema(schema), nil
}

// errURL has no part of the URL: a wrong one can contain the password anywhere.
var errURL = errors.New("history: the database must be a URL such as postgres://user:password@host:5432/database; " +
	"special characters in the password are percent-encoded (@ is %40, / is %2F)")

// urlError returns what is wrong with a URL. It includes err only if that can't contain a part
// of the password.
func urlError(text string, err error) error {
	u, bad := url.Parse(text)
	if bad != nil || u.User == nil || strings.Contains(text[strings.Index(text, "@")+1:], "@") {
		return errURL
	}
	query := u.Query()
	password, _ := u.User.Password()
	if query.Has("password") || query.Has("sslpassword") || (password != "" && strings.Contains(err.Error(), password)) {
		return errURL
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return fmt.Errorf("%w: %w", errURL, err)
}

// postgresPlace says where a database is.
func postgresPlace(c *pgx.ConnConfig, schema postgresSchema) string {
	return fmt.Sprintf("PostgreSQL database %s at %s:%d, schema %s, as %s", cmp.Or(c.Database, c.User), c.Host, c.Port, schema, c.User)
}
