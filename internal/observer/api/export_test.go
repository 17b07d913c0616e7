package api

// MaxGuessers bounds what Guessers returns.
const MaxGuessers = maxGuessers

// Guessers is of how many addresses guesses are remembered.
func (a *API) Guessers() int {
	a.attempts.mu.Lock()
	defer a.attempts.mu.Unlock()
	return len(a.attempts.from)
}
