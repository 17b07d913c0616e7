// Generate writes Grafana's dashboards into the folder grafana. Run it in the
// folder dashboards: go generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/laban-io/laban/dashboards/internal/grafana"
)

func main() {
	if err := run("grafana"); err != nil {
		fmt.Fprintf(os.Stderr, "generate: %v\n", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	for _, board := range grafana.All() {
		text, err := grafana.Encode(&board)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, grafana.File(&board)), text, 0o644); err != nil { //nolint:gosec // it is published
			return err
		}
	}
	return nil
}
