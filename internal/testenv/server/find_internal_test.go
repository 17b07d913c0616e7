package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func program(t *testing.T, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700))
}

func TestTheNewestCompleteVersionIsTaken(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"9", "15"} {
		program(t, dir, version, "bin", "postgres")
		program(t, dir, version, "bin", "initdb")
	}
	program(t, dir, "16", "bin", "postgres") // without initdb

	got, ok := folderWith([]string{"/nowhere", filepath.Join(dir, "*", "bin")}, "postgres", "initdb")
	require.True(t, ok)
	require.Equal(t, filepath.Join(dir, "15", "bin"), got)
}

func TestAProgramOnPathIsFollowedToWhereItIsInstalled(t *testing.T) {
	dir := t.TempDir()
	program(t, dir, "real", "postgres")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	require.NoError(t, os.Symlink("../real/postgres", filepath.Join(dir, "bin", "postgres")))
	t.Setenv("PATH", filepath.Join(dir, "bin"))

	got, ok := folderOnPath("postgres")
	require.True(t, ok)
	want, err := filepath.EvalSymlinks(filepath.Join(dir, "real"))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestAFolderIsReachableOnlyIfAllAboveItAre(t *testing.T) {
	dir := t.TempDir()
	closed := filepath.Join(dir, "closed", "open")
	require.NoError(t, os.MkdirAll(closed, 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dir, "closed"), 0o700))
	require.False(t, reachable(closed))
	require.True(t, reachable("/"))
}
