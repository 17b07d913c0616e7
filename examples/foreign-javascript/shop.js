// A shop of three services on RabbitMQ, as many a system is written: a topic
// exchange, a queue for each service, JSON bodies. Nothing in it knows of Laban.
//
//   node shop.js billing               pays orders, until it is ended
//   node shop.js shipping              ships what is paid
//   node shop.js web ORDER…            places orders, and ends
//
// AMQP_URL names the broker. With --require ./tracing.js it is traced by the
// official OpenTelemetry instrumentation of amqplib.
'use strict';

const { randomUUID } = require('node:crypto');
const amqp = require('amqplib');

const exchange = 'shop';

// reactions are what each service does about an event. Nobody answers an order
// that ends in 13: a mistake of billing, which no log of its own shows.
const reactions = {
  billing: {
    queue: 'shop-billing-v2',
    on: { 'order.placed': (order) => (order.id.endsWith('13') ? undefined : 'order.paid') },
  },
  shipping: {
    queue: 'shop-shipping',
    on: { 'order.paid': () => 'order.shipped' },
  },
};

async function publish(channel, service, type, order) {
  channel.publish(exchange, type, Buffer.from(JSON.stringify({ order })), {
    messageId: randomUUID(),
    appId: service,
    contentType: 'application/json',
    timestamp: Math.floor(Date.now() / 1000),
    persistent: true,
  });
  await channel.waitForConfirms();
}

async function react(channel, service) {
  const { queue, on } = reactions[service];
  await channel.assertQueue(queue, { durable: true });
  for (const type of Object.keys(on)) {
    await channel.bindQueue(queue, exchange, type);
  }
  await channel.prefetch(10);
  await channel.consume(queue, async (message) => {
    const { order } = JSON.parse(message.content.toString());
    const answer = on[message.fields.routingKey](order);
    if (answer) {
      await publish(channel, service, answer, order);
    }
    channel.ack(message);
  });
  console.log(`${service} is ready`);
}

async function place(channel, orders) {
  for (const id of orders) {
    await publish(channel, 'web', 'order.placed', { id, total: 4200 });
  }
}

async function main([service, ...orders]) {
  if (service !== 'web' && !reactions[service]) {
    throw new Error(`usage: node shop.js billing | shipping | web ORDER…`);
  }
  const connection = await amqp.connect(process.env.AMQP_URL || 'amqp://localhost/');
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange(exchange, 'topic', { durable: true });
  if (service === 'web') {
    await place(channel, orders);
    await connection.close();
    return;
  }
  await react(channel, service);
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => connection.close());
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
