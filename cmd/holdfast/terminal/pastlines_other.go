//go:build !unix

package terminal

import "os"

// openNonblock is not needed on this system.
const openNonblock = 0

// lockFile does nothing on this system: two terminals at once may lose a line.
func lockFile(*os.File) error { return nil }
