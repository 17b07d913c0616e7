package messaging

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

type ownType struct{ t string }

func (e ownType) Error() string     { return "own" }
func (e ownType) ErrorType() string { return e.t }

func TestErrorType(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	known := []Known{{first, "first"}, {second, "second"}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{first, "first"},
		{errors.Join(fmt.Errorf("x: %w", second), fmt.Errorf("y: %w", first)), "first"},
		{fmt.Errorf("x: %w", ownType{"own"}), "own"},
		{ownType{""}, "_OTHER"},
		{ownType{"\xff"}, "\uFFFD"},
		{context.Canceled, "canceled"},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), "timeout"},
		{os.ErrDeadlineExceeded, "timeout"},
		{errors.New("x"), "_OTHER"},
	} {
		require.Equal(t, c.want, ErrorType(c.err, known), "%v", c.err)
	}
}
