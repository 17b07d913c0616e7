package carrier_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/delivery/carrier"
)

func TestOneParcelPerKey(t *testing.T) {
	s := carrier.NewSimulated(carrier.Config{})
	first, err := s.Ship(t.Context(), carrier.Request{IdempotencyKey: "a", Reference: "1042", ShipTo: "1 Main Street"})
	require.NoError(t, err)
	again, err := s.Ship(t.Context(), carrier.Request{IdempotencyKey: "a", Reference: "1042", ShipTo: "1 Main Street"})
	require.NoError(t, err)
	other, err := s.Ship(t.Context(), carrier.Request{IdempotencyKey: "b", Reference: "1043", ShipTo: "1 Main Street"})
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.NotEqual(t, first, other)
	require.Equal(t, []carrier.Parcel{
		{TrackingNumber: first.TrackingNumber, Reference: "1042", Requests: 2},
		{TrackingNumber: other.TrackingNumber, Reference: "1043", Requests: 1},
	}, s.Parcels())
}

func TestNowhereIsUndeliverable(t *testing.T) {
	s := carrier.NewSimulated(carrier.Config{})
	_, err := s.Ship(t.Context(), carrier.Request{IdempotencyKey: "a", ShipTo: "12 Nowhere Lane"})
	var no *carrier.Undeliverable
	require.ErrorAs(t, err, &no)
	require.NotEmpty(t, no.Reason)
	require.Zero(t, s.Shipped())
}

func TestLatencyEndsWithTheCallersPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := carrier.NewSimulated(carrier.Config{Latency: time.Second})
		start := time.Now()
		_, err := s.Ship(t.Context(), carrier.Request{IdempotencyKey: "a", ShipTo: "1 Main Street"})
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err = s.Ship(ctx, carrier.Request{IdempotencyKey: "b", ShipTo: "1 Main Street"})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1, s.Shipped())
	})
}

func TestTheOldestParcelsAreForgotten(t *testing.T) {
	s := carrier.NewSimulated(carrier.Config{Remember: 2})
	for n := range 3 {
		_, err := s.Ship(t.Context(), carrier.Request{IdempotencyKey: fmt.Sprint(n), Reference: fmt.Sprint(n), ShipTo: "1 Main Street"})
		require.NoError(t, err)
	}
	require.Equal(t, 3, s.Shipped())
	require.Len(t, s.Parcels(), 2)
	require.Equal(t, "1", s.Parcels()[0].Reference)
}
