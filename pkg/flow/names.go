package flow

// names finds the numbers of a contract's names by little of each: its length
// and some of its characters tell most of them apart.
type names struct {
	slots []name
	mask  uint32
}

type name struct {
	text   string
	number uint16
	taken  bool
}

// namesOf gives each name its index as its number.
func namesOf(all []string) names {
	size := 4
	for size < 4*len(all) {
		size *= 2
	}
	n := names{slots: make([]name, size), mask: uint32(size - 1)} //nolint:gosec // a contract has far fewer
	for i, text := range all {
		at := n.home(text)
		for n.slots[at].taken {
			at = (at + 1) & n.mask
		}
		n.slots[at] = name{text: text, number: uint16(i), taken: true}
	}
	return n
}

// home is where a name is looked for first.
func (n *names) home(text string) uint32 {
	l := len(text)
	if l == 0 {
		return 0
	}
	mixed := uint32(l)<<24 ^ uint32(text[0])<<16 ^ uint32(text[l/2])<<8 ^ uint32(text[l-1]) ^ uint32(text[2*l/3])<<12 //nolint:gosec // bits are bits
	return mixed * 0x9e3779b1 >> 8 & n.mask
}

// get returns the number of a name.
func (n *names) get(text string) (uint16, bool) {
	for at := n.home(text); n.slots[at].taken; at = (at + 1) & n.mask {
		if n.slots[at].text == text {
			return n.slots[at].number, true
		}
	}
	return 0, false
}
