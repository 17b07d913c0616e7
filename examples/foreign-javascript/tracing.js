// Traces amqplib with the official OpenTelemetry instrumentation, set up as its
// own documentation has it. Load it before anything else:
//
//   node --require ./tracing.js shop.js billing
//
// Spans go where OTEL_EXPORTER_OTLP_ENDPOINT says. Without it there are none, but
// each message carries its trace context all the same.
'use strict';

const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http');
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { AmqplibInstrumentation } = require('@opentelemetry/instrumentation-amqplib');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { NodeTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node');

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': process.argv[2] }),
  spanProcessors: process.env.OTEL_EXPORTER_OTLP_ENDPOINT ? [new SimpleSpanProcessor(new OTLPTraceExporter())] : [],
});
provider.register(); // with W3C Trace Context
registerInstrumentations({ instrumentations: [new AmqplibInstrumentation()] });
process.once('beforeExit', () => provider.shutdown());
