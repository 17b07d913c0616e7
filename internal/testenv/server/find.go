package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// MissingError says that a server is not installed and can't be had from
// Docker either.
type MissingError struct {
	Server   string   // for example "RabbitMQ"
	Searched []string // where
	Install  string   // what to do
	Docker   error    // why Docker is no way out
}

// Error says where the server was searched and what to install.
func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is not installed: not found in %s, and Docker can't stand in (%v). %s",
		e.Server, strings.Join(e.Searched, ", "), e.Docker, e.Install)
}

// HasRabbitMQ tells whether RabbitMQ is installed on this machine.
func HasRabbitMQ() bool {
	_, _, ok := findRabbitMQ()
	return ok
}

// HasPostgreSQL tells whether PostgreSQL's server is installed on this machine.
func HasPostgreSQL() bool {
	_, _, ok := findPostgreSQL()
	return ok
}

// HasJaeger tells whether Jaeger's program is on this machine.
func HasJaeger() bool {
	_, _, ok := findJaeger()
	return ok
}

// folderWith returns the first folder that has all the named programs in it.
// The patterns are those of [filepath.Glob]; of what one matches, the last in
// order of version is tried first.
func folderWith(patterns []string, programs ...string) (string, bool) {
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		slices.SortFunc(found, byVersion)
		for _, dir := range slices.Backward(found) {
			if hasAll(dir, programs) {
				return dir, true
			}
		}
	}
	return "", false
}

func hasAll(dir string, programs []string) bool {
	for _, program := range programs {
		if !executable(filepath.Join(dir, program)) {
			return false
		}
	}
	return true
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// byVersion orders paths so that ".../9/bin" comes before ".../15/bin".
func byVersion(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// folderOnPath returns the folder that really holds a program which is on PATH,
// behind symbolic links.
func folderOnPath(program string) (string, bool) {
	found, err := exec.LookPath(program)
	if err != nil {
		return "", false
	}
	if found, err = filepath.EvalSymlinks(found); err != nil {
		return "", false
	}
	return filepath.Dir(found), true
}
