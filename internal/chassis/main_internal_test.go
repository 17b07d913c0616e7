package chassis

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also lets the test binary be a service, so that tests can send it
// real signals.
func TestMain(m *testing.M) {
	if os.Getenv(asServiceVar) != "" {
		Main(stubbornSpec())
	}
	goleak.VerifyTestMain(m)
}
