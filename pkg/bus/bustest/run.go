package bustest

import "testing"

// Run runs the suite against brokers of h, each test as a subtest of t.
func Run(t *testing.T, h Harness) {
	h.setDefaults()
	for _, c := range cases() {
		if c.needs != nil && !c.needs(h.Features) {
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.run(newStage(t, h, c.private)) })
	}
}

// testCase is one test of the suite.
type testCase struct {
	name    string
	needs   func(Features) bool // nil: every broker can do it
	private bool                // runs on a broker of Harness.NewPrivate
	run     func(*stage)
}

// What a test can need.
func cuts(f Features) bool     { return f.CutConnections }
func restarts(f Features) bool { return f.Restart }
func blocks(f Features) bool   { return f.Block }
func deletes(f Features) bool  { return f.DeleteQueue }

// cases is the suite, from what everything else builds upon to what goes wrong.
func cases() []testCase {
	return []testCase{
		{name: "Envelope", run: testEnvelope},
		{name: "SparseEvent", run: testSparseEvent},
		{name: "Data", run: testData},
		{name: "Isolation", run: testIsolation},
		{name: "Foreign", run: testForeign},
		{name: "ConcurrentPublishers", run: testConcurrentPublishers},

		{name: "SeveralTypes", run: testSeveralTypes},
		{name: "Patterns", run: testPatterns},
		{name: "ManyTypes", run: testManyTypes},
		{name: "FanOut", run: testFanOut},
		{name: "Competing", run: testCompeting},
		{name: "Away", run: testAway},
		{name: "LeftOverBinding", run: testLeftOverBinding},
		{name: "Unrouted", run: testUnrouted},

		{name: "Order", run: testOrder},
		{name: "OrderByFlow", run: testOrderByFlow},
		{name: "Concurrency", run: testConcurrency},
		{name: "SlowKey", run: testSlowKey},
		{name: "Pipelining", run: testPipelining},

		{name: "Refused", run: testRefused},
		{name: "DoneOnce", run: testDoneOnce},
		{name: "EndedContext", run: testEndedContext},
		{name: "Relay", run: testRelay},

		{name: "RetryLevels", run: testRetryLevels},
		{name: "RetryDelay", run: testRetryDelay},
		{name: "RetryShortBehindLong", run: testRetryShortBehindLong},
		{name: "RetryHoldsUpNothing", run: testRetryHoldsUpNothing},
		{name: "RetryReachesOneQueue", run: testRetryReachesOneQueue},
		{name: "RetryOutlivesService", run: testRetryOutlivesService},
		{name: "Timeout", run: testTimeout},
		{name: "Panic", run: testPanic},
		{name: "Goexit", run: testGoexit},

		{name: "Exhausted", run: testExhausted},
		{name: "Permanent", run: testPermanent},
		{name: "LongError", run: testLongError},
		{name: "Drop", run: testDrop},
		{name: "Poison", run: testPoison},

		{name: "Flow", run: testFlow},
		{name: "Announcement", run: testAnnouncement},
		{name: "AnnouncementOfPublisher", run: testAnnouncementOfPublisher},

		{name: "LogPositions", run: testLogPositions},
		{name: "LogReaders", run: testLogReaders},
		{name: "LogKinds", run: testLogKinds},
		{name: "LogDirect", run: testLogDirect},
		{name: "LogMalformed", run: testLogMalformed},

		{name: "Drain", run: testDrain},
		{name: "HardStop", run: testHardStop},
		{name: "StopEarly", run: testStopEarly},
		{name: "Ready", run: testReady},
		{name: "Close", run: testClose},
		{name: "CloseConsuming", run: testCloseConsuming},

		{name: "Redelivery", needs: cuts, run: testRedelivery},
		{name: "StaleSettlement", needs: cuts, run: testStaleSettlement},
		{name: "OrderAfterCut", needs: cuts, run: testOrderAfterCut},
		{name: "AnnouncedAgain", needs: cuts, run: testAnnouncedAgain},
		{name: "LogResumes", needs: cuts, run: testLogResumes},
		{name: "CutUnderLoad", needs: cuts, run: testCutUnderLoad},
		{name: "DeletedRetryQueue", needs: deletes, run: testDeletedRetryQueue},
		{name: "DeletedParkedQueue", needs: deletes, run: testDeletedParkedQueue},
		{name: "DeletedQueue", needs: deletes, run: testDeletedQueue},
		{name: "Blocked", needs: blocks, private: true, run: testBlocked},
		{name: "CloseBlocked", needs: blocks, private: true, run: testCloseBlocked},
		{name: "RestartUnderLoad", needs: restarts, private: true, run: testRestartUnderLoad},
	}
}
