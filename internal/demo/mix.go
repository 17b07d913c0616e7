package demo

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/laban-io/laban/internal/nearest"
)

// Mix says how many orders of each fate there are, in proportion to the others.
type Mix [numFates]int

// DefaultMix is mostly good, and has every fate in any 50 orders.
func DefaultMix() Mix {
	return Mix{Approved: 70, Declined: 8, OutOfStock: 6, TimesOut: 4, Undeliverable: 4, Canceled: 8}
}

// maxWeight keeps sums of weights from overflowing.
const maxWeight = 1_000_000

// ParseMix reads "approved=80,declined=10,…". A fate that is not named gets no
// orders; the numbers are proportions and need not add up to 100.
func ParseMix(text string) (Mix, error) {
	var m Mix
	var given [numFates]bool
	for entry := range strings.SplitSeq(text, ",") {
		name, number, ok := strings.Cut(entry, "=")
		name, number = strings.TrimSpace(name), strings.TrimSpace(number)
		if !ok {
			return Mix{}, fmt.Errorf("%q is not of the form fate=number, such as approved=80,declined=20", strings.TrimSpace(entry))
		}
		f, err := parseFate(name)
		if err != nil {
			return Mix{}, err
		}
		if given[f] {
			return Mix{}, fmt.Errorf("%s is given twice", f)
		}
		given[f] = true
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n > maxWeight {
			return Mix{}, fmt.Errorf("%s=%q: the number must be a whole one from 0 to %d", f, number, maxWeight)
		}
		m[f] = n
	}
	if m.total() == 0 {
		return Mix{}, fmt.Errorf("%q: all numbers are 0, so no order would be placed", text)
	}
	return m, nil
}

func parseFate(name string) (Fate, error) {
	var names []string
	for _, f := range Fates() {
		if f.String() == name {
			return f, nil
		}
		names = append(names, f.String())
	}
	if meant, ok := nearest.Of(name, names); ok {
		return 0, fmt.Errorf("there is no fate %q; did you mean %q?", name, meant)
	}
	return 0, fmt.Errorf("there is no fate %q; there are %s", name, strings.Join(names, ", "))
}

func (m Mix) total() int {
	sum := 0
	for _, n := range m {
		sum += n
	}
	return sum
}

// String returns the mix as [ParseMix] reads it.
func (m Mix) String() string {
	var parts []string
	for f, n := range m {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", Fate(f), n))
		}
	}
	return strings.Join(parts, ",")
}

// share divides n orders among the fates: in proportion, rounded down, and what
// is left to those that lost most by the rounding.
func (m Mix) share(n int) Mix {
	type remainder struct{ fate, lost int }
	var (
		shares Mix
		lost   []remainder
		total  = m.total()
		left   = n
	)
	for f, weight := range m {
		exact := weight * n // at most 10⁶ · 10⁶
		shares[f] = exact / total
		left -= shares[f]
		if weight > 0 {
			lost = append(lost, remainder{f, exact % total})
		}
	}
	slices.SortStableFunc(lost, func(a, b remainder) int { return cmp.Compare(b.lost, a.lost) })
	for _, r := range lost[:left] {
		shares[r.fate]++
	}
	return shares
}

// deck deals fates: shuffled, and in each round of it exactly by the mix. So a
// run of N orders has known numbers, and every fate turns up early.
type deck struct {
	mix   Mix
	round int // cards in each round
	rng   *rand.Rand
	cards []Fate // not dealt yet
}

// endlessRound is the length of a round where the number of orders is open.
const endlessRound = 50

// newDeck returns a deck for a number of orders, 0 if that is open.
func newDeck(m Mix, orders int, rng *rand.Rand) *deck {
	return &deck{mix: m, round: cmp.Or(orders, endlessRound), rng: rng}
}

// deal returns the next fate.
func (d *deck) deal() Fate {
	if len(d.cards) == 0 {
		for f, n := range d.mix.share(d.round) {
			for range n {
				d.cards = append(d.cards, Fate(f))
			}
		}
		d.rng.Shuffle(len(d.cards), func(i, j int) { d.cards[i], d.cards[j] = d.cards[j], d.cards[i] })
	}
	last := len(d.cards) - 1
	f := d.cards[last]
	d.cards = d.cards[:last]
	return f
}
