//go:build unix

package demo

import (
	"runtime"
	"syscall"
)

// peakMemory returns the most resident memory that the process had, in bytes,
// or 0 if the system does not say.
func peakMemory() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	peak := int64(u.Maxrss) //nolint:unconvert // it is an int32 where words have 32 bits
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" {
		peak *= 1024 // there in bytes, elsewhere in KiB; see getrusage(2) of each
	}
	return peak
}
