package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/outbox"
)

func TestRelayPublishesWhatIsCommittedAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{}
		ob := db.newOutbox(t, b, outbox.Config{PollInterval: time.Hour})
		run(t, ob)
		var want []string
		for i := range 20 {
			id := fmt.Sprint(i)
			want = append(want, id)
			publish(t, ob, evt(id, "k"))
			require.Eventually(t, func() bool { return len(b.ids()) == i+1 }, patience, time.Millisecond)
		}
		require.Equal(t, want, b.ids())
		require.Eventually(t, func() bool { return db.count(t, "SELECT count(*) FROM outbox") == 0 }, patience, time.Millisecond)
	})
}
