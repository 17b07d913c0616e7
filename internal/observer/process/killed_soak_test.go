//go:build soak

package process_test

import (
	"path/filepath"
	"testing"

	"github.com/laban-io/laban/internal/testenv"
)

// TestSoakKilledAtRandomMoments is [TestKilledAtRandomMoments] at length, on
// both databases.
func TestSoakKilledAtRandomMoments(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		killAgainAndAgain(t, "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"), 50)
	})
	t.Run("PostgreSQL", func(t *testing.T) { killAgainAndAgain(t, testenv.PostgreSQL(t), 50) })
}
