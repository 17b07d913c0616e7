package choreography

import "strings"

// Step returns the reaction's name in metrics, alerts and sentences: its own,
// or what it emits, joined by "|".
func (r Reaction) Step() string {
	if r.Name != "" {
		return r.Name
	}
	return strings.Join(r.Emits, "|")
}

// Owes tells whether the reaction obliges its services to anything: it has
// triggers and answers.
func (r Reaction) Owes() bool {
	return len(r.On.Types()) > 0 && len(r.Emits) > 0
}
