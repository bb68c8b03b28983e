package chaos

// stopped is the value of check's panic.
type stopped struct{ err error }

// check ends the run if err is not nil, as Fatal ends a test: deferred functions run.
// Goroutine: of Fault.Run, or of a function under catch.
func check(err error) {
	if err != nil {
		panic(stopped{err})
	}
}

// must returns v, or ends the run if err is not nil.
func must[T any](v T, err error) T {
	check(err)
	return v
}

// catch calls f and returns the error with which check ended it.
func catch(f func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case stopped:
			err = p.err
		default:
			panic(p)
		}
	}()
	f()
	return nil
}
