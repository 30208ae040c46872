// AWS' own library sends to the CloudWatch agent's address, which is judged: node peer_emf.js tcp://127.0.0.1:PORT COUNT
'use strict';
const path = require('path');
const [endpoint, count] = process.argv.slice(2);
process.env.AWS_EMF_ENVIRONMENT = 'Agent'; // do not look where we run
process.env.AWS_EMF_AGENT_ENDPOINT = endpoint;
process.env.AWS_EMF_SERVICE_NAME = 'checkout';
process.env.AWS_EMF_SERVICE_TYPE = 'test';
const { createMetricsLogger, Unit, StorageResolution } = require(path.join(__dirname, '../../build/node/node_modules/aws-embedded-metrics'));

(async () => {
  for (let i = 0; i < Number(count); i++) {
    const metrics = createMetricsLogger();
    metrics.setNamespace('Shop');
    metrics.putDimensions({ stage: 'canary' });
    metrics.setProperty('cohort', 'candidate');
    metrics.setProperty('requestId', `request-${i}`);
    metrics.putMetric('Requests', 1, Unit.Count);
    metrics.putMetric('Errors', i % 10 === 0 ? 1 : 0, Unit.Count, StorageResolution.High);
    metrics.putMetric('Latency', 10 + i % 50, Unit.Milliseconds);
    metrics.putMetric('Latency', 20, Unit.Milliseconds);
    await metrics.flush();
  }
  setTimeout(() => process.exit(), 200); // what the socket still holds
})();
