package engine

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawSend sends what the socket takes at once and returns how many bytes that was, 0 on
// any error. b is not empty.
func rawSend(fd int, b []byte) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}
