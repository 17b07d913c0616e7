package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// newFolder makes a folder for a server's data.
func newFolder(name string) (string, error) {
	dir, err := os.MkdirTemp(os.TempDir(), "laban-"+name+"-")
	if err != nil {
		return "", fmt.Errorf("make a folder for %s: %w", name, err)
	}
	return dir, nil
}

// newFolderFor makes a folder that another user can reach and owns.
func newFolderFor(name string, uid, gid int) (string, error) {
	base := ""
	for _, dir := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if reachable(dir) {
			base = dir
			break
		}
	}
	if base == "" {
		return "", fmt.Errorf("make a folder for %s: user %d can reach none of %s, /tmp and /var/tmp", name, uid, os.TempDir())
	}
	dir, err := os.MkdirTemp(base, "laban-"+name+"-")
	if err != nil {
		return "", fmt.Errorf("make a folder for %s: %w", name, err)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		_ = os.RemoveAll(dir)
		return "", fmt.Errorf("give the folder of %s to user %d: %w", name, uid, err)
	}
	return dir, nil
}

// reachable tells whether every user may pass through the folder and those
// above it.
func reachable(dir string) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return false
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

// environment returns this process's environment without what would change a
// server's behaviour, and with the given settings.
func environment(without []string, with ...string) []string {
	var env []string
	for _, setting := range os.Environ() {
		keep := true
		for _, prefix := range without {
			keep = keep && !strings.HasPrefix(setting, prefix)
		}
		if keep {
			env = append(env, setting)
		}
	}
	return append(env, with...)
}
