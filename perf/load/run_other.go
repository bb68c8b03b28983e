//go:build !linux

package load

import "context"

// Run returns ErrUnsupported: the generator needs epoll and /proc.
func Run(context.Context, Options) (*Report, error) { return nil, ErrUnsupported }

// Compare returns ErrUnsupported.
func Compare(context.Context, Plan) (*Comparison, error) { return nil, ErrUnsupported }
