import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createUsers } from '@evergreen/stack/broker.ts';
import { openDataDirectory } from '@evergreen/stack/data-directory.ts';
import { prepareTemplates } from '@evergreen/stack/databases.ts';
import { startInfrastructure } from '@evergreen/stack/infrastructure.ts';
import { evergreenDirectory } from '@evergreen/stack/paths.ts';
import { runCommand, step } from '@evergreen/stack/progress.ts';
import { traceTree } from '@evergreen/stack/trace-tree.ts';
import { startTracedStack, traceLifeOfOne } from './renewal-trace.ts';

// `npm run trace`: shows what becomes of one purchase and one renewal, from the spans that the services export. Nothing is kept.
await runCommand(async (signal, onStop) => {
  const path = join(evergreenDirectory, `trace-${process.pid}`);
  const directory = await openDataDirectory(path);
  onStop(() => {
    directory.release();
    rmSync(path, { recursive: true, force: true });
  });
  const infrastructure = await step('Postgres, RabbitMQ and template databases', (say) =>
    startInfrastructure({ directory, throwaway: true, say, signal, prepare: prepareTemplates }),
  );
  onStop(() => infrastructure.stop());
  await createUsers(infrastructure);
  Object.assign(process.env, {
    TEST_DATABASE_ADMIN_URL: infrastructure.databaseUrl,
    TEST_AMQP_URL: infrastructure.amqpUrl,
    TEST_RABBITMQ_MANAGEMENT_URL: infrastructure.managementUrl,
    TEST_DIRECTORY: path,
  });
  const traced = await step('Services', () => startTracedStack());
  onStop(() => traced.stop());
  const { purchase, renewal } = await step('A customer, a subscription, and a month', () => traceLifeOfOne(traced));
  console.log(`\nA purchase\n\n${traceTree(purchase)}\n\nA renewal\n\n${traceTree(renewal)}\n`);
  return 0;
});
