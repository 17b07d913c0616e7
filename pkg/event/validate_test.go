package event_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/event"
)

// minimal is the least that may be published.
func minimal() event.Event {
	return event.Event{ID: "1", Source: "order", Type: "order.placed", Time: time.Unix(1_700_000_000, 0)}
}

func TestValidate(t *testing.T) {
	require.NoError(t, minimal().Validate())
	long := strings.Repeat("x", event.MaxAttribute)
	extensions := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint("x", i)] = "y"
		}
		return m
	}
	for name, c := range map[string]struct {
		change func(*event.Event)
		err    string // what the error says; none if empty
	}{
		"no id":      {func(e *event.Event) { e.ID = "" }, "no id"},
		"no source":  {func(e *event.Event) { e.Source = "" }, "no source"},
		"no type":    {func(e *event.Event) { e.Type = "" }, "no type"},
		"no time":    {func(e *event.Event) { e.Time = time.Time{} }, "no time"},
		"flow":       {func(e *event.Event) { e.FlowName, e.FlowID = "order", "f" }, ""},
		"half flow":  {func(e *event.Event) { e.FlowName = "order" }, `flow name "order" with flow id "": give both or none`},
		"other half": {func(e *event.Event) { e.FlowID = "f" }, "give both or none"},

		"longest id":      {func(e *event.Event) { e.ID = long }, ""},
		"too long id":     {func(e *event.Event) { e.ID = long + "x" }, "id: 256 bytes long, at most 255 are allowed"},
		"too long schema": {func(e *event.Event) { e.DataSchema = long + "x" }, "dataschema: 256 bytes"},
		"umlauts count":   {func(e *event.Event) { e.Subject = strings.Repeat("ü", 128) }, "subject: 256 bytes"},
		"any language":    {func(e *event.Event) { e.Subject = "Bestellung № 漢字 🎉\u00a0" }, ""},
		"NUL":             {func(e *event.Event) { e.Subject = "a\x00" }, "subject: control character at byte 1"},
		"escape":          {func(e *event.Event) { e.Type = "\x1b[2J" }, "type: control character at byte 0"},
		"newline":         {func(e *event.Event) { e.CausationID = "a\nb" }, "causationid: control character at byte 1"},
		"delete":          {func(e *event.Event) { e.Source = "a\x7f" }, "source: control character"},
		"C1":              {func(e *event.Event) { e.ServiceVersion = "a\u0085" }, "serviceversion: control character"},
		"not UTF-8":       {func(e *event.Event) { e.FlowName, e.FlowID = "\xff", "f" }, "flowname: not valid UTF-8"},
		"surrogate":       {func(e *event.Event) { e.Subject = "\xed\xa0\x80" }, "subject: not valid UTF-8"},
		"noncharacter":    {func(e *event.Event) { e.Subject = "a\ufdd0" }, "subject: noncharacter at byte 1"},
		"last of a plane": {func(e *event.Event) { e.Subject = "\U0001ffff" }, "subject: noncharacter"},

		"first year":     {func(e *event.Event) { e.Time = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC) }, ""},
		"last second":    {func(e *event.Event) { e.Time = time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC) }, ""},
		"year 10000":     {func(e *event.Event) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "time: the year is 10000"},
		"by its zone":    {func(e *event.Event) { e.Time = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200)) }, "time: the year is 10000"},
		"before Christ":  {func(e *event.Event) { e.Time = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) }, "time: the year is -1"},
		"trigger's year": {func(e *event.Event) { e.TriggerTime = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) }, "triggertime: the year is 12000"},

		"content type":     {func(e *event.Event) { e.DataContentType = "application/vnd.shop+json; charset=utf-8" }, ""},
		"whole event":      {func(e *event.Event) { e.DataContentType = "application/cloudevents+json" }, "datacontenttype: "},
		"whole event, odd": {func(e *event.Event) { e.DataContentType = "Application/CloudEvents-Batch+json" }, "datacontenttype: "},

		"extension":           {func(e *event.Event) { e.Extensions = map[string]string{"tenant7": "a"} }, ""},
		"empty extension":     {func(e *event.Event) { e.Extensions = map[string]string{"tenant": ""} }, ""},
		"upper case":          {func(e *event.Event) { e.Extensions = map[string]string{"Tenant": "a"} }, `extension name "Tenant": only a-z and 0-9`},
		"dash":                {func(e *event.Event) { e.Extensions = map[string]string{"my-tenant": "a"} }, "only a-z and 0-9"},
		"nameless":            {func(e *event.Event) { e.Extensions = map[string]string{"": "a"} }, "1 to 64 characters"},
		"long name":           {func(e *event.Event) { e.Extensions = map[string]string{strings.Repeat("x", 65): "a"} }, "1 to 64 characters"},
		"reserved":            {func(e *event.Event) { e.Extensions = map[string]string{"flowid": "a"} }, "a field of its own"},
		"data":                {func(e *event.Event) { e.Extensions = map[string]string{"data": "a"} }, "a field of its own"},
		"extension's value":   {func(e *event.Event) { e.Extensions = map[string]string{"tenant": "\t"} }, "tenant: control character"},
		"extension's length":  {func(e *event.Event) { e.Extensions = map[string]string{"tenant": long + "x"} }, "tenant: 256 bytes"},
		"many extensions":     {func(e *event.Event) { e.Extensions = extensions(event.MaxExtensions) }, ""},
		"too many extensions": {func(e *event.Event) { e.Extensions = extensions(event.MaxExtensions + 1) }, "extensions: 65 of them"},
	} {
		t.Run(name, func(t *testing.T) {
			e := minimal()
			c.change(&e)
			err := e.Validate()
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, event.ErrInvalid)
			require.ErrorContains(t, err, c.err)
		})
	}
}
