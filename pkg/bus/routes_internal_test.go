package bus

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/event"
)

func TestRoutes(t *testing.T) {
	var called string
	named := func(name string) Handler {
		return HandlerFunc(func(context.Context, event.Event) error { called = name; return nil })
	}
	var r routes
	require.NoError(t, r.add(named("pattern"), []string{"order.*"}))
	require.NoError(t, r.add(named("all"), []string{"#"}))
	require.NoError(t, r.add(named("exact"), []string{"order.placed", "c#"}))
	require.Equal(t, []string{"order.*", "#", "order.placed", "c#"}, r.keys)
	for typ, want := range map[string]string{
		"order.placed": "exact", "order.canceled": "pattern", "order.item.added": "all", "c#": "exact", "stock": "all",
	} {
		require.NoError(t, r.find(typ).Handle(context.Background(), event.Event{}))
		require.Equal(t, want, called, typ)
	}
	require.ErrorContains(t, r.add(named("again"), []string{"stock.confirmed", "order.placed"}), `"order.placed" has a handler already`)
	require.ErrorContains(t, r.add(named("again"), []string{"#"}), `"#" has a handler already`)
	require.ErrorContains(t, r.add(named("empty"), []string{""}), "empty")

	var none routes
	require.Nil(t, none.find("order.placed"))
}
