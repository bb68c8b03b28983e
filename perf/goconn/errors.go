package goconn

import "errors"

// ErrStyle means that a style's name is not in Styles.
var ErrStyle = errors.New("goconn: unknown style")
