package grafana

// Dashboard is one, as Grafana stores it.
type Dashboard struct {
	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`
	Tags          []string `json:"tags"`
	Editable      bool     `json:"editable"`
	SchemaVersion int      `json:"schemaVersion"`
	// Tooltip 1 shares the cross-hair between panels.
	Tooltip     int         `json:"graphTooltip"`
	Refresh     string      `json:"refresh"`
	Time        Range       `json:"time"`
	Links       []Link      `json:"links"`
	Annotations Annotations `json:"annotations"`
	Templating  Templating  `json:"templating"`
	Panels      []Panel     `json:"panels"`
}

// Range is a range of time.
type Range struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Link leads from a dashboard, a panel or a value to elsewhere.
type Link struct {
	Title       string   `json:"title"`
	URL         string   `json:"url,omitempty"`
	Type        string   `json:"type,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	AsDropdown  bool     `json:"asDropdown,omitempty"`
	KeepTime    bool     `json:"keepTime,omitempty"`
	IncludeVars bool     `json:"includeVars,omitempty"`
	TargetBlank bool     `json:"targetBlank,omitempty"`
}

// Source names a data source.
type Source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Annotations are marks on the time axis.
type Annotations struct {
	List []Annotation `json:"list"`
}

// Annotation is one kind of them.
type Annotation struct {
	Name        string `json:"name"`
	Datasource  Source `json:"datasource"`
	Enable      bool   `json:"enable"`
	IconColor   string `json:"iconColor"`
	Expr        string `json:"expr"`
	Step        string `json:"step"`
	TitleFormat string `json:"titleFormat"`
	TextFormat  string `json:"textFormat"`
	TagKeys     string `json:"tagKeys"`
}

// Templating holds the variables.
type Templating struct {
	List []Variable `json:"list"`
}

// Variable is what a reader chooses.
type Variable struct {
	Name        string   `json:"name"`
	Label       string   `json:"label"`
	Description string   `json:"description"`
	Type        string   `json:"type"`
	Query       any      `json:"query"`
	Datasource  *Source  `json:"datasource,omitempty"`
	Definition  string   `json:"definition,omitempty"`
	Refresh     int      `json:"refresh,omitempty"`
	Sort        int      `json:"sort,omitempty"`
	Multi       bool     `json:"multi,omitempty"`
	IncludeAll  bool     `json:"includeAll,omitempty"`
	AllValue    string   `json:"allValue,omitempty"`
	Current     *Current `json:"current,omitempty"`
	Options     []Option `json:"options,omitempty"`
	Hide        int      `json:"hide,omitempty"`
}

// Current is the choice at first.
type Current struct {
	Selected bool `json:"selected"`
	Text     any  `json:"text"`
	Value    any  `json:"value"`
}

// Option is one to choose.
type Option struct {
	Selected bool   `json:"selected"`
	Text     string `json:"text"`
	Value    string `json:"value"`
}

// Grid is where a panel is, in 24ths of the width.
type Grid struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// Panel is one picture, or the heading of a row of them.
type Panel struct {
	ID          int            `json:"id"`
	Type        string         `json:"type"`
	Title       string         `json:"title"`
	Description string         `json:"description,omitempty"`
	Grid        Grid           `json:"gridPos"`
	Collapsed   *bool          `json:"collapsed,omitempty"`
	Datasource  *Source        `json:"datasource,omitempty"`
	Targets     []Target       `json:"targets,omitempty"`
	Fields      *Fields        `json:"fieldConfig,omitempty"`
	Options     map[string]any `json:"options,omitempty"`
	Transform   []any          `json:"transformations,omitempty"`
	Links       []Link         `json:"links,omitempty"`
	Panels      []Panel        `json:"panels,omitempty"`
}

// Target is a query.
type Target struct {
	RefID      string `json:"refId"`
	Datasource Source `json:"datasource"`
	// Of Prometheus.
	Expr     string `json:"expr,omitempty"`
	Legend   string `json:"legendFormat,omitempty"`
	Instant  bool   `json:"instant,omitempty"`
	Range    bool   `json:"range,omitempty"`
	Exemplar bool   `json:"exemplar,omitempty"`
	Format   string `json:"format,omitempty"`
	// Of PostgreSQL.
	SQL    string `json:"rawSql,omitempty"`
	Raw    bool   `json:"rawQuery,omitempty"`
	Editor string `json:"editorMode,omitempty"`
	// Of Jaeger.
	QueryType string `json:"queryType,omitempty"`
	Query     string `json:"query,omitempty"`
	Service   string `json:"service,omitempty"`
	Tags      string `json:"tags,omitempty"`
	Limit     int    `json:"limit,omitempty"`
}

// Fields say how values look.
type Fields struct {
	Defaults  Field      `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// Field is how one looks.
type Field struct {
	Unit       string         `json:"unit,omitempty"`
	Decimals   *int           `json:"decimals,omitempty"`
	Min        *float64       `json:"min,omitempty"`
	Max        *float64       `json:"max,omitempty"`
	NoValue    string         `json:"noValue,omitempty"`
	Color      *Color         `json:"color,omitempty"`
	Thresholds *Thresholds    `json:"thresholds,omitempty"`
	Mappings   []any          `json:"mappings,omitempty"`
	Links      []Link         `json:"links,omitempty"`
	Custom     map[string]any `json:"custom,omitempty"`
}

// Color says where a colour comes from.
type Color struct {
	Mode string `json:"mode"`
}

// Thresholds are values from which a colour holds.
type Thresholds struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// Step is one of them; the first has no value.
type Step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// Override changes how some fields look.
type Override struct {
	Matcher    Matcher    `json:"matcher"`
	Properties []Property `json:"properties"`
}

// Matcher names fields.
type Matcher struct {
	ID      string `json:"id"`
	Options string `json:"options"`
}

// Property is what is changed.
type Property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}
