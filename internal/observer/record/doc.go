// Package record is the vocabulary of an observer's own records in the log.
//
// The log is the truth: whatever an observer uses beside events is written into
// it first, so that the log alone tells what became of every flow. Pulses carry
// log time and what was seen of queues; others state the contracts and mappings
// in force, where messages went that nobody received, and what people did.
//
// [Encode] makes an event of a record, to be put into the log only; [Decode]
// reads it back. Both check the same bounds. A record that can't be read is the
// reader's to count: it is no reason to stop.
package record
