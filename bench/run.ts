import { readdirSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { createUsers } from '@evergreen/stack/broker.ts';
import { openDataDirectory } from '@evergreen/stack/data-directory.ts';
import { prepareTemplates } from '@evergreen/stack/databases.ts';
import { startInfrastructure } from '@evergreen/stack/infrastructure.ts';
import { evergreenDirectory } from '@evergreen/stack/paths.ts';
import { runCommand, step } from '@evergreen/stack/progress.ts';
import { ReadableError } from '@evergreen/stack/readable-error.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';

// `npm run bench -- <name>`: starts the whole system as `npm start` does, on servers and data of its own that write to disk
// as in earnest, and measures one thing on it.

/** What a file here exports as `measure`: it measures, and answers with the lines that say what came out. */
export type Measure = (stack: TestStack) => Promise<string[]>;

const names = readdirSync(import.meta.dirname)
  .map((file) => basename(file, '.ts'))
  .filter((name) => name !== 'run');

await runCommand(async (signal, onStop) => {
  const [name = '', ...rest] = process.argv.slice(2);
  if (!names.includes(name) || rest.length > 0) {
    throw new ReadableError(`Say what to measure: npm run bench -- ${names.join(' | ')}`);
  }
  const { measure } = (await import(`./${name}.ts`)) as { measure: Measure };
  const path = join(evergreenDirectory, `bench-${process.pid}`);
  const directory = await openDataDirectory(path);
  onStop(() => {
    directory.release();
    rmSync(path, { recursive: true, force: true });
  });
  const infrastructure = await step('Postgres, RabbitMQ and template databases', (say) =>
    startInfrastructure({ directory, throwaway: false, say, signal, prepare: prepareTemplates }),
  );
  onStop(() => infrastructure.stop());
  await createUsers(infrastructure);
  process.env.TEST_DATABASE_ADMIN_URL = infrastructure.databaseUrl;
  process.env.TEST_AMQP_URL = infrastructure.amqpUrl;
  process.env.TEST_RABBITMQ_MANAGEMENT_URL = infrastructure.managementUrl;
  process.env.TEST_DIRECTORY = path;
  // A line for every request would be part of what is measured.
  process.env.LOG_LEVEL ||= 'warn';
  const stack = await step('Services', () => startTestStack());
  onStop(() => stack.stop());
  signal.throwIfAborted();
  const lines = await step(name, () => measure(stack));
  const [cpu] = cpus();
  console.log(
    `\n${lines.join('\n')}\n(${infrastructure.provider} servers, ${cpus().length} cores, ${cpu?.model.trim()})`,
  );
  return 0;
});
