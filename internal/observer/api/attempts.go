package api

import (
	"crypto/sha256"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Guesses of the token are limited for each address, so that none can be found
// by trying: ten at once, and then one every six seconds. A guess that was made
// just before is none: a client with an old token, which asks again and again,
// keeps nobody out.
const (
	guessesAtOnce = 10
	guessAgain    = 6 * time.Second
	// maxGuessers is of how many addresses guesses are remembered. Where there are
	// more, the one forgotten is that which guessed least.
	maxGuessers = 4096
)

// attempts remembers who guessed the token. It is safe for concurrent use.
type attempts struct {
	now func() time.Time

	mu   sync.Mutex
	from map[netip.Prefix]guesser
}

// guesser is an address that gave another token.
type guesser struct {
	// free is when all of its guesses will have been forgotten.
	free time.Time
	last [sha256.Size]byte
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, from: map[netip.Prefix]guesser{}}
}

// take notes that an address gave a token, right or not. It returns how long the
// address has to wait: nobody is to look at the token meanwhile, since a guess
// that is answered is a guess.
func (a *attempts) take(address, given string, right bool) (wait time.Duration) {
	digest, now, where := sha256.Sum256([]byte(given)), a.now(), neighbourhood(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	g, known := a.from[where]
	if wait := g.free.Sub(now) - (guessesAtOnce-1)*guessAgain; known && wait > 0 {
		return wait
	}
	if right || known && g.last == digest {
		return 0
	}
	if !known && len(a.from) >= maxGuessers {
		a.forget(now)
	}
	if g.free.Before(now) {
		g.free = now
	}
	g.free, g.last = g.free.Add(guessAgain), digest
	a.from[where] = g
	return 0
}

// forget makes room for another address.
func (a *attempts) forget(now time.Time) {
	var least netip.Prefix
	first := true
	for where, g := range a.from {
		if g.free.Before(now) {
			delete(a.from, where)
			continue
		}
		if first || g.free.Before(a.from[least].free) {
			least, first = where, false
		}
	}
	if len(a.from) >= maxGuessers {
		delete(a.from, least)
	}
}

// neighbourhood is whom an address belongs to: of IPv6 it is a network, since
// whoever has one address there has them all.
func neighbourhood(address string) netip.Prefix {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return netip.Prefix{}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	ip = ip.Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	where, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return where
}

// retryAfter tells a client when to come again.
func retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
}

const tooManyGuesses = "too many wrong tokens came from this address: wait for as long as Retry-After says, and send the one that the observer was started with (" + TokenVariable + ")"
