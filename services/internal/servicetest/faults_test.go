package servicetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/internal/servicetest"
)

func TestFaultsComeAsPlanned(t *testing.T) {
	var f servicetest.Faults
	effects := 0
	step := func() (string, error) {
		return servicetest.Step(&f, func() (string, error) {
			effects++
			return "done", nil
		})
	}
	f.Plan(servicetest.None, servicetest.Before, servicetest.After)
	for _, want := range []struct {
		effects int
		answer  string
		err     error
	}{
		{1, "done", nil},
		{1, "", servicetest.ErrInjected},
		{2, "", servicetest.ErrInjected},
		{3, "done", nil},
	} {
		answer, err := step()
		require.Equal(t, want.answer, answer)
		require.ErrorIs(t, err, want.err)
		require.Equal(t, want.effects, effects)
	}
}
