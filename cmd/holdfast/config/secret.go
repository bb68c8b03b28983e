package config

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// hidden is shown in the place of a password. url.URL.Redacted uses the same text.
const hidden = "xxxxx"

// secretParameters are the parameters of a database URL that are passwords.
var secretParameters = []string{"password", "sslpassword"}

// databaseValue returns the URL of a database, or "". Neither errors nor print show a password in
// it.
func databaseValue(field *string, schemes ...string) value {
	v := stringValue(field, "url", func(text string) error {
		if text == "" {
			return nil
		}
		u, err := url.Parse(text)
		if err != nil || !slices.Contains(schemes, u.Scheme) { // err has the text
			return errors.New("wants a URL that begins with " + strings.Join(schemes, ":// or ") + "://, such as postgres://holdfast@localhost/holdfast")
		}
		if slices.Contains(passwordsIn(u), hidden) {
			return errHidden
		}
		return nil
	})
	v.hide = WithoutPassword
	return v
}

// urlsValue returns a list of URLs, separated by commas; it may be empty. Neither errors nor print
// show a password or token in it.
func urlsValue(field *string, schemes ...string) value {
	v := stringValue(field, "urls", func(text string) error {
		if text == "" {
			return nil
		}
		for part := range strings.SplitSeq(text, ",") {
			u, err := url.Parse(part)
			if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
				return errors.New("wants URLs that begin with " + strings.Join(schemes, ":// or ") + "://, separated by commas")
			}
			if slices.Contains(append(passwordsIn(u), u.User.Username()), hidden) {
				return errHidden
			}
		}
		return nil
	})
	v.hide = WithoutPasswords
	return v
}

var errHidden = errors.New("has " + hidden + " as password, which is what is printed instead of a password; put the real one in")

// passwordsIn returns the passwords in a URL.
func passwordsIn(u *url.URL) (list []string) {
	if password, ok := u.User.Password(); ok {
		list = append(list, password)
	}
	query := u.Query()
	for _, name := range secretParameters {
		list = append(list, query[name]...)
	}
	return list
}

// WithoutPassword returns a URL with xxxxx in the place of each password.
func WithoutPassword(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil {
		return hidden
	}
	query, secret := u.Query(), false
	for _, name := range secretParameters {
		if query.Has(name) {
			query.Set(name, hidden)
			secret = true
		}
	}
	if secret {
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}

// WithoutPasswords returns URLs that are separated by commas with xxxxx in the place of each password.
// A user without a password is hidden, too: for NATS that is a token.
func WithoutPasswords(urls string) string {
	parts := strings.Split(urls, ",")
	for i, part := range parts {
		if u, err := url.Parse(part); err == nil && u.User != nil {
			if _, both := u.User.Password(); !both {
				u.User = url.User(hidden)
			}
			part = u.String()
		}
		parts[i] = WithoutPassword(part)
	}
	return strings.Join(parts, ",")
}
