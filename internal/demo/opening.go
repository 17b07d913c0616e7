package demo

import "fmt"

// opening says what runs, and where.
func (d *demo) opening() []line {
	var ls []line
	if d.watcher != nil {
		ls = append(ls, line{{"  observer   ", dim}, {d.watcher.address, cyan}, {"   open it in a browser; or " + d.watcher.terminal(), dim}})
	}
	ls = append(ls, line{{"  order API  ", dim}, {d.api, cyan}, {"   GET /orders  POST /orders  /openapi.json", dim}})
	if d.tracesTo != "" {
		ls = append(ls, line{{"  traces     ", dim}, {d.tracesTo, cyan}})
	}
	if d.cfg.Keep != "" {
		ls = append(ls, line{{"  databases  ", dim}, {d.dir, plainText}})
	}
	if d.cfg.LogFile != "" {
		ls = append(ls, line{{"  log        ", dim}, {d.cfg.LogFile, plainText}})
	}
	switch {
	case d.cfg.Gentle:
		n := 0
		for _, f := range d.cfg.Faults {
			n += f.Times
		}
		ls = append(ls, line{{"  faults     ", dim}, {plural(n, "order") + " will get stuck on purpose, for you to find", plainText}, {"   --faults=none: none will", dim}})
	case len(d.cfg.Faults) > 0:
		ls = append(ls, line{{"  faults     ", dim}, {faultsText(d.cfg.Faults), plainText}})
	}
	if d.cfg.Hurry != 1 {
		ls = append(ls, line{{"  deadlines  ", dim}, {fmt.Sprintf("those of the contract divided by %g (--hurry), so that one need not wait", d.cfg.Hurry), plainText}})
	}
	return append(ls, line{{"  orders     ", dim}, {d.plan(), plainText}}, nil)
}

// plan says which orders will be placed.
func (d *demo) plan() string {
	n := "until ctrl-C"
	if d.cfg.Orders > 0 {
		n = thousands(int64(d.cfg.Orders))
	}
	pace := fmt.Sprintf("%g a second", *d.cfg.Rate)
	if *d.cfg.Rate == 0 {
		pace = fmt.Sprintf("%d at a time", d.cfg.Concurrency)
	}
	return fmt.Sprintf("%s, %s, seed %d", n, pace, d.cfg.Seed)
}
