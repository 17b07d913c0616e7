package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Encode returns a dashboard as a file.
func Encode(d *Dashboard) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("encode dashboard %s: %w", d.UID, err)
	}
	return b.Bytes(), nil
}

// File is what a dashboard's file is called.
func File(d *Dashboard) string { return d.UID + ".json" }
