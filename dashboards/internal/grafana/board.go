package grafana

import "strings"

// All are Laban's dashboards, from the overview to the detail.
func All() []Dashboard {
	return []Dashboard{overview(), stuck(), flow(), services(), broker(), telemetry()}
}

// Data sources are variables, so that a dashboard serves every Grafana.
func prometheus() Source { return Source{Type: "prometheus", UID: "${prometheus}"} }
func jaeger() Source     { return Source{Type: "jaeger", UID: "${jaeger}"} }
func postgres() Source   { return Source{Type: "postgres", UID: "${postgres}"} }

// newBoard is a dashboard with what all have: the others' links, the alerts as
// annotations, and the variables for data sources.
func newBoard(uid, title, description string, variables []Variable, lines ...line) Dashboard {
	return Dashboard{
		UID: uid, Title: title, Description: description, Tags: []string{"laban"},
		SchemaVersion: 39, Tooltip: 1, Refresh: "10s", Time: Range{"now-1h", "now"},
		Links: []Link{
			{Title: "Laban", Type: "dashboards", Tags: []string{"laban"}, KeepTime: true, IncludeVars: true},
			{Title: "The observer's pages", Type: "link", URL: "${laban_url}/", TargetBlank: true},
		},
		Annotations: Annotations{[]Annotation{{
			Name: "Alerts", Datasource: prometheus(), Enable: true, IconColor: "red", Step: "30s",
			Expr:        `ALERTS{alertname=~"Laban.+",alertname!="LabanWatchdog",alertstate="firing"}`,
			TitleFormat: "{{alertname}}", TextFormat: "{{choreography}} {{service}} {{step}} {{cause}} {{queue}} {{reason}}", TagKeys: "severity",
		}}},
		Templating: Templating{append([]Variable{
			sourceVariable("prometheus", "Prometheus", "Where metrics are."),
			addressVariable(),
		}, variables...)},
		Panels: place(lines),
	}
}

func sourceVariable(name, label, description string) Variable {
	return Variable{Name: name, Label: label, Description: description, Type: "datasource", Query: name, Refresh: 1}
}

func jaegerVariable() Variable { return sourceVariable("jaeger", "Jaeger", "Where traces are.") }

func postgresVariable() Variable {
	return sourceVariable("postgres", "Ledger", "The observer's ledger, in PostgreSQL.")
}

// addressVariable is where the observer's pages are, as a browser reaches them.
func addressVariable() Variable {
	const address = "http://127.0.0.1:7070"
	return Variable{
		Name: "laban_url", Label: "Observer", Description: "Where the observer's pages are, as your browser reaches them.", Type: "textbox", Query: address,
		Current: &Current{Text: address, Value: address}, Options: []Option{{Selected: true, Text: address, Value: address}},
	}
}

// labelVariable offers the values of a label.
func labelVariable(name, label, description, selector string) Variable {
	ds := prometheus()
	query := "label_values(" + selector + ", " + name + ")"
	return Variable{
		Name: name, Label: label, Description: description, Type: "query", Datasource: &ds, Definition: query,
		Query:   map[string]any{"query": query, "refId": "Values"},
		Refresh: 2, Sort: 1, Multi: true, IncludeAll: true, AllValue: ".*",
		Current: &Current{Selected: true, Text: []string{"All"}, Value: []string{"$__all"}},
	}
}

func choreographyVariable() Variable {
	return labelVariable("choreography", "Choreography", "Which contracts' flows are shown.", "laban_flows_started_total")
}

func serviceVariable(selector string) Variable {
	return labelVariable("service", "Service", "Which services are shown.", selector)
}

// textVariable is typed in, or set by a link.
func textVariable(name, label, description string) Variable {
	return Variable{
		Name: name, Label: label, Description: description, Type: "textbox", Query: "",
		Current: &Current{Text: "", Value: ""}, Options: []Option{{Selected: true}},
	}
}

// line is a line of panels of one height, or a heading.
type line struct {
	height int
	panels []Panel
}

func heading(title string) line {
	open := false
	return line{1, []Panel{{Type: "row", Title: title, Collapsed: &open, Grid: Grid{W: 24}}}}
}

func across(height int, panels ...Panel) line { return line{height, panels} }

// wide gives a panel its width, in 24ths.
func wide(w int, p Panel) Panel {
	p.Grid.W = w
	return p
}

// place numbers the panels and gives them their places.
func place(lines []line) []Panel {
	var panels []Panel
	y := 0
	for _, l := range lines {
		x := 0
		for _, p := range l.panels {
			p.ID = len(panels) + 1
			p.Grid = Grid{H: l.height, W: p.Grid.W, X: x, Y: y}
			x += p.Grid.W
			panels = append(panels, p)
		}
		y += l.height
	}
	return panels
}

// at is the address of another dashboard, with the time and the variables of
// this one and what is said beyond.
func at(uid string, with ...string) string {
	return "/d/" + uid + "?${__url_time_range}&${prometheus:queryparam}&${laban_url:queryparam}" + strings.Join(append([]string{""}, with...), "&")
}
