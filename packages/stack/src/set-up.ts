import { isIP } from 'node:net';
import { EXIT_CONFIG } from '@evergreen/service-kit/process.ts';

// The one-shot container that docker-compose.yml runs before the services: databases, roles and migrations, then queues and
// users of the broker. Run again it changes nothing that is there, but for passwords, which are set to these.

/** What docker-compose.yml has in place of every secret that .env does not name. */
const KNOWN = 'known-to-everybody';

const address = process.env.BIND_ADDRESS || '127.0.0.1';
const isLoopback = address === '::1' || address === 'localhost' || (isIP(address) === 4 && address.startsWith('127.'));
const known = Object.entries(process.env)
  .filter(([name, value]) => !name.endsWith('_URL') && value === KNOWN)
  .map(([name]) => name);
const isKnown = (url = '') => url.includes(`:${KNOWN}@`);
if (isKnown(process.env.DATABASE_URL)) known.push('POSTGRES_PASSWORD');
if (isKnown(process.env.AMQP_URL)) known.push('RABBITMQ_PASSWORD');

if (!isLoopback && known.length > 0) {
  const advice = 'Take those of .env.example for nothing but this machine; the README says how to make your own.';
  console.error(`BIND_ADDRESS is ${address}, and these are still ${KNOWN}: ${known.join(', ')}. ${advice}`);
  process.exit(EXIT_CONFIG);
}

await import('./set-up-databases.ts');
if (!process.exitCode) {
  const { closeServer } = await import('./databases.ts');
  // The server of docker-compose.yml is nobody else's.
  await closeServer(process.env.DATABASE_URL ?? '');
  await import('./set-up-broker.ts');
}
