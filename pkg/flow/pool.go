package flow

// Most flows have no more than this many events and obligations, which are kept
// with the flow, so that following it touches one place in memory.
const (
	ownEvents      = 8
	ownObligations = 9
)

// pool makes flows of the memory of those that are forgotten, so that a tracker
// with a steady number of them allocates little, and has its flows side by side.
type pool struct {
	spare []*instance
	block []instance
}

// perBlock is how many flows are allocated together: about ten pages.
const perBlock = 61

// take returns a flow without anything.
func (p *pool) take() *instance {
	if last := len(p.spare) - 1; last >= 0 {
		f := p.spare[last]
		p.spare[last], p.spare = nil, p.spare[:last]
		*f = instance{}
		f.events, f.obligations = f.ownEvents[:0], f.ownObligations[:0]
		return f
	}
	if len(p.block) == 0 {
		p.block = make([]instance, perBlock)
	}
	f := &p.block[0]
	p.block = p.block[1:]
	f.events, f.obligations = f.ownEvents[:0], f.ownObligations[:0]
	return f
}

// give takes back a flow that nothing refers to any more but the deadlines,
// which ask when they are due. What it holds is let go.
func (p *pool) give(f *instance) {
	f.text, f.events, f.obligations, f.rare = "", nil, nil, nil
	p.spare = append(p.spare, f)
}
