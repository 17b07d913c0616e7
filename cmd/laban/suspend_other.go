//go:build !unix

package main

import "github.com/laban-io/laban/internal/demo"

// suspendable does nothing: this system has no ctrl-Z.
func suspendable(*demo.Screen) (release func()) { return func() {} }
