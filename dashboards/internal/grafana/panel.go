package grafana

import "strconv"

// nothing is said where there is nothing to show, rather than "No data", which
// sounds like a mistake.
const nothing = "none"

// query asks Prometheus for a range.
func query(expr, legend string) Target {
	return Target{Datasource: prometheus(), Expr: expr, Legend: legend, Range: true}
}

// now asks Prometheus for this moment.
func now(expr, legend string) Target {
	return Target{Datasource: prometheus(), Expr: expr, Legend: legend, Instant: true}
}

// exemplary shows exemplars as well, which lead to traces.
func exemplary(t Target) Target {
	t.Exemplar = true
	return t
}

// sql asks the ledger.
func sql(text string) Target {
	return Target{Datasource: postgres(), SQL: text, Raw: true, Editor: "code", Format: "table"}
}

// base is the colour below all thresholds.
func base(color string) Step { return Step{Color: color} }

// from is the colour from a value on.
func from(value float64, color string) Step { return Step{Color: color, Value: &value} }

// quietUntil is green below a value.
func quietUntil(value float64, color string) []Step { return []Step{base("green"), from(value, color)} }

// panel is what all kinds have in common.
func panel(kind, title, description, unit string, steps []Step, targets []Target) Panel {
	for i := range targets {
		targets[i].RefID = string(rune('A' + i))
	}
	p := Panel{
		Type: kind, Title: title, Description: description, Targets: targets,
		Fields: &Fields{Defaults: Field{
			Unit: unit, NoValue: nothing, Color: &Color{"thresholds"}, Thresholds: &Thresholds{"absolute", steps},
		}, Overrides: []Override{}},
	}
	if len(targets) > 0 {
		ds := targets[0].Datasource
		p.Datasource = &ds
	}
	return p
}

// stat is one figure, or one for each series.
func stat(title, description, unit string, steps []Step, targets ...Target) Panel {
	p := panel("stat", title, description, unit, steps, targets)
	p.Options = map[string]any{
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"colorMode":     "value", "graphMode": "area", "justifyMode": "auto", "textMode": "auto", "orientation": "auto",
	}
	return p
}

// series are lines over time.
func series(title, description, unit string, steps []Step, targets ...Target) Panel {
	p := panel("timeseries", title, description, unit, steps, targets)
	zero := 0.0
	p.Fields.Defaults.Color = &Color{"palette-classic"}
	p.Fields.Defaults.Min = &zero
	mark := "off"
	if len(steps) > 1 {
		mark = "dashed"
	}
	p.Fields.Defaults.Custom = map[string]any{
		"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": false,
		"thresholdsStyle": map[string]any{"mode": mark},
	}
	p.Options = map[string]any{
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	}
	return p
}

// signed lets lines go below zero.
func signed(p Panel) Panel {
	p.Fields.Defaults.Min = nil
	return p
}

// stacked adds lines up.
func stacked(p Panel) Panel {
	p.Fields.Defaults.Custom["stacking"] = map[string]any{"mode": "normal", "group": "A"}
	p.Fields.Defaults.Custom["fillOpacity"] = 40
	return p
}

// bars are one bar for each series.
func bars(title, description, unit string, steps []Step, targets ...Target) Panel {
	p := panel("bargauge", title, description, unit, steps, targets)
	zero := 0.0
	p.Fields.Defaults.Min = &zero
	p.Options = map[string]any{
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"orientation":   "horizontal", "displayMode": "gradient", "showUnfilled": true, "valueMode": "color",
	}
	return p
}

// heat is a histogram over time.
func heat(title, description string, target Target) Panel {
	target.Format = "heatmap"
	p := panel("heatmap", title, description, "s", []Step{base("green")}, []Target{target})
	p.Options = map[string]any{
		"calculate": false, "cellGap": 1,
		"color":     map[string]any{"mode": "scheme", "scheme": "Blues", "scale": "exponential", "exponent": 0.5, "steps": 64, "reverse": false},
		"yAxis":     map[string]any{"unit": "s", "axisPlacement": "left"},
		"rowsFrame": map[string]any{"layout": "auto"},
		"exemplars": map[string]any{"color": "rgba(255,0,255,0.7)"},
		"tooltip":   map[string]any{"mode": "single", "yHistogram": true},
		"legend":    map[string]any{"show": true},
	}
	return p
}

// table shows rows.
func table(title, description string, target Target, overrides ...Override) Panel {
	p := panel("table", title, description, "short", []Step{base("text")}, []Target{target})
	p.Fields.Defaults.Custom = map[string]any{"align": "auto", "filterable": true}
	p.Fields.Overrides = append(p.Fields.Overrides, overrides...)
	p.Options = map[string]any{"showHeader": true, "cellHeight": "sm"}
	return p
}

// column changes how one looks.
func column(name string, properties ...Property) Override {
	return Override{Matcher{"byName", name}, properties}
}

func unit(u string) Property { return Property{"unit", u} }

func hidden() Property { return Property{"custom.hidden", true} }

func width(w int) Property { return Property{"custom.width", w} }

// leads makes the values of a column links.
func leads(links ...Link) Property { return Property{"links", links} }

// painted colours a column by its value.
func painted(steps ...Step) []Property {
	return []Property{{"thresholds", Thresholds{"absolute", steps}}, {"custom.cellOptions", map[string]any{"type": "color-text"}}}
}

// words are shown in the colour of what they mean.
func words(colors map[string]string) []Property {
	options := map[string]any{}
	n := 0
	for _, word := range []string{"completed", "running", "compensating", "failed", "stalled", "inconsistent", "unknown", "closed", "met", "open", "dormant", "void"} {
		if color := colors[word]; color != "" {
			options[word] = map[string]any{"color": color, "index": n}
			n++
		}
	}
	return []Property{
		{"mappings", []any{map[string]any{"type": "value", "options": options}}},
		{"custom.cellOptions", map[string]any{"type": "color-text"}},
	}
}

// note is text.
func note(title, description, markdown string) Panel {
	return Panel{Type: "text", Title: title, Description: description, Options: map[string]any{"mode": "markdown", "content": markdown}}
}

// linked gives each value of a panel links.
func linked(p Panel, links ...Link) Panel {
	p.Fields.Defaults.Links = links
	return p
}

// drilled gives a panel's title links.
func drilled(p Panel, links ...Link) Panel {
	p.Links = links
	return p
}

// quantile of a histogram, by labels.
func quantile(q float64, metric, selector, by string) string {
	return "histogram_quantile(" + strconv.FormatFloat(q, 'g', -1, 64) + ", sum by (le" + by + ") (rate(" + metric + "_bucket" + selector + "[$__rate_interval])))"
}
