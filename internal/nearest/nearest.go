// Package nearest finds the word that somebody who mistyped most likely meant,
// so that an error can name it. It knows spelling, not meaning.
package nearest

// Of returns the candidate that is nearest to word, and whether one is near
// enough to be worth a suggestion: at most one slip (a letter too many, too few,
// wrong, or swapped with its neighbour) for each three letters, and one in any
// case. Of two that are equally near it returns the first. Letter case counts
// as a slip.
func Of(word string, candidates []string) (string, bool) {
	best, bestSlips := "", max(1, len([]rune(word))/3)+1
	for _, c := range candidates {
		if n := slips(word, c); n < bestSlips {
			best, bestSlips = c, n
		}
	}
	return best, best != ""
}

// slips is the optimal string alignment distance of two words.
func slips(a, b string) int {
	s, t := []rune(a), []rune(b)
	var before []int // the row before the last one
	last := make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row := make([]int, len(t)+1)
		row[0] = i
		for j := 1; j <= len(t); j++ {
			wrong := 1
			if s[i-1] == t[j-1] {
				wrong = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+wrong)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(t)]
}
