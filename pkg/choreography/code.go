package choreography

// Code names a kind of problem.
type Code string

// What [Parse] refuses.
const (
	CodeSyntax        Code = "syntax"
	CodeLimit         Code = "limit"
	CodeUnknownField  Code = "unknown-field"
	CodeMissingField  Code = "missing-field"
	CodeBadValue      Code = "bad-value"
	CodeDuplicate     Code = "duplicate"
	CodeNoDeadline    Code = "no-deadline"
	CodeContradiction Code = "contradiction"
)

// What [Check] finds.
const (
	CodeNotEmitted          Code = "not-emitted"
	CodeStartNotEmitted     Code = "start-not-emitted"
	CodeNobodyReacts        Code = "nobody-reacts"
	CodeUnknownEvent        Code = "unknown-event"
	CodeNoOutcomes          Code = "no-outcomes"
	CodeDeadEnd             Code = "dead-end"
	CodeEndlessLoop         Code = "endless-loop"
	CodeNotUndone           Code = "not-undone"
	CodeNothingUndoes       Code = "nothing-undoes"
	CodeUnreachableReaction Code = "unreachable-reaction"
	CodeSilentService       Code = "silent-service"
	CodeAbandonedEarly      Code = "abandoned-early"
	CodeSameReaction        Code = "same-reaction"
	CodeSameService         Code = "same-service"
	CodeSameName            Code = "same-name"
	CodeSharedStart         Code = "shared-start"
	CodeTooManyHistories    Code = "too-many-histories"
)

// What [CheckLive] finds.
const (
	CodeNotBound         Code = "not-bound"
	CodeDoesNotEmit      Code = "does-not-emit"
	CodeEmitsNotDeclared Code = "emits-not-declared"
	CodeUndeclaredEmit   Code = "undeclared-emit"
	CodeUndeclaredBind   Code = "undeclared-binding"
	CodeNearMiss         Code = "near-miss"
	CodeUnheard          Code = "unheard"
	CodeNeverComes       Code = "never-comes"
	CodeNeverAnnounced   Code = "never-announced"
	CodeUnknownService   Code = "unknown-service"
)

// Codes returns all codes.
func Codes() []Code {
	return []Code{
		CodeSyntax, CodeLimit, CodeUnknownField, CodeMissingField, CodeBadValue, CodeDuplicate, CodeNoDeadline, CodeContradiction,
		CodeNotEmitted, CodeStartNotEmitted, CodeNobodyReacts, CodeUnknownEvent, CodeNoOutcomes, CodeDeadEnd, CodeEndlessLoop,
		CodeNotUndone, CodeNothingUndoes, CodeUnreachableReaction, CodeSilentService, CodeAbandonedEarly, CodeSameReaction, CodeSameService, CodeSameName,
		CodeSharedStart, CodeTooManyHistories,
		CodeNotBound, CodeDoesNotEmit, CodeEmitsNotDeclared, CodeUndeclaredEmit, CodeUndeclaredBind, CodeNearMiss, CodeUnheard,
		CodeNeverComes, CodeNeverAnnounced, CodeUnknownService,
	}
}
