package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/api"
)

// Every variable that the command reads is in the reference.
func TestTheReferenceHasEveryVariable(t *testing.T) {
	read := map[string]string{observerVariable: "here", api.TokenVariable: "here"}
	asks := regexp.MustCompile(`os\.(?:Getenv|LookupEnv)\("([A-Z0-9_]+)"\)`)
	for _, folder := range []string{".", "../../internal/observer", "../../internal/demo", "../../pkg"} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range asks.FindAllStringSubmatch(string(text), -1) {
				read[m[1]] = path
			}
			return err
		}))
	}
	require.Greater(t, len(read), 8)
	var pages strings.Builder
	for _, name := range []string{"laban-command", "telemetry"} {
		text, err := os.ReadFile("../../docs/reference/" + name + ".md")
		require.NoError(t, err)
		pages.Write(text)
	}
	for name, path := range read {
		require.Regexp(t, "`"+name+"`", pages.String(), "%s reads it", path)
	}
}
