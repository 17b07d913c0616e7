package order

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// short names the facts in the tables below.
var short = map[string]string{
	"CR": orderCancelRequested, "SR": stockRejected, "PR": paymentRejected, "DF": deliveryFailed, "SH": orderShipped,
	"CA": orderCanceled, "CF": orderCancelRefused, "ST": stockReturned, "RF": refundProcessed,
}

// histories are the complete sets of facts with which an order can end, besides
// order.placed, by the contract.
var histories = []string{
	"SH",             // shipped
	"SR",             // out of stock
	"PR ST",          // declined
	"DF ST RF",       // the carrier failed
	"CR CA SR",       // canceled before stock was reserved, or while it was out of stock
	"CR CA PR ST",    // canceled before it was paid, or while it was declined
	"CR CA RF ST",    // canceled after it was paid
	"CR CF SH",       // canceled too late
	"CR CF DF ST RF", // canceled too late, and then the carrier failed
}

// statusTable has every set of facts that order can know at some moment of one
// of these histories, whatever the order of arrival.
var statusTable = map[string]Status{
	"": Placed,

	// Not canceled.
	"SH": Shipped,
	"SR": Rejected,
	"PR": Rejected, "PR ST": Rejected,
	"DF": Failed, "DF ST": Failed, "DF RF": Failed, "DF RF ST": Failed,
	"ST": Placed, "RF": Placed, "RF ST": Placed, // undone for a reason that is yet to come

	// Canceled, and delivery has not answered.
	"CR": Canceling, "CR SR": Canceling, "CR PR": Canceling, "CR PR ST": Canceling,
	"CR ST": Canceling, "CR RF": Canceling, "CR RF ST": Canceling,

	// Canceled, and delivery agreed.
	"CA CR": Canceled, "CA CR SR": Canceled, "CA CR PR": Canceled, "CA CR PR ST": Canceled,
	"CA CR ST": Canceled, "CA CR RF": Canceled, "CA CR RF ST": Canceled,

	// Canceled too late; the refusal may come after what it refers to.
	"CF CR": Placed, "CF CR SH": Shipped, "CR SH": Shipped,
	"CF CR DF": Failed, "CF CR DF ST": Failed, "CF CR DF RF": Failed, "CF CR DF RF ST": Failed,
	"CR DF": Failed, "CR DF ST": Failed, "CR DF RF": Failed, "CR DF RF ST": Failed,
	"CF CR ST": Placed, "CF CR RF": Placed, "CF CR RF ST": Placed,
}

func TestStatusOfEverySetOfFacts(t *testing.T) {
	require.ElementsMatch(t, slices.Collect(maps.Keys(possibleSets())), slices.Collect(maps.Keys(statusTable)),
		"the table has exactly the sets that can occur")
	for set, want := range statusTable {
		require.Equal(t, want, statusOf(factsNamed(set)), "facts: %s", set)
	}
}

// TestStatusOfContradictions: facts that exclude each other never look like a
// regular end.
func TestStatusOfContradictions(t *testing.T) {
	for _, set := range []string{"SH SR", "SH PR", "DF SH", "CA SH", "CA CR SH", "CA CF", "CA CF CR", "CA CF CR SH"} {
		require.Equal(t, Inconsistent, statusOf(factsNamed(set)), "facts: %s", set)
	}
}

// TestStatusIgnoresOrderAndRepetition: the status is one of a set.
func TestStatusIgnoresOrderAndRepetition(t *testing.T) {
	for set, want := range statusTable {
		facts := factsNamed(set)
		slices.Reverse(facts)
		require.Equal(t, want, statusOf(append(facts, facts...)), "facts: %s, reversed and twice", set)
	}
}

func TestEndedStatuses(t *testing.T) {
	var ended []Status
	for _, s := range statuses() {
		if s.Ended() {
			ended = append(ended, s)
		}
	}
	require.Equal(t, []Status{Shipped, Rejected, Failed, Canceled, Inconsistent}, ended)
}

// possibleSets returns the sets of facts that can be known at some moment: any
// part of a history, except that delivery's answer is to a request, which order
// itself made.
func possibleSets() map[string]bool {
	sets := make(map[string]bool)
	for _, history := range histories {
		facts := strings.Fields(history)
		for mask := range 1 << len(facts) {
			var set []string
			for i, f := range facts {
				if mask&(1<<i) != 0 {
					set = append(set, f)
				}
			}
			answered := slices.Contains(set, "CA") || slices.Contains(set, "CF")
			if answered && !slices.Contains(set, "CR") {
				continue
			}
			slices.Sort(set)
			sets[strings.Join(set, " ")] = true
		}
	}
	return sets
}

func factsNamed(set string) []fact {
	facts := []fact{{eventType: orderPlaced}}
	for _, f := range strings.Fields(set) {
		facts = append(facts, fact{eventType: short[f]})
	}
	return facts
}
