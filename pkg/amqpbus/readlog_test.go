package amqpbus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// fill puts numbered records into the log and waits until it has them.
func fill(t *testing.T, transport bus.Transport, from, to int) {
	t.Helper()
	var confirmed sync.WaitGroup
	for i := from; i < to; i++ {
		e := event.New("numbered", i)
		e.ID, e.Source, e.Time = fmt.Sprint(i), "test", time.Now()
		confirmed.Add(1)
		transport.Send(t.Context(), &bus.Message{Event: e, RoutingKey: e.Type}, func(err error) {
			if err != nil {
				t.Errorf("send %d: %v", i, err)
			}
			confirmed.Done()
		})
	}
	confirmed.Wait()
}

func TestReadLogReadsAllThereIs(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	transport := open(t, broker.URL)
	cfg := amqpbus.Config{URLs: []string{broker.URL}}
	read := func() (ids []string, last uint64) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		require.NoError(t, amqpbus.ReadLog(ctx, cfg, func(r bus.LogRecord, end uint64) error {
			require.NoError(t, r.Malformed)
			ids, last = append(ids, r.Event.ID), end
			return nil
		}))
		return ids, last
	}
	ids, _ := read()
	require.Empty(t, ids, "of an empty log")

	fill(t, transport, 0, 1)
	ids, last := read()
	require.Equal(t, []string{"0"}, ids)
	require.Zero(t, last)

	const many = 5000 // more than a reader's credit
	fill(t, transport, 1, many)
	ids, last = read()
	require.Len(t, ids, many)
	require.EqualValues(t, many-1, last)
	for i, id := range ids {
		require.Equal(t, fmt.Sprint(i), id)
	}
}

func TestReadLogEndsWhereItsReaderSays(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	fill(t, open(t, broker.URL), 0, 10)
	enough := errors.New("enough")
	n := 0
	err := amqpbus.ReadLog(t.Context(), amqpbus.Config{URLs: []string{broker.URL}}, func(bus.LogRecord, uint64) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, 3, n)
}

// TestReadLogChangesNothing looks at a virtual host where no service ever ran.
func TestReadLogChangesNothing(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	err := amqpbus.ReadLog(t.Context(), amqpbus.Config{URLs: []string{broker.URL}}, nil)
	require.ErrorContains(t, err, "there is no log events.log")
	_, err = channel(t, broker.URL).QueueDeclarePassive("events.log", true, false, false, false, nil)
	require.Error(t, err, "reading must not make a log")
}

func TestReadLogWithoutABroker(t *testing.T) {
	err := amqpbus.ReadLog(t.Context(), amqpbus.Config{URLs: []string{"amqp://u:secret@127.0.0.1:1/"}, ConnectTimeout: time.Second}, nil)
	require.ErrorContains(t, err, "connect to amqp://")
	require.NotContains(t, err.Error(), "secret")
}
