package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
)

// writeFile writes a file that only its owner may read. It appears under its name
// when it is complete; after an error, or when ctx ends, nothing is left of it.
func writeFile(ctx context.Context, name string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return err
	}
	err = fill(&contextWriter{ctx: ctx, w: f})
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// contextWriter fails when its context has ended, so that who writes on stops.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (c *contextWriter) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}
