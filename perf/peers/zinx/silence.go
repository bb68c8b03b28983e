package main

import "context"

// silence is a zinx logger that writes nothing.
type silence struct{}

func (silence) InfoF(string, ...any)                    {}
func (silence) ErrorF(string, ...any)                   {}
func (silence) DebugF(string, ...any)                   {}
func (silence) InfoFX(context.Context, string, ...any)  {}
func (silence) ErrorFX(context.Context, string, ...any) {}
func (silence) DebugFX(context.Context, string, ...any) {}
