import { RETRY_DELAYS_MS } from '@evergreen/contracts/topology.ts';
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { deadQueue, retryQueue } from './topology.ts';

/** How many messages stand in the queues of a service, asked of the broker when somebody asks for the metrics. */
export function observeQueues(options: {
  /** Names of the queues that this process consumes. */
  queues: () => readonly string[];
  readDepths: (names: readonly string[]) => Promise<{ name: string; ready: number }[]>;
  logger: Logger;
  metrics: Registry;
}): void {
  const { queues, readDepths, logger, metrics } = options;
  new Gauge({
    name: 'evergreen_queue_messages',
    help: 'Messages in a queue that no consumer holds: ready, waiting for another try, or dead; every replica says the same',
    labelNames: ['queue', 'part'],
    registers: [metrics],
    async collect() {
      const parts = queues().flatMap(partsOf);
      try {
        const depths = await readDepths(parts.map(({ name }) => name));
        const ready = new Map(depths.map((depth) => [depth.name, depth.ready]));
        this.reset();
        for (const { name, queue, part } of parts) this.inc({ queue, part }, ready.get(name) ?? 0);
      } catch (err) {
        // The other metrics are wanted most when the broker is away; an old number would look like a fresh one.
        this.reset();
        logger.warn({ err }, 'the queues cannot be counted');
      }
    },
  });
}

const partsOf = (queue: string) => [
  { name: queue, queue, part: 'ready' },
  ...RETRY_DELAYS_MS.map((_, index) => ({ name: retryQueue(queue, index + 1), queue, part: 'retry' })),
  { name: deadQueue(queue), queue, part: 'dead' },
];
