import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openDataDirectory } from '@evergreen/stack/data-directory.ts';
import { serviceEntry } from '@evergreen/stack/paths.ts';
import { supervise } from '@evergreen/stack/supervisor.ts';
import { createTestDatabase, createTestVhost } from '@evergreen/stack/testing.ts';

/** The real auth service as a process, on a database and a virtual host of its own, restarted when it dies. */
export async function startAuth() {
  const directory = await openDataDirectory(
    join(process.env.TEST_DIRECTORY ?? '', `stack-edge-${randomBytes(5).toString('hex')}`),
  );
  const database = await createTestDatabase('auth');
  const vhost = await createTestVhost();
  const port = await directory.port('auth');
  const env = {
    NODE_ENV: 'test',
    PORT: String(port),
    DATABASE_URL: database.url,
    AMQP_URL: vhost.urls.auth,
  };
  const supervisor = supervise({
    directory: directory.path,
    specs: [{ name: 'auth', args: [serviceEntry('auth')], port, env, stopStage: 0 }],
    say: () => undefined,
  });
  await supervisor.start();
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    /** Ends it with `kill -9`, and answers when it is back. */
    async killAndAwait(whileAway: () => Promise<void>): Promise<void> {
      supervisor.kill('auth', 'SIGKILL');
      await whileAway();
      await supervisor.awaitReady('auth');
    },
    async stop() {
      await supervisor.stop();
      directory.release();
      await vhost.drop();
      await database.drop();
    },
  };
}
