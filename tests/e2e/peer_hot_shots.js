// hot-shots sends what a service would: node peer_hot_shots.js udp PORT | uds PATH, COUNT
'use strict';
const path = require('path');
const StatsD = require(path.join(__dirname, '../../build/node/node_modules/hot-shots')).StatsD;
const [kind, where, count] = process.argv.slice(2);
const client = new StatsD({
  ...(kind === 'uds' ? { protocol: 'uds', path: where } : { host: '127.0.0.1', port: Number(where) }),
  globalTags: { service: 'checkout', cohort: 'candidate' },
  maxBufferSize: 1400,
  bufferFlushInterval: 20,
  errorHandler: e => { console.error(e); process.exitCode = 1; },
});
for (let i = 0; i < Number(count); i++) {
  client.increment('http.requests', 2);
  if (i % 10 === 0) client.increment('http.errors', { region: 'eu' });
  client.distribution('latency_ms', 10 + i % 50);
  client.timing('latency_ms', 20);
  client.histogram('latency_ms', 30.5, ['region:us']);
}
client.increment('http.requests', 1, new Date()); // with a time of its own
client.set('latency_ms', 'user-1'); // refused by name
client.gauge('latency_ms', 5); // refused by name
client.close(() => process.exit());
