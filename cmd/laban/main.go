// Command laban is the one command of Laban; see laban --help.
package main

import (
	"context"
	"os"
)

func main() {
	stdio := streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(run(context.Background(), os.Args[1:], stdio))
}
