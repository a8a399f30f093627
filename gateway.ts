#!/usr/bin/env node
import { loadSettings } from './config.js';
import { startGatewayService } from './client/services.js';

/** A gateway process: `node dist/gateway.js` in a project folder; ends cleanly on SIGTERM and SIGINT. */
const service = await startGatewayService(loadSettings());
process.stderr.write(`gateway: ready on ${service.url}\n`);
const signalled = new Promise<void>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
});
await Promise.race([signalled, service.failed]);
await service.stop();
