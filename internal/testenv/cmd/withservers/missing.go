package main

import (
	"fmt"
	"io"
	"os"

	node "github.com/laban-io/laban/internal/testenv/server"
)

// printMissing lists the servers that are neither named nor installed.
func printMissing(w io.Writer) error {
	for _, s := range servers() {
		if os.Getenv(s.named) != "" || s.installed() {
			continue
		}
		line := s.flag
		if s.flag == "jaeger" {
			path, err := node.JaegerPath()
			if err != nil {
				return err
			}
			line += " " + node.JaegerVersion + " " + path
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
