import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataDirectory } from './data-directory.ts';
import { prepareTemplates } from './databases.ts';
import { startInfrastructure } from './infrastructure.ts';
import { evergreenDirectory } from './paths.ts';
import { runCommand, step, untilStopped } from './progress.ts';

// `npm run infra`: Postgres and RabbitMQ for many runs of `npm test` in a row. Nothing in them is kept.
await runCommand(async (signal, onStop) => {
  const path = join(evergreenDirectory, 'infra');
  mkdirSync(evergreenDirectory, { recursive: true });
  const directory = await openDataDirectory(path);
  const environmentFile = join(evergreenDirectory, 'infra.env');
  onStop(() => {
    rmSync(environmentFile, { force: true });
    directory.release();
    rmSync(path, { recursive: true, force: true });
  });
  for (const data of ['postgres', 'rabbitmq']) rmSync(join(path, data), { recursive: true, force: true });
  const infrastructure = await step('Postgres, RabbitMQ and template databases', (say) =>
    startInfrastructure({ directory, throwaway: true, say, signal, prepare: prepareTemplates }),
  );
  onStop(() => infrastructure.stop());
  const lines = [
    `export DATABASE_URL='${infrastructure.databaseUrl}'`,
    `export AMQP_URL='${infrastructure.amqpUrl}'`,
    `export RABBITMQ_MANAGEMENT_URL='${infrastructure.managementUrl}'`,
  ];
  writeFileSync(environmentFile, `${lines.join('\n')}\n`, { mode: 0o600 });
  console.log(`\n${lines.join('\n')}\n\nIn another terminal: . .evergreen/infra.env && npm test. Ctrl-C stops.`);
  return untilStopped(signal, infrastructure.failed);
});
