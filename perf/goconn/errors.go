package goconn

import "errors"

// ErrStyle means that a style is not one of Styles.
var ErrStyle = errors.New("goconn: unknown style")
